"""What the owner sees while writing, sending and watching."""

import re
import uuid
from datetime import time, timedelta
from importlib import import_module

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.audience.criteria import Criteria, describe
from apps.audience.rules.visits import Unseen
from apps.audience.services import keep_segment
from apps.campaigns import queries, services
from apps.campaigns.estimate import estimate
from apps.campaigns.models import Drop, State
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.messaging.models import Message
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

WORDS = {
    "title": "Arrivage",
    "use_sms": "on",
    "sms_text": "{prénom}, du nouveau chez {boutique} : {lien}",
    "fallback": "cher client",
    "when": "now",
}


@pytest.fixture
def draft(shop):
    ProgrammeFactory()
    return services.create(Actor("team", 1), written={"use_email": False, "sms_text": "Bonjour"})


def _save(client, draft, **more):
    return client.post(reverse("drop_save", args=[draft.pk]), {**WORDS, **more})


def test_an_empty_list_teaches_and_offers_to_write(owner_client):
    page = owner_client.get("/gestion/messages/").content.decode()
    assert "Écrire le premier" in page


def test_a_starter_makes_a_draft_and_a_link_says_for_whom(owner_client):
    page = owner_client.get("/gestion/messages/nouveau/?unseen=45&seen=180&visits=3")
    assert "pas vus depuis 45 jours" in page.content.decode()
    response = owner_client.post("/gestion/messages/nouveau/", {"depart": "absent", "unseen": "60"})
    draft = Drop.objects.get()
    assert response.url == f"/gestion/messages/{draft.pk}/"
    assert draft.criteria == {"groups": [{"rules": [{"is": "unseen", "days": 60}]}]}
    assert "{prénom" in draft.sms_text


def test_a_drop_for_a_segment_follows_it_until_it_leaves(owner_client, absent, run_jobs):
    page = owner_client.get(f"/gestion/messages/nouveau/?segment={absent.pk}").content.decode()
    assert "le segment « Absents »" in typo_free(page)
    owner_client.post("/gestion/messages/nouveau/", {"depart": "", "segment": absent.pk})
    draft = Drop.objects.get()
    assert draft.segment == absent
    here, gone = ContactFactory.create_batch(2, agreeing=True)
    Contact.objects.filter(pk=here.pk).update(last_visit_at=timezone.now())
    _save(owner_client, draft, segment=absent.pk)
    page = owner_client.get(f"/gestion/messages/{draft.pk}/").content.decode()
    assert 'data-people="1"' in page
    draft.refresh_from_db()
    told = estimate(draft, owner_client.shop, timezone.now())
    services.launch(draft.pk, uuid.uuid4(), Actor("team", 1), told)
    run_jobs()
    draft.refresh_from_db()
    assert [m.contact_id for m in Message.objects.filter(cause=draft.cause)] == [gone.pk]
    assert (draft.segment, draft.criteria) == (None, absent.criteria)


@pytest.fixture
def absent(shop):
    ProgrammeFactory()
    return keep_segment("Absents", Criteria.of(Unseen(45)), Actor("team", 1))


def typo_free(page):
    return page.replace("\u00a0", " ").replace("\u202f", " ")


def test_the_composer_counts_whom_it_reaches_and_says_why_not_the_others(owner_client, draft):
    ContactFactory.create_batch(3, agreeing=True)
    ContactFactory.create_batch(2)
    page = owner_client.get(f"/gestion/messages/{draft.pk}/").content.decode()
    assert re.search(r'data-people="3"', page)
    assert 'sans accord <span class="num">(2)</span>' in page


def test_a_preview_shows_nobody_s_own_links(owner_client, draft):
    _save(owner_client, draft, sms_text="{prénom}, votre carte : {lien}")
    card = CardFactory(contact__agreeing=True, contact__first_name="Zoé")
    page = owner_client.get(f"/gestion/messages/{draft.pk}/").content.decode()
    assert f"{card.contact.first_name}, votre carte" in page
    assert card.token not in page
    assert card.contact.link_token not in page


