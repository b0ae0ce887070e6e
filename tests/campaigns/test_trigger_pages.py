"""What the owner sees of the messages that leave by themselves."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.audience.criteria import Criteria
from apps.audience.rules.visits import Visits
from apps.audience.services import keep_segment
from apps.campaigns import automatic, firing
from apps.campaigns.models import Run, RunState, Trigger
from apps.campaigns.triggers import KINDS
from apps.core.actor import Actor
from apps.loyalty.facts import StampAdded
from apps.loyalty.services import add_stamp
from tests.factories import CardFactory, ProgrammeFactory

TEAM = Actor("team", 1)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def absent(shop):
    ProgrammeFactory()
    return automatic.create("inactivity", TEAM)


def typed(trigger, **more):
    return {
        "title": trigger.title,
        "use_sms": "on",
        "sms_text": trigger.sms_text,
        "fallback": "cher client",
        "hour": "10:00",
        **{f"reglage-{name}": value for name, value in trigger.settings.items()},
        "act": "save",
        **more,
    }


def save(client, trigger, headers=None, *, follow=False, **more):
    address = reverse("trigger_save", args=[trigger.pk])
    return client.post(address, typed(trigger, **more), headers=headers, follow=follow)


def gone(card, days):
    at = timezone.now() - timedelta(days=days)
    add_stamp(card=card, token=uuid4(), by=TEAM, now=at, over_cooldown=True)


def test_an_empty_list_teaches_and_offers_each_kind(owner_client):
    page = owner_client.get("/gestion/automatiques/").content.decode()
    assert "Le bon mot, sans y penser" in page
    assert all(kind.title in page for kind in KINDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_opens_with_words_and_off(owner_client, shop, kind):
    ProgrammeFactory()
    response = owner_client.post("/gestion/automatiques/nouveau/", {"kind": kind})
    trigger = Trigger.objects.get()
    assert response.url == f"/gestion/automatiques/{trigger.pk}/"
    page = owner_client.get(response.url).content.decode()
    assert "arrêté" in page
    assert "Part " in page
    assert trigger.sms_text[:12] in page
    assert not trigger.is_on


def test_what_is_typed_is_shown_and_not_kept(owner_client, absent):
    response = save(owner_client, absent, HTMX, act="", sms_text="Coucou {prénom}")
    page = response.content.decode()
    assert response.status_code == 200
    assert "Coucou Camille" in page
    assert 'id="apercu" hx-swap-oob="true"' in page
    assert "Coucou" not in Trigger.objects.get().sms_text


def test_settings_and_words_are_kept_by_the_button_alone(owner_client, absent):
    response = save(owner_client, absent, **{"reglage-days": "45", "hour": "17:30"})
    assert response.status_code == 302
    page = owner_client.get(response.url).content.decode()
    assert "45 jours après la dernière visite, à 17:30." in page


def test_a_wrong_setting_is_said_beside_its_field_and_keeps_what_was_typed(owner_client, absent):
    response = save(owner_client, absent, sms_text="Mes mots", **{"reglage-days": "3"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "Mes mots" in page
    assert 'id="reglage-days-erreur" role="alert"><p class="error">' in page
    assert Trigger.objects.get().settings["days"] == 60


def test_an_hour_at_which_one_does_not_write_is_refused(owner_client, absent):
    page = save(owner_client, absent, hour="23:00").content.decode()
    assert "Les messages sont permis de 08:00 à 21:30." in page


def test_what_is_on_cannot_be_saved_unreadable(owner_client, absent, shop):
    Trigger.objects.update(use_email=False)
    automatic.switch_on(absent.pk, TEAM, shop)
    response = save(owner_client, absent, sms_text="Passez prendre [cadeau]")
    assert response.status_code == 422
    assert "[cadeau]" in response.content.decode()
    assert "[cadeau]" not in Trigger.objects.get().sms_text


def test_costly_letters_are_made_lighter_on_the_page(owner_client, absent):
    page = save(owner_client, absent, act="lighten", sms_text="Ça alors…").content.decode()
    assert "Ça alors…" not in page
    assert Trigger.objects.get().sms_text == absent.sms_text


def test_the_look_back_counts_and_names_who_would_have_had_it(owner_client, absent):
    for days in (61, 70, 85):
        gone(CardFactory(contact__agreeing=True, contact__last_name=f"Absent{days}"), days)
    gone(CardFactory(contact__agreeing=True), 20)
    gone(CardFactory(contact__adult_declared_at=timezone.now()), 65)  # agreed to nothing
    for headers in (HTMX, None):
        page = save(owner_client, absent, headers, act="look_back").content.decode()
        page = page.partition('id="retour"')[2]  # the preview names some of them too
        assert '<b class="figure num">3</b> personnes' in page
        assert page.index("Absent61") < page.index("Absent70") < page.index("Absent85")
        assert "N’a pas donné son accord" in page
    assert not Run.objects.exists()


def test_what_the_look_back_promised_is_what_leaves(owner_client, absent, shop):
    gone(CardFactory(contact__agreeing=True, contact__last_name="Absent"), 61)
    Trigger.objects.update(use_email=False)
    automatic.switch_on(absent.pk, TEAM, shop, timezone.now() - timedelta(days=30))
    page = save(owner_client, absent, HTMX, act="look_back").content.decode()
    assert "Absent" in page
    Trigger.objects.update(next_at=timezone.now())
    firing.run_due()
    assert Run.objects.count() == 1


def test_it_may_be_only_for_a_segment_and_looks_back_on_that_one_alone(owner_client, absent):
    page = owner_client.get(reverse("trigger", args=[absent.pk])).content.decode()
    assert "Seulement pour" not in page, "no segment, no question"
    regulars = keep_segment("Habitués", Criteria.of(Visits(2, None)), TEAM)
    gone(CardFactory(contact__agreeing=True, contact__last_name="Passant"), 65)
    card = CardFactory(contact__agreeing=True, contact__last_name="Fidèle")
    gone(card, 65), gone(card, 61)
    page = save(owner_client, absent, act="look_back", segment=regulars.pk).content.decode()
    found = page.split('id="retour"')[1]
    assert "Fidèle" in found
    assert "Passant" not in found
    page = save(owner_client, absent, segment=regulars.pk, follow=True).content.decode()
    assert "seulement pour «" in page
    assert f'<option value="{regulars.pk}" selected>' in page
    assert automatic.duplicate(Trigger.objects.get(), TEAM).segment == regulars


def test_on_and_off_from_the_list(owner_client, absent):
    Trigger.objects.update(use_email=False)
    on = reverse("trigger_act", args=[absent.pk, "activer"])
    page = owner_client.post(on, {"liste": ""}, follow=True).content.decode()
    assert "est actif" in page
    assert Trigger.objects.get().next_at
    off = reverse("trigger_act", args=[absent.pk, "arreter"])
    page = owner_client.post(off, {"liste": ""}, follow=True).content.decode()
    assert "est arrêté" in page
    assert not Trigger.objects.get().is_on


def test_a_blank_left_is_said_when_it_is_switched_on(owner_client, shop):
    ProgrammeFactory()
    review = automatic.create("review", TEAM)
    on = reverse("trigger_act", args=[review.pk, "activer"])
    page = owner_client.post(on, follow=True).content.decode()
    assert "Il reste à remplir" in page
    assert not Trigger.objects.get().is_on


def test_a_copy_opens_and_the_unused_can_go(owner_client, absent):
    copied = owner_client.post(reverse("trigger_act", args=[absent.pk, "copier"]))
    copy = Trigger.objects.exclude(pk=absent.pk).get()
    assert copied.url == f"/gestion/automatiques/{copy.pk}/"
    owner_client.post(reverse("trigger_act", args=[copy.pk, "supprimer"]))
    assert Trigger.objects.get() == absent


def _history(shop, many):
    trigger = automatic.create("milestone", TEAM)
    trigger.settings["number"] = 1
    trigger.use_email = False
    trigger.save()
    now = timezone.now()
    automatic.switch_on(trigger.pk, TEAM, shop, now - timedelta(days=1))
    for turn in range(many):
        card = CardFactory(contact__agreeing=bool(turn % 2), contact__last_name=f"Cap{turn}")
        add_stamp(card=card, token=uuid4(), by=TEAM, now=now, over_cooldown=True)
        firing.react(StampAdded, card.contact_id, now, now)
    return trigger


def test_the_page_says_what_was_sent_and_why_the_rest_was_not(owner_client, shop):
    ProgrammeFactory()
    shop.sundays_allowed = True
    trigger = _history(shop, 4)
    page = owner_client.get(f"/gestion/automatiques/{trigger.pk}/").content.decode()
    assert Run.objects.filter(state=RunState.DROPPED, reason="minor").count() == 2
    assert "Majorité inconnue, ou mineur" in page
    assert "Cap3" in page


def test_both_pages_ask_the_same_of_the_database_for_one_and_for_many(
    owner_client, shop, django_assert_max_num_queries
):
    ProgrammeFactory()
    trigger = _history(shop, 12)
    for _ in range(3):
        automatic.duplicate(trigger, TEAM)
    with django_assert_max_num_queries(10):
        owner_client.get("/gestion/automatiques/")
    with django_assert_max_num_queries(19):
        owner_client.get(f"/gestion/automatiques/{trigger.pk}/")


def test_the_longest_and_the_shortest_real_message_are_shown(owner_client, absent):
    CardFactory(contact__agreeing=True, contact__first_name="Zoé")
    CardFactory(contact__agreeing=True, contact__first_name="Marie-Philippine")
    CardFactory(contact__agreeing=True, contact__first_name="Camille")
    CardFactory(contact__first_name="Anne-Charlotte-Apolline")  # agreed to nothing
    page = save(owner_client, absent, HTMX, act="", sms_text="Coucou {prénom}").content.decode()
    assert "le plus court, pour Zoé" in page
    assert "le plus long, pour Marie-Philippine" in page
    assert "Coucou Zoé" in page
    assert "Coucou Marie-Philippine" in page


def test_who_has_no_name_reads_the_word_in_its_place_and_may_be_the_longest(owner_client, absent):
    CardFactory(contact__agreeing=True, contact__first_name="Zoé")
    CardFactory(contact__agreeing=True, contact__first_name="", contact__last_name="")
    page = save(owner_client, absent, HTMX, act="", sms_text="Bon {prénom}").content.decode()
    assert "Bon cher client" in page


def test_one_tap_writes_the_variable_that_was_meant_and_keeps_nothing_yet(owner_client, absent):
    page = save(owner_client, absent, sms_text="Bonjour {prenon}").content.decode()
    assert "Écrire {prénom}" in page
    page = save(
        owner_client, absent, sms_text="Bonjour {prenon}", act="correct:sms_text"
    ).content.decode()
    assert "Bonjour {prénom}</textarea>" in page
    assert "prenon" not in page
