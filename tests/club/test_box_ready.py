"""« Votre box est prête » leaves at once, to each member, whatever they agreed to."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.campaigns import automatic
from apps.campaigns.models import Run, RunState
from apps.club import packing
from apps.core.actor import Actor
from apps.messaging.models import Kind, Message
from tests.club.boxing import TEAM, a_member, a_round, bottle, box_of, shipped
from tests.factories import ContactFactory, ProgrammeFactory


@pytest.fixture
def told(shop):
    """The message is on."""
    ProgrammeFactory()
    trigger = automatic.create("box_ready", Actor("team", 1))
    now = timezone.now() - timedelta(days=1)
    return automatic.switch_on(trigger.pk, Actor("team", 1), shop, now)


def packed(**more):
    person = ContactFactory(first_name="Zoé", **more.pop("person", {}))
    member = a_member(contact=person, **more)
    a_round((bottle(), 3))
    return packing.pack(box_of(member).pk, by=TEAM, now=timezone.now())


def test_who_agreed_to_nothing_is_told_by_a_service_message(told, run_jobs):
    person = {"last_commercial_at": timezone.now()}  # nor does the cap hold it back
    packed(person=person)
    run_jobs()
    (message,) = Message.objects.all()
    assert (message.kind, message.channel) == (Kind.SERVICE, "sms")
    assert message.body.startswith("Zoé, votre box est prête")
    assert "Stop" not in message.body
    assert "abus d'alcool" not in message.body


def test_a_box_that_is_packed_again_is_told_of_once(told, run_jobs):
    box = packed()
    run_jobs()
    packing.unpack(box.pk, by=TEAM, now=timezone.now())
    packing.pack(box.pk, by=TEAM, now=timezone.now())
    run_jobs()
    assert Message.objects.count() == 1


def test_a_box_that_is_opened_again_at_once_is_not_told_of(told, run_jobs):
    box = packed()
    packing.unpack(box.pk, by=TEAM, now=timezone.now())
    run_jobs()
    assert not Message.objects.exists()


def test_a_parcel_is_told_of_when_it_leaves(told, run_jobs):
    box = packed(**shipped())
    run_jobs()
    assert not Message.objects.exists()
    packing.ship(box.pk, carrier="ups", tracking="1Z999AA10123456784", by=TEAM, now=timezone.now())
    assert "1Z999AA10123456784" in Message.objects.get().body


def test_who_has_no_address_is_left_out_and_it_says_why(told, run_jobs):
    packed(person={"phone": "", "phone_mobile": False, "email": ""})
    run_jobs()
    run = Run.objects.get()
    assert (run.state, run.reason) == (RunState.DROPPED, "no_address")


def test_its_page_shows_no_way_to_stop(told, owner_client):
    page = owner_client.get(f"/gestion/automatiques/{told.pk}/").text
    assert "dès qu’une box à retirer est cochée prête" in page
    assert "Ne plus les recevoir" not in page
