"""A channel more is a file and a line: everything the others can, it can."""

from datetime import UTC, datetime, time
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import transaction
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.urls import reverse
from django.utils import timezone

from apps.audience.criteria import Criteria, reach
from apps.audience.exporting import json_pieces
from apps.campaigns import automatic, services
from apps.campaigns.models import Drop, Run
from apps.contacts import channels
from apps.contacts.consent import write_consent
from apps.contacts.models import ConsentEvent, ConsentState, Contact, Source
from apps.contacts.services import Identity, edit_contact
from apps.core.actor import Actor
from apps.core.phone import parse_phone
from apps.loyalty.models import Joining
from apps.loyalty.proving import confirm
from apps.messaging import outbox
from apps.messaging.consequences import mark_bad
from apps.messaging.models import Alert, Message
from apps.messaging.outcome import Outcome
from apps.messaging.providers import provider_of
from apps.messaging.services import post
from apps.messaging.stops import stop_address
from tests.campaigns.pigeon import Loft
from tests.factories import ContactFactory, ProgrammeFactory

TEAM = Actor("team", 1)
NUMBER = "+33612345678"
MORNING = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def pigeon(shop, settings):
    """The line. The shop may write at any hour: what is tested is not the clock."""
    shop.quiet_until, shop.quiet_from, shop.sundays_allowed = time(0), time.max, True
    shop.sells_alcohol, shop.cap_days = False, 7
    shop.save()
    ProgrammeFactory()
    settings.CHANNELS = "tests.campaigns.pigeon.CHANNELS"
    forget()
    yield
    forget()


def forget():
    channels._listed.cache_clear()
    provider_of.cache_clear()
    Loft.flown.clear()


def friend(**more):
    """Somebody who wants pigeons and nothing else."""
    return ContactFactory(ways={"pigeon": {"consent": "granted"}}, **more)


def joined(visitor):
    """Somebody ticked the pigeons' box on the poster's page."""
    typed = {"key": uuid4(), "first_name": "Camille", "phone": NUMBER, "accord_pigeon": "on"}
    assert visitor.post("/rejoindre/", typed).status_code == 302
    return Contact.objects.get()


def test_it_is_asked_for_on_the_poster_and_counts_once_the_number_is_proven(visitor):
    page = visitor.get("/").content.decode()
    assert "ses offres et nouvelles par pigeon." in page
    assert "checked" not in page
    camille = joined(visitor)
    assert camille.consent("pigeon") == "pending"
    joining = Joining.objects.get()
    page = visitor.get(f"/v/{joining.token}/").content.decode()
    assert "recevoir par pigeon les offres" in page
    confirm(joining.token)
    camille.refresh_from_db()
    assert (camille.consent("pigeon"), camille.consent("sms")) == ("granted", "none")
    said = ConsentEvent.objects.filter(channel="pigeon").order_by("pk")
    assert list(said.values_list("state", flat=True)) == ["pending", "granted"]


def test_a_drop_written_in_the_composer_flies(owner_client, shop, run_jobs):
    friends = [friend(first_name="Zoé"), friend(first_name="Inès")]
    ContactFactory()
    draft = services.create(TEAM, written={"use_sms": False, "use_email": False})
    words = {"use_pigeon": "on", "pigeon_text": "{prénom}, du grain chez {boutique}"}
    typed = {"title": "Grain", "fallback": "vous", "when": "now", **words}
    assert owner_client.post(reverse("drop_save", args=[draft.pk]), typed).status_code == 302
    page = owner_client.get(reverse("drop_launch", args=[draft.pk])).content.decode()
    assert "2 clients, 2 Pigeon, environ 0,05" in page.replace("\u202f", " ").replace("\u00a0", " ")
    agreed = {"token": uuid4(), "people": 2, "segments": 2}
    owner_client.post(reverse("drop_launch", args=[draft.pk]), agreed)
    run_jobs()
    assert {m.body.partition("\n")[0] for m in Loft.flown} == {
        f"{one.first_name}, du grain chez {shop.name}" for one in friends
    }
    assert {m.to for m in Loft.flown} == {one.phone for one in friends}
    links = {one.link_token for one in friends}
    assert {m.body.partition("/stop/")[2].strip("/") for m in Loft.flown} == links
    left = Message.objects.filter(cause=draft.cause)
    assert set(left.values_list("status", "cost_tenths")) == {("delivered", 25)}
    page = owner_client.get(reverse("drop", args=[draft.pk])).content.decode()
    assert "Pigeon" in page