def test_typing_is_kept_without_touching_the_fields(owner_client, draft):
    ContactFactory(agreeing=True, first_name="Zoé")
    response = owner_client.post(
        reverse("drop_save", args=[draft.pk]), WORDS, headers={"HX-Request": "true"}
    )
    page = response.content.decode()
    assert response.status_code == 200
    assert 'id="enregistre" hx-swap-oob="true"' in page
    assert "Zoé, du nouveau chez Cave du Marché" in page
    assert "dangereux pour la santé" in page
    assert "<textarea" not in page
    draft.refresh_from_db()
    assert draft.sms_text == WORDS["sms_text"]


def test_a_variable_that_does_not_exist_is_an_error_beside_the_text(owner_client, draft):
    response = _save(owner_client, draft, sms_text="Bonjour {prenon}")
    page = response.content.decode()
    assert response.status_code == 422
    assert "{prenon}" in page
    assert "n’est pas une variable" in page
    draft.refresh_from_db()
    assert draft.sms_text == "Bonjour"


def test_one_tap_writes_the_variable_that_was_meant(owner_client, draft):
    page = _save(owner_client, draft, sms_text="Bonjour {prenon}, {reste}").content.decode()
    assert "Vouliez-vous dire {prénom}" in page
    assert 'value="correct:sms_text">Écrire {prénom}<' in page
    tapped = _save(owner_client, draft, sms_text="Bonjour {prenon}", act="correct:sms_text")
    assert tapped.url.endswith("#message")
    draft.refresh_from_db()
    assert draft.sms_text == "Bonjour {prénom}"


def test_what_is_read_without_a_value_is_stated_beside_the_text(owner_client, draft):
    _save(owner_client, draft, sms_text="{prénom|Bonjour} {nom} : {tampons}")
    page = owner_client.get(f"/gestion/messages/{draft.pk}/").content.decode()
    stated = re.sub(r"<[^>]+>", "", re.search(r'<p[^>]*id="absences".*?</p>', page)[0])
    assert stated.replace("\u00a0", " ") == (
        "Si rien n’est connu, on lit : {prénom|Bonjour} → « Bonjour », {nom} → rien, "
        "{tampons} → « 0 »."
    )


def test_an_emoji_is_counted_with_its_lighter_twin(owner_client, draft):
    _save(owner_client, draft, sms_text="« Merci » 😊")
    page = owner_client.get(f"/gestion/messages/{draft.pk}/").content.decode()
    assert "😊 → :)" in page
    assert "« → &quot;" in page


def test_costly_signs_are_named_and_lightened_in_one_tap(owner_client, draft):
    _save(owner_client, draft, sms_text="L’été arrive… vite")
    page = owner_client.get(f"/gestion/messages/{draft.pk}/").content.decode()
    assert "Alléger" in page
    assert "UCS-2" in page
    _save(owner_client, draft, sms_text="L’été arrive… vite", act="lighten")
    draft.refresh_from_db()
    assert draft.sms_text == "L'été arrive... vite"


def test_a_message_s_own_choice_starts_from_its_segment_and_replaces_it(
    owner_client, draft, absent
):
    answer = _save(owner_client, draft, segment=absent.pk, act="who")
    assert answer.url == f"/gestion/messages/{draft.pk}/qui/"
    page = owner_client.get(answer.url).content.decode()
    assert "Vous partez du segment" in page
    assert 'name="g0r0" value="unseen"' in page
    typed = {"g0": "all", "g0r0": "ready", "act": "save"}
    assert owner_client.post(answer.url, typed).url == f"/gestion/messages/{draft.pk}/#qui"
    draft.refresh_from_db()
    assert draft.segment is None
    assert draft.criteria == {"groups": [{"rules": [{"is": "ready"}]}]}
    page = owner_client.get(f"/gestion/messages/{draft.pk}/").content.decode()
    assert "Choix de ce message" in page
    assert "Clients avec une récompense à prendre" in page


def test_a_wrong_choice_is_explained_and_the_message_keeps_its_own(owner_client, draft):
    typed = {"g0": "all", "g0r0": "place", "g0r0_places": "Bourgogne", "act": "save"}
    answer = owner_client.post(f"/gestion/messages/{draft.pk}/qui/", typed)
    assert answer.status_code == 422
    assert "Un département ou un code postal s’écrit" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.criteria == {}


