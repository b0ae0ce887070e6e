"""Tries whose answer was lost: asked for, believed with a proof, never repeated blindly."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.messaging import draining, outbox, queries, reconciling, services, tasks
from apps.messaging.models import Attempt, Kind, Message, Status, Wake
from apps.messaging.providers.base import NEVER_CAME, DeliveryUncertain, Receipt
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
LONG_AGO = 600  # seconds


class Vendor:
    """Takes what it takes, loses its own answers, and shows its list when it can."""

    name = "twilio"

    def __init__(self):
        self.taken, self.asked = {}, []
        self.takes, self.answers, self.lists = True, True, True

    def send(self, message):
        reference = f"SM{len(self.taken)}"
        if self.takes:
            self.taken[message.attempt] = reference
        if not self.answers:
            raise DeliveryUncertain("no_answer")
        return Receipt(reference)

    def look_up(self, message, since):
        self.asked.append(message.attempt)
        if not self.lists:
            return None
        known = self.taken.get(message.attempt)
        return Receipt(known) if known else NEVER_CAME


@pytest.fixture
def vendor(monkeypatch):
    made = Vendor()
    for room in (draining, outbox, reconciling):
        monkeypatch.setattr(room, "provider_of", lambda channel: made)
    return made


@pytest.fixture
def later():
    """``later(70)``: what was written is that many seconds older."""

    def pass_by(seconds):
        past = timedelta(seconds=seconds)
        for attempt in Attempt.objects.all():
            attempt.at -= past
            attempt.ask_at = attempt.ask_at and attempt.ask_at - past
            attempt.save()
        for message in Message.objects.exclude(available_at=None):
            message.available_at -= past
            message.save()

    return pass_by


@pytest.fixture
def lost(open_hours, posted, vendor):
    """A message whose answer never came, and one before it that all went well with."""
    posted(ContactFactory(agreeing=True), cause="drop:0")
    tasks.drain()
    message = posted(ContactFactory(agreeing=True))
    vendor.answers = False
    vendor.takes = False
    return message


def state(message):
    message.refresh_from_db()
    return message.status, message.stage, message.reason


def test_an_answer_that_was_lost_is_asked_for_and_found(lost, vendor, later):
    vendor.takes = True
    tasks.drain()
    assert state(lost) == ("unknown", "incertain", "no_answer")
    later(11)
    tasks.drain()
    assert state(lost) == ("sent", "envoyé", "")
    assert Attempt.objects.filter(message=lost).count() == 1
    assert not Attempt.objects.exclude(ask_at=None).exists()


def test_that_it_never_came_is_believed_after_a_minute_and_then_it_leaves(lost, vendor, later):
    tasks.drain()
    later(11)
    tasks.drain()
    assert state(lost)[0] == "unknown"  # a request may still be on its way
    vendor.takes = vendor.answers = True
    later(61)
    tasks.drain()
    assert state(lost) == ("unknown", "en attente", "")
    assert queries.progress("drop:1") == {"queued": 1}
    later(10)
    tasks.drain()
    assert state(lost) == ("sent", "envoyé", "")
    assert len(vendor.taken) == 2


def test_an_empty_list_is_not_believed_without_a_witness(open_hours, posted, vendor, later):
    message = posted(ContactFactory(agreeing=True))
    vendor.takes = vendor.answers = False
    tasks.drain()
    for seconds in (11, 61, 301):
        later(seconds)
        tasks.drain()
    assert state(message) == ("unknown", "incertain", "no_answer")
    assert Attempt.objects.count() == 1


def test_a_list_that_does_not_show_the_witness_is_not_believed(lost, vendor, later):
    vendor.taken.clear()
    tasks.drain()
    for seconds in (11, 61, 301):
        later(seconds)
        tasks.drain()
    assert state(lost)[0] == "unknown"
    assert Attempt.objects.filter(message=lost).count() == 1


def test_what_an_hour_passed_over_is_not_sent_any_more(lost, vendor, later):
    tasks.drain()
    later(2 * 3600)
    Attempt.objects.exclude(message=lost).update(at=timezone.now() - timedelta(hours=2))
    tasks.drain()
    assert state(lost) == ("failed", "échoué", "never_came")
    assert lost.why == "N’est jamais arrivé chez l’opérateur"


def test_who_cannot_tell_is_asked_five_times_and_no_more(lost, vendor, later):
    vendor.lists = False
    tasks.drain()
    for _ in range(8):
        later(7 * 3600)
        tasks.drain()
    assert vendor.asked.count(Attempt.objects.get(message=lost).token) == 5
    assert state(lost)[0] == "unknown"
    assert not Attempt.objects.exclude(ask_at=None).exists()


def test_a_question_whose_asker_died_is_asked_again(lost, vendor, later, shop):
    tasks.drain()
    later(70)
    assert reconciling.take_doubts(shop)  # …and the worker dies here
    assert reconciling.take_doubts(shop) == []
    later(31)
    tasks.drain()
    assert queries.progress("drop:1") == {"queued": 1}


def test_another_operator_is_not_asked(lost, vendor, later):
    tasks.drain()
    vendor.name = "autre"
    later(11)
    tasks.drain()
    assert vendor.asked == []


def test_what_may_leave_again_can_still_be_called_off(lost, vendor, later):
    tasks.drain()
    later(70)
    tasks.drain()
    assert queries.progress("drop:1") == {"queued": 1}
    services.cancel("drop:1")
    later(LONG_AGO)
    tasks.drain()
    assert queries.progress("drop:1") == {"failed": 1}
    assert len(vendor.taken) == 1


def test_whatever_dies_somebody_looks_again(open_hours, posted, vendor, jobs):
    """What a claim leaves behind is a drain in the queue for when its holder must be dead."""
    posted(ContactFactory(agreeing=True), kind=Kind.SERVICE)
    now = timezone.now()
    tasks.drain()
    guard = Wake.objects.order_by("-at").first()
    assert guard.at >= now + outbox.STUCK
    assert "drain" in jobs()


def test_a_code_of_which_nothing_was_heard_waits_for_no_one_else(lost, vendor):
    """The doubt of one message holds up no other."""
    tasks.drain()
    vendor.answers = vendor.takes = True
    other = services.post(
        contact=ContactFactory(), channel="sms", kind="service", cause="card:1", body="Code"
    )
    tasks.hurry()
    assert state(other)[0] == Status.SENT


@pytest.mark.usefixtures("open_hours")
@pytest.mark.parametrize("channel", ["sms", "email"])
def test_the_mailbox_of_this_machine_knows_what_never_came(
    posted, mailbox, later, monkeypatch, channel
):
    """A worker dies before it hands over: the demonstration sends again, and once."""

    def dies(provider, message):
        raise DeliveryUncertain("no_answer")

    posted(ContactFactory(agreeing=True), cause="drop:0", channel=channel)
    tasks.drain()
    cut = posted(ContactFactory(agreeing=True), channel=channel)
    with monkeypatch.context() as dying:
        dying.setattr(type(draining.provider_of(channel)), "send", dies)
        tasks.drain()
    assert state(cut)[0] == "unknown"
    for seconds in (61, 10):
        later(seconds)
        tasks.drain()
    assert state(cut)[0] in {"sent", "delivered"}
    assert len(list(mailbox.iterdir())) == 2
