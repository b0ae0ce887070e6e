"""The owner finds a person in seconds and knows everything the shop knows."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.audience.queries import timeline
from apps.audit.models import Entry
from apps.catalog.models import PurchaseSource
from apps.catalog.services.purchases import LineWords, record_purchase
from apps.contacts.consent import write_consent
from apps.contacts.models import ConsentState, Contact
from apps.contacts.services import tag_named
from apps.core.actor import Actor
from apps.loyalty.importing import import_stamps
from apps.loyalty.models import Movement
from apps.messaging.services import post
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db

LIST = "/gestion/clients/"
HX = {"HTTP_HX_REQUEST": "true"}


def page_of(person):
    return f"{LIST}{person.pk}/"


def test_an_empty_shop_is_shown_how_to_begin(owner_client):
    page = owner_client.get(LIST).content.decode()
    for word in ("Imprimer l’affiche", "Importer un fichier", "Ajouter un client au comptoir"):
        assert word in page
    assert "<table" not in page


@pytest.mark.parametrize("typed", ["helene", "Hélène D", "45 67", "helene@exemple.fr", "+33 6 01"])
def test_a_person_is_found_by_what_one_remembers(owner_client, typed):
    ContactFactory(
        first_name="Hélène", last_name="Dupré", phone="+33601234567", email="helene@exemple.fr"
    )
    ContactFactory(first_name="Marc", last_name="Petit", phone="+33798888888", email="m@exemple.fr")
    page = owner_client.get(LIST, {"q": typed}).content.decode()
    assert "Dupré" in page
    assert "Petit" not in page


def test_typing_brings_the_list_alone(owner_client):
    ContactFactory(first_name="Zoé")
    part = owner_client.get(LIST, {"q": "zoe"}, **HX).content.decode()
    assert part.strip().startswith("<section")
    assert "Zoé" in part
    assert "Personne ne correspond" in owner_client.get(LIST, {"q": "xyz"}, **HX).content.decode()


def test_filters_narrow_and_nonsense_is_left_aside(owner_client, shop):
    ProgrammeFactory(goal=10)
    now = timezone.now()
    fond = ContactFactory(first_name="Fondue", agreeing=True, last_visit_at=now)
    fond.tags.add(tag_named("bulles"))
    CardFactory(contact=fond, balance=9, rewards_ready=1)
    ContactFactory(first_name="Perdue", last_visit_at=now - timedelta(days=100))
    for query in ({"tag": "bulles"}, {"channel": "sms"}, {"reward": "1"}, {"reward": "ready"}):
        page = owner_client.get(LIST, query).content.decode()
        assert "Fondue" in page, query
        assert "Perdue" not in page, query
    page = owner_client.get(LIST, {"unseen": "90"}).content.decode()
    assert "Perdue" in page
    assert "Fondue" not in page
    wild = owner_client.get(LIST, {"tag": "x", "unseen": "-3", "page": "999", "sort": "';--"})
    assert wild.status_code == 200


@pytest.mark.parametrize(("accord", "seen"), [("pending", "Attend"), ("withdrawn", "Refuse")])
def test_the_link_from_the_home_opens_those_whose_yes_waits(owner_client, accord, seen):
    ContactFactory(first_name="Attend", sms_consent="granted", email_consent="pending")
    ContactFactory(first_name="Refuse", sms_consent="withdrawn")
    ContactFactory(first_name="Accepte", agreeing=True)
    page = owner_client.get(f"{LIST}?accord={accord}").content.decode()
    shown = [name for name in ("Attend", "Refuse", "Accepte") if f">{name} " in page]
    assert shown == [seen]
    assert "1 client pour ce choix" in re.sub(r"<[^>]+>", "", page)
    assert f'<option value="{accord}" selected>' in page


def test_a_nameless_person_is_listed_with_a_masked_number(owner_client):
    ContactFactory(first_name="", last_name="", phone="+33612345684", email="")
    assert "06\u00a012\u00a0••\u00a0••\u00a084" in owner_client.get(LIST).content.decode()


@pytest.mark.parametrize("sort", ["recent", "name", "new", "stamps"])
def test_the_list_costs_the_same_whatever_its_length(
    owner_client, sort, django_assert_max_num_queries
):
    ProgrammeFactory()
    tag = tag_named("bulles")
    for person in ContactFactory.create_batch(60):
        CardFactory(contact=person).contact.tags.add(tag)
    with django_assert_max_num_queries(11):
        page = owner_client.get(LIST, {"sort": sort})
    assert page.content.decode().count("<tr") == 51
    assert "Page 1 sur 2" in page.content.decode()
    second = owner_client.get(LIST, {"sort": sort, "page": 2}).content.decode()
    assert second.count("<tr") == 11
    assert f'href="?sort={sort}&amp;page=2"' in page.content.decode()
    assert f'href="?sort={sort}&amp;page=1"' in second


def lived(shop, user):
    ProgrammeFactory(goal=10)
    person = ContactFactory(first_name="Camille", agreeing=True)
    by, now = Actor("team", user.pk), timezone.now()
    import_stamps(CardFactory(contact=person), 12, token=uuid4(), by=by, now=now)
    write_consent(person, "sms", ConsentState.WITHDRAWN, source="counter", by=by, now=now)
    post(contact=person, channel="email", kind="service", cause="card:1", body="Votre carte")
    buys(person, 1490)
    return person


def buys(person, cents):
    record_purchase(
        contact=person,
        amount_cents=cents,
        at=timezone.now(),
        source=PurchaseSource.IMPORT,
        reference=str(uuid4()),
        lines=[LineWords("Morgon", cents)],
    )


def test_the_page_tells_everything_from_every_room(owner_client, owner, shop):
    person = lived(shop, owner)
    page = owner_client.get(page_of(person)).content.decode()
    for word in (
        "12 tampons repris",
        "Récompense gagnée",
        "Accord SMS",
        "E-mail de service",
        "Votre carte",
        f"par {owner}",
        "2 / 10",
        "Retiré",
        "Comptoir",
    ):
        assert word in page, word


@pytest.mark.parametrize("visits", [1, 12])
def test_a_person_costs_the_same_however_long_they_have_come(
    shop, owner, owner_client, visits, django_assert_max_num_queries
):
    person = lived(shop, owner)
    ledger = {"card": person.card, "kind": "earn", "stamps": 1, "actor_kind": "team"}
    for _ in range(visits):
        Movement.objects.create(token=uuid4(), actor_id=owner.pk, **ledger)
        buys(person, 990)
    with django_assert_max_num_queries(24):
        assert owner_client.get(f"{LIST}{person.pk}/").status_code == 200


def test_the_story_is_told_newest_first_and_in_pages(shop, owner, django_assert_max_num_queries):
    person = lived(shop, owner)
    with django_assert_max_num_queries(11):
        told, more = timeline(person, size=3)
    assert more
    assert [m.at for m in told] == sorted((m.at for m in told), reverse=True)
    pages = [timeline(person, page=n, size=3)[0] for n in (1, 2, 3)]
    assert [m.title for page in pages for m in page] == [
        m.title for m in timeline(person, size=50)[0]
    ]


def test_what_happened_under_a_record_that_was_merged_is_still_told(owner_client, shop, owner):
    old = lived(shop, owner)
    person = ContactFactory()
    Contact.objects.filter(pk=old.pk).update(merged_into=person)
    told = {m.title for m in timeline(person, size=50)[0]}
    assert {"12 tampons repris", "Récompense gagnée", "Accord SMS : retiré"} <= told
    whole = owner_client.get(f"{page_of(person)}fiche.json").json()
    assert owner_client.get(f"{page_of(old)}fiche.json").json() == whole
    assert [row["Client"] for row in whole["contacts"]] == [old.pk, person.pk]
    assert [len(whole[table]) for table in ("consentements", "tampons", "messages")] == [1, 2, 1]


def test_an_actor_who_left_is_not_named(shop, owner):
    person = lived(shop, owner)
    gone = User.objects.create_user("parti@exemple.fr", name="Parti")
    write_consent(person, "email", ConsentState.NONE, source="team", by=Actor("team", 10**9))
    assert gone.name not in str(timeline(person)[0])
    assert "une personne partie depuis" in [m.by for m in timeline(person)[0]]


def test_the_form_keeps_what_was_typed_and_says_what_is_wrong(owner_client):
    person, other = ContactFactory(), ContactFactory(phone="+33611111111")
    form = {"first_name": "Anaïs", "phone": "06 11 11 11 11", "language": "fr"}
    taken = owner_client.post(f"{page_of(person)}modifier/", form)
    assert taken.status_code == 422
    page = taken.content.decode()
    assert "Une autre fiche porte déjà" in page
    assert f'href="{page_of(other)}"' in page
    assert 'value="Anaïs"' in page
    wrong = owner_client.post(f"{page_of(person)}modifier/", {**form, "phone": "12"})
    assert "n’est pas un numéro de téléphone" in wrong.content.decode()
    born = owner_client.post(f"{page_of(person)}modifier/", {**form, "birth_date": "2999-01-01"})
    assert born.status_code == 422


def test_a_correction_is_kept(owner_client):
    person = ContactFactory(agreeing=True)
    form = {
        "first_name": "Anaïs",
        "phone": "0690 12 34 56",
        "postal_code": "97110",
        "language": "es",
        "adult": "on",
        "note": "Aime le jura",
    }
    assert owner_client.post(f"{page_of(person)}modifier/", form).status_code == 302
    person.refresh_from_db()
    assert (person.first_name, person.phone, person.phone_region) == (
        "Anaïs",
        "+590690123456",
        "GP",
    )
    assert person.sms_consent == person.email_consent == ConsentState.NONE
    assert "Aime le jura" in owner_client.get(page_of(person)).content.decode()


@pytest.mark.parametrize("headers", [{}, HX])
def test_tags_come_and_go_with_and_without_javascript(owner_client, headers):
    person = ContactFactory()
    url = f"{page_of(person)}etiquettes/"
    answer = owner_client.post(url, {"name": "Vins du Jura"}, **headers)
    assert answer.status_code == (200 if headers else 302)
    tag = person.tags.get()
    answer = owner_client.post(f"{url}{tag.pk}/", **headers)
    assert answer.status_code == (200 if headers else 302)
    assert not person.tags.exists()
    assert owner_client.post(url, {"name": " "}, **HX).status_code == 422


def test_a_stop_said_at_the_counter_is_heard_and_final(owner_client):
    person = ContactFactory(agreeing=True)
    url = f"{page_of(person)}accord/"
    said = {"channel": "sms", "act": "stop", "source": "counter"}
    assert owner_client.post(url, said, **HX).status_code == 200
    person.refresh_from_db()
    assert person.sms_consent == ConsentState.WITHDRAWN
    again = owner_client.post(url, {**said, "act": "yes"}, **HX)
    assert again.status_code == 422
    assert "Elle seule peut y revenir" in again.content.decode()


def test_a_yes_needs_a_source(owner_client):
    person = ContactFactory()
    url = f"{page_of(person)}accord/"
    answer = owner_client.post(url, {"channel": "sms", "act": "yes"}, **HX)
    assert "Dites d’où vous tenez cet accord" in answer.content.decode()
    assert not person.consent_events.exists()
    owner_client.post(url, {"channel": "sms", "act": "yes", "source": "paper"})
    person.refresh_from_db()
    assert person.sms_consent == ConsentState.PENDING
    assert person.messages.get().channel == "sms", "the link whose tap is the proof"


def test_a_merged_record_leads_to_the_one_that_stayed(owner_client):
    keeper = ContactFactory()
    gone = ContactFactory(phone="", email="", merged_into=keeper)
    answer = owner_client.get(page_of(gone))
    assert (answer.status_code, answer["Location"]) == (302, page_of(keeper))


def test_nobody_else_sees_the_people(visitor, helper_client, neighbour_client):
    person = ContactFactory(first_name="Secrète")
    places = [LIST, page_of(person), f"{page_of(person)}modifier/", f"{page_of(person)}fiche.json"]
    places += ["/gestion/imports/clients/", f"{LIST}exporter/"]
    for client in (visitor, helper_client, neighbour_client):
        for place in places:
            answer = client.get(place)
            assert answer.status_code in {302, 403}, place
            assert "Secrète" not in answer.content.decode()


def test_the_trail_of_a_visit_to_a_record_holds_no_person(owner_client):
    person = ContactFactory(first_name="Hildegarde", phone="+33612121212")
    form = {"first_name": "Radegonde", "phone": "0613131313", "language": "fr"}
    owner_client.post(f"{page_of(person)}modifier/", form)
    owner_client.post(f"{page_of(person)}etiquettes/", {"name": "Confidentielle"})
    trail = str([entry.__dict__ for entry in Entry.objects.all()])
    for word in ("Hildegarde", "Radegonde", "612121212", "613131313", "Confidentielle"):
        assert word not in trail
    assert Contact.objects.get().first_name == "Radegonde"
