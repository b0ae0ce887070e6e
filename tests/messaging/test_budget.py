"""What a month of messages may cost: taken before they leave, given back when they do not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apps.accounts.models import PlatformMail
from apps.core.actor import Actor
from apps.messaging import budget, draining, outbox, queries, tasks, telling
from apps.messaging.facts import SendingPaused, SendingResumed
from apps.messaging.models import Attempt, Flow, Message, Month, Spending, Status
from apps.messaging.outcome import Outcome
from apps.messaging.providers.base import DeliveryFailed, Receipt
from apps.messaging.telling import notices
from apps.shops.models import Shop
from tests.factories import ContactFactory
from tests.outbox import post_to

OWNER = Actor("team", 1)
NOON = datetime(2026, 11, 20, 11, tzinfo=UTC)
DECEMBER = datetime(2026, 11, 30, 23, tzinfo=UTC)  # midnight in Paris
EACH = 70  # tenths of a cent an SMS, as a shop begins


@pytest.fixture
def told(monkeypatch):
    facts = []
    monkeypatch.setattr("apps.messaging.budget.announce", facts.append)
    return facts


@pytest.fixture
def drop(open_hours, told):
    """Twenty people in the queue, and money for ten of them."""
    post_to(ContactFactory.create_batch(20, agreeing=True), cause="drop:9")
    Message.objects.update(available_at=NOON)
    budget.set_budget(open_hours, 70, OWNER, NOON)
    return open_hours


def claim(shop, now=NOON):
    shop.refresh_from_db()
    return outbox.claim(shop, now)


def answer(claims, outcome, shop, now=NOON):
    outbox.record([(one.attempt_id, outcome) for one in claims], shop, now)


def month():
    return Month.objects.get()


def test_it_stops_cleanly_where_the_money_ends_and_says_why(drop, told):
    sent = claim(drop)
    assert len(sent) == 10
    assert month().taken_tenths == 10 * EACH == month().budget_tenths
    assert queries.progress("drop:9") == {"sending": 10, "queued": 10}
    assert claim(drop) == []
    assert not outbox.more_is_due(drop, NOON)
    assert told == [SendingPaused("drop:9", "sms", "budget")]
    assert Flow.objects.get().closed_until == DECEMBER


def test_codes_and_receipts_are_never_stopped_and_count_too(drop):
    claim(drop)
    claim(drop)
    post_to([ContactFactory()], kind="service", cause="card:1")
    Message.objects.filter(kind="service").update(available_at=NOON)
    (code,) = claim(drop)
    assert Message.objects.get(pk=code.message_id).cause == "card:1"
    assert month().taken_tenths == 11 * EACH


def test_what_does_not_leave_gives_its_money_back(drop, told):
    sent = claim(drop)
    claim(drop)
    answer(sent[:4], Outcome(Status.FAILED, "21211"), drop)
    answer(sent[4:6], Outcome(Status.UNKNOWN, "no_answer"), drop)
    answer(sent[6:], Outcome(Status.SENT), drop)
    assert month().taken_tenths == 6 * EACH  # who knows of the two in doubt
    assert told[-1] == SendingResumed("sms", "budget")
    assert len(claim(drop)) == 4
    answer(sent[4:5], Outcome(Status.FAILED, "never_came", again=True), drop)
    assert len(claim(drop)) == 1


def test_a_higher_budget_lets_what_waited_leave(drop, told):
    claim(drop)
    claim(drop)
    budget.set_budget(drop, 105, OWNER, NOON)
    assert told[-1] == SendingResumed("sms", "budget")
    assert len(claim(drop)) == 5
    budget.set_budget(drop, None, OWNER, NOON)
    assert len(claim(drop)) == 5
    assert month().taken_tenths == 20 * EACH


def test_a_new_month_begins_with_its_whole_budget(drop, told):
    claim(drop)
    claim(drop)
    eve, new_year = DECEMBER - timedelta(seconds=1), DECEMBER + timedelta(seconds=1)
    assert claim(drop, eve) == []
    budget.look_again(drop, new_year)
    assert told[-1] == SendingResumed("sms", "budget")
    assert len(claim(drop, new_year)) == 10
    assert [one.taken_tenths for one in Month.objects.order_by("month")] == [700, 700]


def test_mails_cost_nothing_and_leave_all_the_same(drop):
    claim(drop)
    claim(drop)
    for person in ContactFactory.create_batch(3, agreeing=True):
        Message.objects.create(
            contact=person,
            channel="email",
            kind="commercial",
            cause="drop:9",
            to=person.email,
            body="!",
            available_at=NOON,
        )
    assert len(claim(drop)) == 3


def test_mails_past_the_plan_wait_for_the_next_month(open_hours, told):
    Month.objects.create(month="2026-11-01", mails=14_999)
    people = ContactFactory.create_batch(3, agreeing=True)
    for person in people:
        Message.objects.create(
            contact=person,
            channel="email",
            kind="commercial",
            cause="drop:9",
            to=person.email,
            body="!",
            available_at=NOON,
        )
    (first,) = outbox.claim(open_hours, NOON, many=1)
    answer([first], Outcome(Status.SENT), open_hours)
    assert claim(open_hours) == []
    assert told == [SendingPaused("drop:9", "email", "plan")]
    assert "15\u202f000 e-mails de la formule Boutique" in notices(open_hours, NOON)[0].sentence
    Shop.objects.filter(pk=open_hours.pk).update(plan="maison")
    open_hours.refresh_from_db()
    budget.look_again(open_hours, NOON)
    assert len(claim(open_hours)) == 2


def test_what_left_is_put_down_by_day_channel_and_cause(drop):
    post_to([ContactFactory()], kind="service", cause="card:1", body="é" * 200)
    Message.objects.filter(kind="service").update(available_at=NOON)
    sent = claim(drop)
    answer(sent[:8], Outcome(Status.SENT), drop)
    answer(sent[:8], Outcome(Status.DELIVERED), drop)
    answer(sent[8:9], Outcome(Status.FAILED, "30005"), drop)
    lines = Spending.objects.order_by("origin").values_list(
        "origin", "tried", "messages", "segments", "cost_tenths", "bounced"
    )
    assert list(lines) == [("drop", 8, 7, 7, 490, 1), ("service", 1, 1, 2, 140, 0)]
    paid = Message.objects.exclude(cost_tenths=0).values_list("cost_tenths", flat=True)
    assert sum(paid) == 630


def test_owners_are_told_once_at_eighty_percent_and_once_at_the_end(drop, owner, jobs):
    outbox.claim(drop, NOON, many=7)
    assert (month().told, notices(drop, NOON)) == (0, [])
    outbox.claim(drop, NOON, many=1)
    outbox.claim(drop, NOON, many=1)
    assert month().told == 80
    assert "dépensé à 90\u00a0% : 0,63\u00a0€ sur 0,70\u00a0€" in notices(drop, NOON)[0].sentence
    claim(drop)
    claim(drop)
    assert month().told == 100
    assert "est atteint" in notices(drop, NOON)[0].sentence
    assert jobs().count("tell_owners") == 2
    for percent in (80, 100):
        telling.tell_owners(drop, percent, NOON)
    first, last = PlatformMail.objects.order_by("pk")
    assert first.subject == "Cave du Marché : le budget de novembre est dépensé à 80 %"
    assert last.subject == "Cave du Marché : le budget de novembre est atteint"
    assert "1er décembre 2026" in last.text
    assert f"{drop.url}/gestion/messages/depenses/" in last.text
    assert {first.to, last.to} == {owner.email}


class Vendor:
    name = "twilio"

    def __init__(self):
        self.asked, self.failing = [], set()

    def send(self, message):
        self.asked.append(message.to)
        if message.to in self.failing:
            raise DeliveryFailed("20429")
        return Receipt(f"SM{len(self.asked)}")


def money(_):
    committed = Attempt.objects.exclude(status__in=[Status.FAILED, Status.CANCELLED])
    return committed.count(), Month.objects.get().taken_tenths


def test_two_campaigns_and_four_workers_never_spend_more_than_the_budget(
    committed, shop, monkeypatch
):
    """The promise: what is paid and what is on its way together stay within the budget."""
    vendor = Vendor()
    for room in (draining, outbox):
        monkeypatch.setattr(room, "provider_of", lambda channel: vendor)
    monkeypatch.setattr(outbox, "BATCH", 8)
    monkeypatch.setattr(draining, "HELD", 16)

    def prepare(_):
        always = {"quiet_until": "00:00", "quiet_from": "23:59:59", "sundays_allowed": True}
        Shop.objects.filter(pk=shop.pk).update(**always)
        found = Shop.objects.get(pk=shop.pk)
        people = [ContactFactory.create_batch(60, agreeing=True) for _ in range(2)]
        for number, half in enumerate(people, 1):
            post_to(half, cause=f"drop:{number}")
            vendor.failing |= {person.phone for person in half[:10]}
        budget.set_budget(found, 350, OWNER)  # fifty of them

    def drain(_):
        tasks.drain()
        taken = Month.objects.get().taken_tenths
        assert taken <= 3500, taken

    try:
        committed(prepare, 1)
        for _ in range(3):
            committed(drain, *range(4))
        ((alive, taken),) = committed(money, 1)
        assert taken == alive * EACH == 3500
        assert len(set(vendor.asked)) >= 50
        assert len(vendor.asked) - sum(to in vendor.failing for to in vendor.asked) == 50
        statuses = committed(lambda _: queries.progress("drop:1")["queued"], 1)
        assert statuses[0] > 0
    finally:
        usual = {"quiet_until": "08:00", "quiet_from": "21:30", "sundays_allowed": False}
        committed(lambda _: Shop.objects.update(budget_cents=None, **usual), 1)


def test_raising_it_while_workers_claim_loses_no_money(committed, shop):
    """Whoever raises it and whoever takes from it wait for each other at the month's row."""
    by_day = timezone.now().replace(hour=11) + timedelta(days=1)
    while by_day.isoweekday() == 7 or (by_day.month, by_day.day) in {(12, 25), (1, 1)}:
        by_day += timedelta(days=1)

    def prepare(_):
        post_to(ContactFactory.create_batch(40, agreeing=True), cause="drop:1")
        Message.objects.update(available_at=by_day)
        budget.set_budget(Shop.objects.get(pk=shop.pk), 35, OWNER, by_day)

    def work(turn):
        found = Shop.objects.get(pk=shop.pk)
        if turn % 2:
            budget.set_budget(found, 35 + turn * 14, OWNER, by_day)
        return len(outbox.claim(found, by_day, many=8))

    try:
        committed(prepare, 1)
        claimed = committed(work, *range(6))
        ((alive, taken),) = committed(money, 1)
        assert alive == sum(claimed)
        assert taken == alive * EACH
        assert taken <= max(35 + turn * 14 for turn in (1, 3, 5)) * 10
    finally:
        committed(lambda _: Shop.objects.update(budget_cents=None), 1)