def test_an_hour_that_is_past_is_refused_and_a_forbidden_one_is_explained(owner_client, draft):
    assert _save(owner_client, draft, when="later", send_at="2020-01-01T10:00").status_code == 422
    _save(owner_client, draft, when="later", send_at="2099-01-02T03:00")
    page = owner_client.get(f"/gestion/messages/{draft.pk}/").content.decode()
    assert "Le vôtre partira" in page


def test_the_confirmation_says_its_numbers_and_a_double_click_launches_once(
    owner_client, draft, run_jobs
):
    ContactFactory.create_batch(3, agreeing=True)
    url = reverse("drop_launch", args=[draft.pk])
    page = owner_client.get(url).content.decode()
    assert "Envoyer à 3 clients, 3 SMS, environ 0,21\u00a0€" in page
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    agreed = {"token": token, "people": "3", "segments": "3"}
    assert owner_client.post(url, agreed).status_code == 302
    assert owner_client.post(url, agreed).status_code == 302
    run_jobs()
    assert Message.objects.filter(cause=draft.cause).count() == 3
    assert owner_client.post(url, {**agreed, "token": str(uuid.uuid4())}).status_code == 409


def test_numbers_that_grew_since_they_were_read_are_shown_again(owner_client, draft):
    ContactFactory.create_batch(9, agreeing=True)
    url = reverse("drop_launch", args=[draft.pk])
    data = {"token": str(uuid.uuid4()), "people": "3", "segments": "3"}
    response = owner_client.post(url, data)
    assert response.status_code == 409
    assert "Les chiffres ont changé" in response.content.decode()
    draft.refresh_from_db()
    assert draft.state == State.DRAFT


def test_a_starter_s_blanks_are_filled_before_anything_leaves(owner_client, draft):
    ContactFactory(agreeing=True)
    _save(owner_client, draft, sms_text="[produit] est là")
    page = owner_client.get(reverse("drop_launch", args=[draft.pk])).content.decode()
    assert "Il reste à remplir" in page
    assert "[produit]" in page


def test_what_is_launched_is_no_longer_written(owner_client, draft, launched):
    assert _save(owner_client, launched).status_code == 409
    response = owner_client.post(reverse("drop_discard", args=[launched.pk]))
    assert response.status_code == 409


def test_the_progress_page_follows_while_it_moves_and_rests_when_done(
    owner_client, launched, run_jobs
):
    page = owner_client.get(f"/gestion/messages/{launched.pk}/").content.decode()
    assert 'hx-trigger="every' in page
    assert "<progress" in page
    run_jobs()
    Drop.objects.filter(pk=launched.pk).update(state=State.DONE)
    page = owner_client.get(
        f"/gestion/messages/{launched.pk}/", headers={"HX-Request": "true"}
    ).content.decode()
    assert "<html" not in page
    assert 'hx-trigger="every' not in page
    assert "<progress" not in page
    assert "SMS\u00a0: 3" in page.replace("&nbsp;", "\u00a0")


def test_a_drop_for_one_person_says_so(owner_client, draft):
    later = timezone.now() + timedelta(days=1)
    Drop.objects.filter(pk=draft.pk).update(
        state=State.SCHEDULED, send_at=later, promised={"people": 1}
    )
    page = owner_client.get(f"/gestion/messages/{draft.pk}/").content.decode()
    assert "1 client</b>" in page


def test_a_segment_that_is_picked_is_said_at_once(owner_client, draft, absent):
    typed = {**WORDS, "segment": absent.pk}
    address = reverse("drop_save", args=[draft.pk])
    answer = owner_client.post(address, typed, headers={"HX-Request": "true"})
    said = answer.content.decode().split('id="criteres"')[1].split("</div>")[0]
    assert "pas vus depuis 45 jours" in said
    assert "Tous les clients" not in said


def test_choices_of_before_groups_are_carried_over():
    flat = {"tags": ["jura"], "every_tag": True, "not_seen_since": 45, "near_reward": 2}
    also = {"reward_ready": True, "places": ["21"], "territories": ["GP"], "visits_at_least": 3}
    carried = import_module("apps.campaigns.migrations.0010_segments").grouped
    assert describe(Criteria.read(carried({**flat, **also}))) == (
        "Clients (étiquetés « jura », pas vus depuis 45 jours et venus au moins 3 fois), "
        "et (à 2 tampons d’une récompense ou moins ou avec une récompense à prendre), "
        "et (dans le département 21 ou avec un téléphone de Guadeloupe)"
    )
    assert carried({}) == {}
    assert describe(Criteria.read(carried({"places": ["21"], "seen_within": 30}))) == (
        "Clients vus depuis moins de 30 jours et dans le département 21"
    )