def test_an_unknown_variable_or_a_missing_text_is_told_beside_it(owner_client):
    draft = services.create(TEAM, written={"use_sms": False, "use_email": False})
    typed = {"title": "Grain", "when": "now", "use_pigeon": "on", "pigeon_text": "{prenon}"}
    answer = owner_client.post(reverse("drop_save", args=[draft.pk]), typed)
    assert answer.status_code == 422
    assert "n’est pas une variable" in answer.content.decode()
    owner_client.post(reverse("drop_save", args=[draft.pk]), {**typed, "pigeon_text": ""})
    with pytest.raises(services.NothingToSend, match="par pigeon"):
        services.ready(Drop.objects.get(), MORNING)


def test_a_message_that_leaves_by_itself_flies(visitor, shop, run_jobs):
    trigger = automatic.create("welcome", TEAM)
    trigger.use_sms = trigger.use_email = False
    trigger.further = {"pigeon": {"text": "Bienvenue {prénom}", "used": True}}
    trigger.save()
    automatic.switch_on(trigger.pk, TEAM, shop)
    camille = joined(visitor)
    confirm(Joining.objects.get().token)
    run_jobs()
    assert Run.objects.get().state == "sent"
    (flown,) = Loft.flown
    assert flown.body.startswith("Bienvenue Camille\nStop : ")
    camille.refresh_from_db()
    assert camille.last_commercial_at  # the cap counts it


def test_a_stop_holds_on_the_page_at_the_next_freeze_and_for_the_number(visitor, shop):
    one = friend()
    page = visitor.get(f"/stop/{one.link_token}/").content.decode()
    assert "Ne plus rien recevoir par pigeon" in page
    visitor.post(f"/stop/{one.link_token}/", {"canal": "pigeon"})
    one.refresh_from_db()
    assert one.consent("pigeon") == "withdrawn"
    told = reach(Criteria(), ["pigeon"], shop)
    assert (told.reached, [(left.reason, left.count) for left in told.left_out]) == (
        0,
        [("stopped", 1)],
    )
    again = friend(phone=NUMBER)
    stop_address("pigeon", NUMBER, source="reply", now=MORNING)
    again.refresh_from_db()
    assert again.consent("pigeon") == "withdrawn"


def test_a_refused_number_is_bad_for_pigeons_alone(shop, owner_client):
    one = friend(sms_consent="granted")
    post(
        contact=one,
        channel="pigeon",
        kind="commercial",
        cause="drop:1",
        body="Bonjour",
        now=MORNING,
    )
    (held,) = outbox.claim(shop, MORNING)
    outbox.record([(held.attempt_id, Outcome("failed", "30005"))], shop, MORNING)
    assert set(Contact.objects.reachable_by("sms")) == {one}
    assert not Contact.objects.reachable_by("pigeon").exists()
    page = owner_client.get("/gestion/messages/envois/").content.decode()
    assert "Injoignable par pigeon" in page
    edit_contact(one, Identity(phone=parse_phone("06 99 99 99 99")), by=TEAM, now=MORNING)
    one.refresh_from_db()
    assert one.ways == {}  # neither the yes nor the refusal was for this number
    assert Alert.objects.get().code == "bad_pigeon"


def test_the_team_reads_it_on_the_record_and_carries_it_away(owner_client):
    one = friend()
    page = owner_client.get(f"/gestion/clients/{one.pk}/").content.decode()
    assert "<h3>Pigeon</h3>" in page
    listed = owner_client.get("/gestion/clients/?channel=pigeon").content.decode()
    assert '<span class="chip good">Pigeon</span>' in listed
    assert "Pigeon : accepté" in "".join(json_pieces(one.pk))


def test_no_table_changes_for_it():
    written = MigrationLoader(None)
    found = MigrationAutodetector(written.project_state(), ProjectState.from_apps(apps))
    changed = found.changes(graph=written.graph).keys()
    assert not changed & {"contacts", "messaging", "loyalty", "audience", "campaigns"}


def test_what_two_ways_say_of_one_person_at_the_same_moment_both_stand(committed):
    """They share a column; whoever writes it has read it under the person's lock."""
    (people,) = committed(lambda _: [friend() for _ in range(4)], None)
    now = timezone.now()

    def say(gesture):
        contact, channel, heard = gesture
        with transaction.atomic():
            if heard == "bad":
                mark_bad(channel, contact.phone, now)
            else:
                state = ConsentState(heard)
                write_consent(contact, channel, state, source=Source.CARD, by=TEAM, now=now)

    each = [("whatsapp", "granted"), ("pigeon", "withdrawn"), ("whatsapp", "bad")]
    committed(say, *[(person, *said) for person in people for said in each])
    stands = {"whatsapp": {"consent": "granted", "bad_at": now.isoformat()}}
    stands["pigeon"] = {"consent": "withdrawn"}
    assert committed(lambda _: [c.ways for c in Contact.objects.all()], None) == [[stands] * 4]
