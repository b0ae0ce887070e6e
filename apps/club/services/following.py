"""What Stripe says becomes how a membership stands, its periods and its story.

All of it is read from what is kept of the customer, whole, each time: told twice, late or out of
order it comes to the same.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.club import story
from apps.club.facts import MemberMoved, PaymentFailed, PeriodBegan, PeriodSettled
from apps.club.models import Member, Period, PeriodState, State
from apps.club.services.planning import DUE
from apps.core import due
from apps.core.facts import announce
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.loyalty.rule import months_later
from apps.payments import selling
from apps.payments.changing import FAILED
from apps.payments.mirror import moment
from apps.payments.selling import REFERENCE
from apps.shops.models import Shop

Thing = dict[str, Any]
DEBITS_TAKE = timedelta(days=20)  # at most; french-rules § 6 says 14 business days
BILL = "apps.club.tasks.bill"  # named, not imported: tasks stand above
WELCOME = "apps.club.tasks.welcome"
OVER = ("canceled", "incomplete_expired")
LATE = ("past_due", "unpaid")
_PERIOD = {
    "open": PeriodState.DUE,
    "paid": PeriodState.PAID,
    "void": PeriodState.VOID,
    "uncollectible": PeriodState.VOID,
}


@transaction.atomic
def follow(customer_id: str, now: datetime) -> None:
    """Every membership that this customer of the shop's pays for stands as Stripe says."""
    mine = Member.objects.filter(customer_id=customer_id).select_related("plan")
    members = list(mine.select_for_update(of=("self",)).order_by("pk"))
    # Read under the lock: who waited for it sees what was kept last.
    kept = selling.kept(customer_id)
    failures = {one["id"]: one for one in kept.intents if one["status"] in FAILED}
    for member in members:
        if member.is_gift:
            _follow_gift(member, kept.intents, now)
        elif sub := _named(member.key, kept.subscriptions):
            invoices = [one for one in kept.invoices if one["subscription"] == sub["id"]]
            _follow_one(member, sub, invoices, failures, now)


def held(pk: int) -> Member:
    """The membership under its lock, in the caller's transaction."""
    mine = Member.objects.select_for_update(of=("self",)).select_related("plan")
    return mine.get(pk=pk)


def _named(key: UUID, things: list[Thing]) -> Thing | None:
    return next((one for one in things if (one["metadata"] or {}).get(REFERENCE) == key.hex), None)


def _day(stamp: int) -> date:
    return timezone.localdate(datetime.fromtimestamp(stamp, UTC))


def _state(sub: Thing) -> State:
    if sub["status"] in OVER:
        return State.ENDED
    if sub["status"] in LATE:
        return State.LATE
    if sub["status"] == "incomplete":
        return State.JOINING
    if sub["cancel_at"]:
        return State.LEAVING
    return State.PAUSED if sub["pause_collection"] else State.ACTIVE


def _follow_one(
    member: Member, sub: Thing, invoices: list[Thing], failures: dict[str, Thing], now: datetime
) -> None:
    before, state = State(member.state), _state(sub)
    member.subscription_id = sub["id"]
    member.period_ends_at = moment(max(item["current_period_end"] for item in sub["items"]))
    member.ends_at = moment(sub["cancel_at"])
    member.ended_at = None
    if state == State.ENDED:
        member.ended_at = member.ends_at = moment(sub["ended_at"]) or now
    # Also who has left by the time we hear of it, as long as one period was paid.
    belonged = state != State.ENDED or any(one["status"] == "paid" for one in invoices)
    if member.began_at is None and state != State.JOINING and belonged:
        _begin(member, sub, now)
        if state != State.ENDED:
            enqueue(WELCOME, member.pk, urgent=True)
    move(member, before, state, now)
    for invoice in reversed(invoices):
        if state != State.JOINING or invoice["status"] == "paid":
            _keep_period(member, invoice, now)
        _tell_failure(member, invoice, failures, now)


def _begin(member: Member, sub: Thing, now: datetime) -> None:
    at = member.began_at = moment(sub["created"]) or now
    if member.plan.term_months:
        member.term_ends_on = months_later(timezone.localdate(at), member.plan.term_months)
    # Stripe's clock counts whole seconds: nothing is told before it was asked for.
    at = max(at, member.asked_at)
    story.tell(member, "joined", now=at, about=sub["id"], price_cents=member.total_cents)


_SAID = {
    State.LATE: "late",
    State.PAUSED: "paused",
    State.LEAVING: "leaving",
    State.ENDED: "ended",
}