@pytest.fixture
def launched(shop, draft):
    ContactFactory.create_batch(3, agreeing=True)
    told = estimate(draft, shop, timezone.now())
    return services.launch(draft.pk, uuid.uuid4(), Actor("team", 1), told)


def test_a_test_goes_to_the_owner_and_to_no_customer(owner_client, owner, draft, run_jobs):
    from apps.accounts.models import PlatformMail
    from apps.campaigns.models import Trial

    Drop.objects.filter(pk=draft.pk).update(use_email=True, email_subject="A", email_text="B")
    CardFactory(contact__agreeing=True)
    response = owner_client.post(
        reverse("drop_trial", args=[draft.pk]), {"phone": "06 12 34 56 78"}, follow=True
    )
    assert "Essai envoyé à 06" in response.content.decode()
    assert PlatformMail.objects.get().to == owner.email
    run_jobs()
    trial = Trial.objects.get()
    assert (trial.outcome, trial.to, trial.body) == ("sent", "", "")
    assert not Message.objects.exists()


def test_tests_are_rationed(owner_client, draft):
    url = reverse("drop_trial", args=[draft.pk])
    for _ in range(10):
        owner_client.post(url, {"phone": "06 12 34 56 78"}, headers={"HX-Request": "true"})
    response = owner_client.post(url, {"phone": "06 12 34 56 78"}, headers={"HX-Request": "true"})
    assert response.status_code == 429


def test_helpers_and_neighbours_write_to_nobody(helper_client, neighbour_client, draft):
    for client in (helper_client, neighbour_client):
        assert client.get(f"/gestion/messages/{draft.pk}/").status_code == 403
        assert client.get("/gestion/messages/").status_code == 403


@pytest.mark.parametrize("count", [1, 12])
def test_the_list_asks_the_same_questions_however_long(
    owner_client, shop, count, django_assert_max_num_queries
):
    for _ in range(count):
        services.create(Actor("team", 1))
    with django_assert_max_num_queries(8):  # two of them name the schema
        assert owner_client.get("/gestion/messages/").status_code == 200


@pytest.mark.parametrize(("hours", "is_told"), [(2, True), (0, False)])
def test_what_waits_for_another_hour_says_when_it_goes_on(
    owner_client, draft, shop, hours, is_told
):
    now = timezone.now()
    # At night every message waits, and the page says so instead.
    shop.sundays_allowed, shop.quiet_until, shop.quiet_from = True, time(0), time.max
    shop.save()
    Drop.objects.filter(pk=draft.pk).update(state=State.SENDING, launched_at=now)
    person, due = ContactFactory(), now + timedelta(hours=hours)
    common = {"channel": "sms", "kind": "commercial", "cause": draft.cause, "body": "!"}
    Message.objects.create(contact=person, to=person.phone, available_at=due, **common)
    page = owner_client.get(f"/gestion/messages/{draft.pk}/").content.decode()
    assert (f"à {timezone.localtime(due):%H:%M}" in page and "outre-mer" in page) == is_told


def test_what_did_not_arrive_is_told_by_reason_with_some_names(
    shop, draft, django_assert_num_queries
):
    def lost(many, **story):
        for person in ContactFactory.create_batch(many):
            common = {"channel": "sms", "kind": "commercial", "cause": draft.cause, "body": "!"}
            Message.objects.create(contact=person, to=person.phone, **common, **story)

    lost(23, status="failed", reason="30005")
    lost(2, status="cancelled", reason="stopped")
    lost(4, status="cancelled", reason="called_off")
    lost(5, status="delivered")
    with django_assert_num_queries(1):
        first, second = queries.troubles(draft)
        names = {message.contact.first_name for message in first.people}
    assert (first.reason, first.count, len(first.people)) == ("Numéro invalide (30005)", 23, 20)
    assert (second.count, len(second.people)) == (2, 2)
    assert names
