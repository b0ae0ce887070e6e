"""The outbox: once, in order, inside the law, whatever dies."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.utils import timezone

from apps.contacts.consent import write_consent
from apps.contacts.models import Channel, ConsentState, Contact
from apps.core.actor import SYSTEM, Actor
from apps.messaging import outbox, queries, services, tasks
from apps.messaging.channels import sending
from apps.messaging.holding import hold, release
from apps.messaging.models import Attempt, Message, Status
from apps.messaging.providers import provider_of
from tests.factories import ContactFactory
from tests.outbox import post_to

PARIS = ZoneInfo("Europe/Paris")
A_DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


def test_the_same_cause_is_posted_once(shop, run_jobs, mailbox, posted):
    contact = ContactFactory()
    assert posted(contact, kind="service")
    assert posted(contact, kind="service") is None
    run_jobs()
    assert len(list(mailbox.glob("*.sms"))) == 1


def test_a_service_message_leaves_at_once_whatever_the_hour(shop, run_jobs, posted):
    shop.quiet_until, shop.quiet_from = time(0), time(0, 1)
    shop.save()
    message = posted(ContactFactory(), kind="service")
    run_jobs()
    message.refresh_from_db()
    assert message.status == Status.DELIVERED
    assert message.cost_tenths == shop.sms_price_tenths
    assert message.attempts.get().provider == "local"


def test_a_mail_and_an_sms_of_one_cause_both_leave(open_hours, run_jobs, mailbox, posted):
    contact = ContactFactory(agreeing=True)
    posted(contact)
    posted(contact, channel="email", subject="Le Drop", html="<p>Bonjour</p>")
    run_jobs()
    assert queries.progress("drop:1") == {"delivered": 2}
    assert len(list(mailbox.iterdir())) == 2
    contact.refresh_from_db()
    assert contact.last_commercial_at


def test_a_stop_after_the_launch_is_honoured(open_hours, run_jobs, mailbox, posted):
    contact = ContactFactory(agreeing=True)
    message = posted(contact)
    write_consent(
        contact,
        Channel.SMS,
        ConsentState.WITHDRAWN,
        source="reply",
        by=Actor("customer", contact.pk),
    )
    run_jobs()
    message.refresh_from_db()
    assert (message.status, message.reason) == (Status.CANCELLED, "stopped")
    assert not list(mailbox.iterdir())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sms_consent": "none"}, "no_consent"),
        ({"sms_consent": "pending"}, "no_consent"),
        ({"phone_bad_at": timezone.now()}, "bad_address"),
        ({"phone": "+33699999999"}, "address_changed"),
        ({"phone_mobile": False}, "landline"),
        ({"birth_date": date(2015, 5, 5)}, "minor"),
    ],
)
def test_what_changed_since_the_launch_holds_the_message_back(
    open_hours, run_jobs, change, reason, posted
):
    contact = ContactFactory(agreeing=True)
    message = posted(contact)
    for field, value in change.items():
        setattr(contact, field, value)
    contact.save()
    run_jobs()
    message.refresh_from_db()
    assert (message.status, message.reason) == (Status.CANCELLED, reason)


def causes_that_left():
    left = Message.objects.filter(status__in=[Status.SENT, Status.DELIVERED])
    return sorted(left.values_list("cause", "channel"))


def test_two_causes_at_once_reach_a_person_once_and_one_cause_on_both_channels(
    open_hours, run_jobs, posted
):
    person = ContactFactory(agreeing=True)
    posted(person, cause="drop:1")
    posted(person, cause="drop:1", channel="email", subject="Le Drop")
    second = posted(person, cause="drop:2", expires_at=timezone.now() + A_DAY)
    posted(person, cause="card:3", kind="service")
    run_jobs()
    assert causes_that_left() == [("card:3", "sms"), ("drop:1", "email"), ("drop:1", "sms")]
    second.refresh_from_db()
    assert (second.status, second.reason) == (Status.CANCELLED, "capped")
    assert second.why == "Un autre message l’a atteint entre-temps"


def test_a_message_that_waited_finds_the_cap_reached_by_another(open_hours, run_jobs, posted):
    """The first was taken, then paused for so long that the second was allowed meanwhile."""
    person, other = ContactFactory(agreeing=True), ContactFactory(agreeing=True)
    waited = posted(person, cause="drop:1", expires_at=timezone.now() + A_DAY)
    hold("drop:1")
    posted(person, cause="drop:2")
    run_jobs()
    posted(other, cause="drop:1")
    release("drop:1")
    run_jobs()
    assert causes_that_left() == [("drop:1", "sms"), ("drop:2", "sms")]
    waited.refresh_from_db()
    assert waited.reason == "capped"


def test_what_failed_or_lies_far_back_caps_nobody(open_hours, run_jobs, posted):
    people = ContactFactory.create_batch(2, agreeing=True)
    for person in people:
        posted(person, cause="drop:1")
    run_jobs()
    long_ago = timezone.now() - timedelta(days=open_hours.cap_days, minutes=1)
    Attempt.objects.filter(message__contact=people[0]).update(at=long_ago)
    Attempt.objects.filter(message__contact=people[1]).update(status=Status.FAILED)
    for person in people:
        posted(person, cause="drop:2")
    run_jobs()
    assert causes_that_left().count(("drop:2", "sms")) == 2


def test_two_records_that_became_one_person_are_written_to_once(open_hours, run_jobs, posted):
    person, old = ContactFactory(agreeing=True), ContactFactory(agreeing=True)
    posted(old, cause="drop:1")
    run_jobs()
    Contact.objects.filter(pk=old.pk).update(merged_into=person)
    second = posted(person, cause="drop:2", expires_at=timezone.now() + A_DAY)
    run_jobs()
    second.refresh_from_db()
    assert second.reason == "capped"


def test_while_it_means_something_a_capped_message_waits_for_both_cap_and_hours(shop, posted):
    person = ContactFactory(agreeing=True)
    friday, monday = (datetime(2026, 11, d, 22, tzinfo=PARIS) for d in (20, 30))
    first, second = (posted(person, cause=c, expires_at=monday) for c in ("drop:1", "drop:2"))
    day = datetime(2026, 11, 20, 21, tzinfo=PARIS)
    Message.objects.filter(pk=first.pk).update(available_at=day)
    assert len(outbox.claim(shop, day)) == 1
    Message.objects.filter(pk=second.pk).update(available_at=day)
    assert outbox.claim(shop, friday) == []
    second.refresh_from_db()
    # A week on it is Friday at nine in the evening again, and permitted.
    assert (second.available_at, second.reason) == (day + timedelta(days=7), "too_soon")
    assert second.status == Status.QUEUED
    assert [c.message_id for c in outbox.claim(shop, day + timedelta(days=7))] == [second.pk]
    second.refresh_from_db()
    assert second.reason == ""


def test_what_is_over_leaves_at_no_hour(open_hours, run_jobs, posted):
    message = posted(ContactFactory(agreeing=True), expires_at=timezone.now() - A_DAY)
    run_jobs()
    message.refresh_from_db()
    assert (message.status, message.reason) == (Status.CANCELLED, "outdated")


def test_outside_the_legal_hours_a_message_is_postponed_not_dropped(shop, posted):
    night = datetime(2026, 11, 20, 22, tzinfo=PARIS)
    late, mail = (posted(ContactFactory(agreeing=True), channel=c) for c in ("sms", "email"))
    service = posted(ContactFactory(), kind="service")
    Message.objects.update(available_at=night)
    assert [c.message_id for c in outbox.claim(shop, night)] == [service.pk]
    for message in (late, mail):
        message.refresh_from_db()
        assert message.status == Status.QUEUED
        assert message.available_at == datetime(2026, 11, 21, 8, tzinfo=PARIS)
    assert len(outbox.claim(shop, datetime(2026, 11, 21, 8, tzinfo=PARIS))) == 2


def test_a_campaign_leaves_whole_and_once(open_hours, run_jobs, mailbox):
    people = ContactFactory.create_batch(230, agreeing=True)
    post_to([*people, *people[:10]], cause="drop:7")
    post_to(people, cause="drop:7")
    run_jobs()
    assert queries.progress("drop:7") == {"delivered": 230}
    assert len(list(mailbox.iterdir())) == 230


def test_a_whole_batch_held_back_does_not_hold_up_those_behind_it(open_hours, run_jobs):
    silent = ContactFactory.create_batch(outbox.BATCH + 5)
    agreeing = ContactFactory.create_batch(3, agreeing=True)
    post_to([*silent, *agreeing], cause="drop:7")
    run_jobs()
    assert queries.progress("drop:7") == {"cancelled": outbox.BATCH + 5, "delivered": 3}


def test_what_is_called_off_does_not_leave(open_hours, run_jobs, mailbox, posted):
    posted(ContactFactory(agreeing=True))
    assert services.cancel("drop:1") == 1
    run_jobs()
    assert queries.progress("drop:1") == {"cancelled": 1}
    assert not list(mailbox.iterdir())


def test_what_a_dead_worker_left_is_uncertain_then_asked_for_and_never_sent_again(
    open_hours, run_jobs, mailbox, posted
):
    sent, lost = (posted(ContactFactory(agreeing=True), cause=c) for c in ("drop:1", "drop:2"))
    long_ago = timezone.now() - timedelta(minutes=3)
    Message.objects.update(available_at=long_ago)
    first, _second = sorted(outbox.claim(open_hours, long_ago), key=lambda c: c.message_id)
    provider_of("sms").send(first.outgoing)  # …and the worker dies here
    run_jobs()
    tasks.drain()
    sent.refresh_from_db()
    lost.refresh_from_db()
    assert (sent.status, lost.status) == (Status.DELIVERED, Status.UNKNOWN)
    assert lost.reason == "worker_died"
    run_jobs()
    assert len(list(mailbox.iterdir())) == 1
    assert Attempt.objects.count() == 2


def test_the_finished_sms_carries_the_health_sentence_and_the_way_out(shop):
    contact = ContactFactory()
    finished = sending("sms").finish("24 crémants ce soir ", contact, shop)
    assert finished == (
        "24 crémants ce soir\nL'abus d'alcool est dangereux pour la santé\n"
        f"Stop: http://cave.localhost:8000/s/{contact.link_token}"
    )
    shop.sells_alcohol = False
    assert "alcool" not in sending("sms").finish("Bonjour", contact, shop)


def test_the_sender_is_three_to_eleven_letters(shop):
    assert sending("sms").sender(shop) == "CAVEMARCHE"
    shop.sms_sender, shop.name = "", "Café de l’Étoile"
    assert sending("sms").sender(shop) == "CAFEDELETOI"
    shop.name = "42"
    assert sending("sms").sender(shop) == "SHOP42"
    assert settings.TWILIO_SENDER == ""
    assert SYSTEM.kind == "system"
