"""When the provider takes nothing more: paused, told, nothing lost, nothing hammered."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from apps.messaging import draining, outbox, queries, services, tasks
from apps.messaging.facts import SendingPaused, SendingResumed
from apps.messaging.models import Alert, Attempt, Message, Status
from apps.messaging.providers.base import DeliveryFailed, Receipt
from tests.factories import ContactFactory
from tests.outbox import post_to

pytestmark = pytest.mark.django_db


class Vendor:
    """Refuses for want of money until it is paid."""

    name = "twilio"

    def __init__(self):
        self.asked, self.failure = [], DeliveryFailed("20003", quota=True)

    def send(self, message):
        self.asked.append(message.to)
        if self.failure:
            raise self.failure
        return Receipt("SM1")


@pytest.fixture
def vendor(monkeypatch):
    made = Vendor()
    for room in (draining, outbox):
        monkeypatch.setattr(room, "provider_of", lambda channel: made)
    return made


@pytest.fixture
def told(monkeypatch):
    facts = []
    monkeypatch.setattr("apps.messaging.consequences.announce", facts.append)
    monkeypatch.setattr("apps.messaging.services.announce", facts.append)
    return facts


@pytest.fixture
def campaign(open_hours):
    people = ContactFactory.create_batch(40, agreeing=True)
    post_to(people, cause="drop:9")


def test_a_spent_quota_pauses_the_channel_and_loses_nothing(campaign, vendor, told, run_jobs):
    run_jobs()
    assert queries.progress("drop:9") == {"queued": 40}
    assert len(vendor.asked) <= draining.THREADS  # those that were already at the door
    assert told == [SendingPaused("drop:9", "sms", "20003")]
    assert Alert.objects.get().code == "paused_sms"


def test_while_it_rests_nobody_is_asked(campaign, vendor, told, run_jobs):
    run_jobs()
    asked = len(vendor.asked)
    for _ in range(3):
        tasks.drain()
    assert len(vendor.asked) == asked


def test_other_channels_go_on(campaign, vendor, told, run_jobs, mailbox):
    run_jobs()
    vendor.failure = None
    services.post(
        contact=ContactFactory(), channel="email", kind="service", cause="card:1", body="Bonjour"
    )
    run_jobs()
    assert queries.progress("card:1") == {"sent": 1}
    assert queries.progress("drop:9") == {"queued": 40}


def test_after_a_rest_one_message_asks_again(campaign, vendor, told, run_jobs):
    run_jobs()
    Alert.objects.update(at=timezone.now() - timedelta(minutes=16))
    asked = len(vendor.asked)
    tasks.drain()
    assert len(vendor.asked) == asked + 1
    assert Alert.objects.get().at > timezone.now() - timedelta(minutes=1)


def test_once_it_is_paid_all_leaves_by_itself(campaign, vendor, told, run_jobs):
    run_jobs()
    vendor.failure = None
    Alert.objects.update(at=timezone.now() - timedelta(minutes=16))
    tasks.drain()
    run_jobs()
    assert queries.progress("drop:9") == {"sent": 40}
    assert told[1:] == [SendingResumed("sms")]
    assert not Alert.objects.filter(dismissed_at=None).exists()


def test_reessayer_maintenant_does(campaign, vendor, told, run_jobs):
    run_jobs()
    vendor.failure = None
    services.dismiss(Alert.objects.get().pk)
    run_jobs()
    assert queries.progress("drop:9") == {"sent": 40}


def test_a_paused_campaign_can_still_be_called_off(campaign, vendor, told, run_jobs):
    run_jobs()
    assert services.cancel("drop:9") == 40
    assert queries.progress("drop:9") == {"cancelled": 40}


def test_too_fast_is_tried_again_later_and_never_at_once(
    open_hours, vendor, posted, run_jobs, jobs
):
    vendor.failure = DeliveryFailed("20429", retry_after=90)
    message, before = posted(ContactFactory(agreeing=True)), timezone.now()
    run_jobs()
    message.refresh_from_db()
    assert (message.status, message.stage) == (Status.SENDING, "en attente")
    assert message.available_at > before + timedelta(seconds=80)
    assert len(vendor.asked) == 1
    assert set(jobs()) == {"drain"}
    vendor.failure = None
    Message.objects.update(available_at=timezone.now())
    tasks.drain()
    message.refresh_from_db()
    assert message.status == Status.SENT
    codes = Attempt.objects.order_by("number").values_list("number", "status", "code")
    assert list(codes) == [(1, "failed", "20429"), (2, "sent", "")]


def test_a_send_that_breaks_on_our_side_loses_no_other(open_hours, vendor, posted, run_jobs):
    good, bad = (ContactFactory(agreeing=True) for _ in range(2))
    for person in (good, bad):
        posted(person, kind="service")
    vendor.failure = None

    def send(message):
        if message.to == bad.phone:
            raise RuntimeError("bug")
        return Receipt("SM1")

    vendor.send = send
    run_jobs()
    assert queries.progress("drop:1") == {"sent": 1, "unknown": 1}


def test_the_sweep_wakes_a_shop_whose_jobs_were_lost(open_hours, posted, mailbox, run_jobs):
    posted(ContactFactory(agreeing=True))
    OrmQ.objects.all().delete()
    connection.set_schema_to_public()
    tasks.sweep()
    connection.set_tenant(open_hours)
    run_jobs()
    assert queries.progress("drop:1") == {"delivered": 1}