def move(member: Member, before: State, state: State, now: datetime) -> None:
    """Keep the new state; the story tells the step, and who listens hears of it."""
    member.state = state
    member.save()
    if state == before:
        return
    kind = _SAID.get(state, "")
    if state == State.ACTIVE:
        kind = {State.LATE: "recovered", State.PAUSED: "resumed", State.LEAVING: "stays"}.get(
            before, ""
        )
    elif state == State.ENDED and member.began_at is None:
        kind = "abandoned"
    if kind:
        to_on = timezone.localdate(member.ends_at).isoformat() if member.ends_at else ""
        story.tell(member, kind, now=now, to_on=to_on)
    announce(MemberMoved(member.pk))
    if state == State.ENDED:
        due.note(DUE, now)  # a place is free


def _keep_period(member: Member, invoice: Thing, now: datetime) -> None:
    state = _PERIOD.get(invoice["status"])
    if state is None or invoice["amount_due"] <= 0:
        return
    days = invoice["lines"][0]["period"]
    period, is_new = Period.objects.get_or_create(
        paid_as=invoice["id"],
        part=0,
        defaults={
            "member": member,
            "starts": _day(days["start"]),
            "ends": _day(days["end"]),
            "amount_cents": invoice["amount_due"],
            "ship_cents": min(member.ship_cents, invoice["amount_due"]),
        },
    )
    if invoice["intents"]:
        period.payment_id = invoice["intents"][0]
    paid_at = moment(invoice["status_transitions"]["paid_at"])
    moved = period.state != state
    period.state = state
    period.paid_at = paid_at if state == PeriodState.PAID else None
    # Not its invoice, which is put there without the membership's lock.
    period.save(update_fields=["payment_id", "state", "paid_at"])
    if is_new:
        announce(PeriodBegan(period.pk))
    if moved:
        settle(period, now)


def settle(period: Period, now: datetime) -> None:
    """A period was paid, or will not be: told, and invoiced."""
    announce(PeriodSettled(period.pk))
    if period.state == PeriodState.PAID:
        story.tell(
            period.member,
            "paid",
            now=max(period.paid_at or now, period.member.asked_at),
            about=f"{period.paid_as}:{period.part}",
            from_on=period.starts.isoformat(),
            price_cents=period.amount_cents,
        )
        enqueue(BILL, period.paid_as)


def _tell_failure(
    member: Member, invoice: Thing, failures: dict[str, Thing], now: datetime
) -> None:
    """Once for each try that failed."""
    if invoice["status"] != "open" or not set(invoice["intents"]) & set(failures):
        return
    about = f"{invoice['id']}:{invoice['attempt_count']}"
    if story.tell(member, "failed", now=now, about=about, price_cents=invoice["amount_due"]):
        announce(PaymentFailed(member.pk))


# --- a gift ----------------------------------------------------------------------------------


def _follow_gift(member: Member, intents: list[Thing], now: datetime) -> None:
    """Paid once, at once; who it is for opens it when they like."""
    intent = _named(member.key, intents)
    if intent is None or member.state != State.JOINING:
        return
    if intent["status"] == "processing":  # a debit takes days: the place is kept meanwhile
        member.hold_until = now + DEBITS_TAKE
        member.save(update_fields=["hold_until"])
        return
    if intent["status"] != "succeeded":
        return
    start = timezone.localdate(now)
    for part in range(member.gift_periods or 0):
        starts, ends = span(start, member.plan.every, part)
        Period.objects.create(
            member=member,
            paid_as=intent["id"],
            part=part,
            payment_id=intent["id"],
            state=PeriodState.PAID,
            paid_at=now,
            starts=starts,
            ends=ends,
            amount_cents=member.total_cents,
            ship_cents=member.ship_cents,
        )
    member.hold_until, member.began_at = None, now
    story.tell(
        member,
        "given",
        now=now,
        about=intent["id"],
        price_cents=intent["amount"],
        periods=member.gift_periods or 0,
    )
    move(member, State.JOINING, State.GIVEN, now)
    enqueue(WELCOME, member.pk, urgent=True)
    enqueue(BILL, intent["id"])


def span(start: date, every: int, part: int) -> tuple[date, date]:
    """The days of the ``part``-th period from ``start`` on."""
    return months_later(start, every * part), months_later(start, every * (part + 1))


def look_again(member: Member, shop: Shop, now: datetime) -> None:
    """Back from Stripe's page: its event may still be on its way. What Stripe's silence would say
    is said by that event."""
    try:
        selling.refresh(selling.account_of(shop), member.customer_id)
    except Refusal:
        return
    follow(member.customer_id, now)
