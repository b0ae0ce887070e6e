"""When people and networks no longer want what a shop sends: told, and slowed down."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.contacts.models import Source
from apps.core.actor import Actor
from apps.core.models import Due
from apps.messaging import outbox, quality, stops, tasks
from apps.messaging.models import Flow, Message, Spending
from apps.messaging.outcome import Outcome, Status
from apps.messaging.telling import notices
from tests.factories import ContactFactory
from tests.outbox import post_to

NOON = datetime(2026, 11, 20, 11, tzinfo=UTC)
TODAY = NOON.date()


def left(messages, bounced=0, *, days_ago=1, channel="sms", origin="drop"):
    Spending.objects.create(
        day=TODAY - timedelta(days=days_ago),
        channel=channel,
        origin=origin,
        tried=messages,
        messages=messages,
        segments=messages,
        bounced=bounced,
    )


def stopped(many, shop, at=NOON):
    people = ContactFactory.create_batch(many, agreeing=True)
    post_to(people, cause="drop:1")
    Message.objects.update(available_at=None, status="delivered", created_at=NOON)
    for person in people:
        stops.stop(person, "sms", source=Source.REPLY, by=Actor("customer", person.pk), now=at)
    return people


def slow(shop, now=NOON):
    quality.judge(shop, now)
    return quality.slow_channels()


@pytest.mark.parametrize(
    ("messages", "stops_heard", "bounced", "is_slow"),
    [
        (10, 1, 1, False),  # one of ten cries nothing
        (99, 9, 9, False),
        (100, 2, 3, False),  # at the limit is not above it
        (100, 3, 0, True),
        (100, 0, 4, True),
        (1000, 20, 30, False),
        (1000, 21, 0, True),
    ],
)
def test_above_the_shares_and_from_the_sample_on_a_channel_is_slow(
    shop, messages, stops_heard, bounced, is_slow
):
    left(messages, bounced)
    stopped(stops_heard, shop)
    assert slow(shop) == (["sms"] if is_slow else [])


def test_only_the_days_that_are_looked_at_and_commercial_messages_count(shop):
    left(100, 4, days_ago=31)
    left(500, 200, origin="service")
    assert slow(shop) == []
    left(100, 4, days_ago=29)
    assert slow(shop) == ["sms"]


def test_who_took_the_stop_back_or_was_never_written_to_counts_for_nothing(shop):
    left(100)
    people = stopped(3, shop)
    assert slow(shop) == ["sms"]
    people[0].refresh_from_db()
    stops.undo_stop(people[0], "sms", NOON)
    assert slow(shop) == []
    stranger = ContactFactory(agreeing=True)
    stops.stop(stranger, "sms", source=Source.REPLY, by=Actor("customer", 1), now=NOON)
    assert slow(shop) == []


def test_a_slow_channel_leaves_in_rounds_spread_over_hours(open_hours, settings):
    settings.SENDER_QUALITY = {**settings.SENDER_QUALITY, "slow_per_hour": 30, "round_minutes": 10}
    left(100, 10)
    assert slow(open_hours) == ["sms"]
    post_to(ContactFactory.create_batch(12, agreeing=True), cause="drop:2")
    post_to(ContactFactory.create_batch(2), kind="service", cause="card:1")
    Message.objects.update(available_at=NOON)

    def leave(minutes):
        claims = outbox.claim(open_hours, NOON + timedelta(minutes=minutes))
        return len(claims)

    assert leave(0) == 2 + 5
    assert leave(1) == leave(9) == 0
    assert not outbox.more_is_due(open_hours, NOON + timedelta(minutes=9))
    assert leave(10) == 5
    assert leave(21) == 2


def test_the_usual_pace_comes_back_by_itself(open_hours):
    left(100, 4, days_ago=20)
    assert slow(open_hours) == ["sms"]
    since = Flow.objects.get().slow_since
    assert slow(open_hours, NOON + timedelta(days=1)) == ["sms"]
    assert Flow.objects.get().slow_since == since
    assert slow(open_hours, NOON + timedelta(days=12)) == []  # nothing is left to judge
    assert slow(open_hours) == ["sms"]
    left(100, 0)
    assert slow(open_hours) == []
    post_to(ContactFactory.create_batch(30, agreeing=True), cause="drop:2")
    Message.objects.update(available_at=NOON)
    assert len(outbox.claim(open_hours, NOON)) == 30


def test_a_stop_and_a_bad_number_are_judged_within_the_minute(open_hours, run_jobs):
    now = timezone.now()
    day = timezone.localdate(now)
    Spending.objects.create(
        day=day, channel="sms", origin="drop", tried=100, messages=100, bounced=3
    )
    post_to([ContactFactory(agreeing=True)], cause="drop:2")
    (claim,) = outbox.claim(open_hours, now + timedelta(seconds=1))
    outbox.record([(claim.attempt_id, Outcome(Status.FAILED, "30005"))], open_hours, now)
    assert Due.objects.get(what="quality").at <= now
    connection.set_schema_to_public()
    tasks.look_at_quality()
    connection.set_tenant(open_hours)
    run_jobs()
    assert quality.slow_channels() == ["sms"]
    assert Due.objects.get(what="quality").at > now  # looked at again while it is slow


def test_the_owner_reads_why_how_slow_and_how_to_recover(shop):
    left(200, 10)
    stopped(6, shop)
    slow(shop)
    (notice,) = notices(shop, NOON)
    assert notice.sentence == (
        "Ralentir : 3,0 % de stops (au-dessus de 2 %) et 5,0 % d’adresses refusées "
        "(au-dessus de 3 %) en 30 jours. Vos messages commerciaux par SMS partent à 200 par heure."
    )
    assert "Elle revient d’elle-même" in notice.more
