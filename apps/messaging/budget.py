"""What messages may cost: the owner's budget of a month, and the e-mails of the plan.

The price of a try is taken from the month's one row in the transaction that claims it, and given
back if nothing leaves. So commercial messages never bring a month above its budget, however many
campaigns and workers there are: what is on its way is already counted. Service messages count too
and never wait; they alone may bring it above. E-mails of the plan are counted once they have left:
it is passed by what is on its way at most.

A limit that is reached closes its channels until the month ends; what waits stays in the queue.
Locks: the month's row, then those of ``Flow``.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from apps.contacts import channels
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.jobs import enqueue
from apps.messaging.channels import sending
from apps.messaging.facts import SendingPaused, SendingResumed
from apps.messaging.models import Attempt, Flow, Kind, Message, Month, Status
from apps.messaging.outcome import BOUNCED
from apps.messaging.quality import look_soon, paced
from apps.messaging.waking import wake
from apps.shops.models import Shop
from apps.shops.plans import plan_of
from apps.shops.services import change_settings
from apps.shops.standing import is_read_only

BUDGET, PLAN = "budget", "plan"  # why a channel is closed: keys of ``reasons.say``
SERVICE = "service"
TELL = "apps.messaging.tasks.tell_owners"  # named, not imported: tasks stand above

_TAKE = f"""
INSERT INTO {Month._meta.db_table} AS old (month, budget_tenths, taken_tenths, mails, told)
VALUES (%s, %s, greatest(%s, 0), %s, 0) ON CONFLICT (month) DO UPDATE
SET taken_tenths = greatest(old.taken_tenths + %s, 0), mails = old.mails + EXCLUDED.mails
RETURNING month, budget_tenths, taken_tenths, mails, told
"""
_ADD = """
INSERT INTO messaging_spending AS old
  (day, channel, origin, tried, messages, segments, cost_tenths, bounced)
SELECT * FROM unnest(%s::date[], %s::text[], %s::text[], %s::int[], %s::int[], %s::int[],
  %s::bigint[], %s::int[]) ORDER BY 1, 2, 3
ON CONFLICT (day, channel, origin) DO UPDATE SET
  tried = old.tried + EXCLUDED.tried, messages = old.messages + EXCLUDED.messages,
  segments = old.segments + EXCLUDED.segments, bounced = old.bounced + EXCLUDED.bounced,
  cost_tenths = old.cost_tenths + EXCLUDED.cost_tenths
"""


def origin_of(message: Message) -> str:
    """What its cost is put down to: the word its cause begins with, or « service »."""
    return SERVICE if message.kind == Kind.SERVICE else message.cause.partition(":")[0][:12]


def is_included(channel: str, shop: Shop) -> bool:
    """Whether the plan has it, so many a month, instead of a price."""
    return not sending(channel).price_tenths(shop)


def cost_of(message: Message, shop: Shop) -> int:
    return message.segments * sending(message.channel).price_tenths(shop)


def month_of(at: datetime, shop: Shop) -> date:
    return at.astimezone(shop.zone).date().replace(day=1)


def month_after(at: datetime, shop: Shop) -> datetime:
    """When the next month begins, by the shop's clock."""
    first = (month_of(at, shop) + timedelta(days=32)).replace(day=1)
    return datetime.combine(first, datetime.min.time(), shop.zone)


def the_month(shop: Shop, at: datetime) -> Month:
    """As it stands, or as it will begin."""
    month = month_of(at, shop)
    return Month.objects.filter(pk=month).first() or Month(
        month=month, budget_tenths=_tenths(shop.budget_cents)
    )


def _tenths(cents: int | None) -> int | None:
    return None if cents is None else cents * 10


def _take(shop: Shop, month: date, tenths: int, mails: int = 0) -> Month:
    """Under the row's lock from here on."""
    beginning = _tenths(shop.budget_cents)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [month, beginning, tenths, mails, tenths])
        return Month(*cursor.fetchone())


# --- in the claim --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gates:
    """The channels whose commercial messages wait at this moment, and those that are slow."""

    shut: frozenset[str]
    slow: frozenset[str]


def gates(shop: Shop, now: datetime) -> Gates:
    """One small query, at each claim. Nothing commercial leaves a shop that is read only: it
    waits, and goes on once the shop is paid for."""
    flows = list(Flow.objects.filter(Q(closed_until__gt=now) | Q(slow_since__isnull=False)))
    rests = {flow.channel for flow in flows if flow.rests(now)}
    if is_read_only(shop, now):
        rests |= set(channels.names())
    return Gates(frozenset(rests), frozenset(f.channel for f in flows if f.slow_since))


def admit(going: list[Message], at_gates: Gates, shop: Shop, now: datetime) -> list[Message]:
    """Those of ``going`` that budget and pace let leave now; they are paid from here on. The
    others stay in the queue as they were."""
    month = month_of(now, shop)
    if at_gates.slow:
        _take(shop, month, 0)  # the lock, before those of the flows
        going = paced(going, at_gates.slow, now)
    costs = {message.pk: cost_of(message, shop) for message in going}
    if not (total := sum(costs.values())):
        return going
    taken = _take(shop, month, total)
    if taken.budget_tenths is None:
        return going
    over, left_behind = taken.taken_tenths - taken.budget_tenths, dict[int, str]()
    for message in reversed(going):
        if over > 0 and message.kind == Kind.COMMERCIAL and (cost := costs[message.pk]):
            over -= cost
            left_behind[message.pk] = message.channel
    if left_behind:
        taken = _take(shop, month, -sum(costs[pk] for pk in left_behind))
        _close(set(left_behind.values()), BUDGET, shop, now)
    _tell(taken, 100 if left_behind else settings.BUDGET_ALERT_PERCENT)
    return [message for message in going if message.pk not in left_behind]


def _tell(month: Month, percent: int) -> None:
    """The owners hear of it once: by a mail, and from then on at their home."""
    spent = month.taken_tenths * 100 >= (month.budget_tenths or 0) * percent
    if (spent or percent == 100) and month.told < percent:
        Month.objects.filter(pk=month.pk).update(told=percent)
        enqueue(TELL, percent)


def _close(channels: Collection[str], why: str, shop: Shop, now: datetime) -> None:
    until = month_after(now, shop)
    for channel in sorted(channels):
        flow, _made = Flow.objects.select_for_update().get_or_create(channel=channel)
        if flow.closed_until and flow.closed_until > now:
            continue
        flow.closed_for, flow.closed_until = why, until
        flow.save(update_fields=["closed_for", "closed_until"])
        waiting = Message.objects.filter(channel=channel, available_at__isnull=False)
        held = waiting.filter(kind=Kind.COMMERCIAL, cause__startswith="drop:").order_by()
        for cause in held.values_list("cause", flat=True).distinct():
            announce(SendingPaused(cause, channel, why))
    wake(until)


# --- once the news is there ----------------------------------------------------------------


def account(moved: Sequence[Attempt], before: Mapping[int, str], shop: Shop, now: datetime) -> None:
    """Put down what left and what it cost; give back what did not leave."""
    lines: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 5)
    back: Counter[date] = Counter()
    mails: Counter[str] = Counter()
    for attempt in moved:
        message, was_open = attempt.message, before[attempt.pk] in {Status.SENDING, Status.UNKNOWN}
        left = was_open and attempt.status in {Status.SENT, Status.DELIVERED}
        bounced = attempt.status == Status.FAILED and attempt.code in BOUNCED
        if was_open and attempt.status in {Status.FAILED, Status.CANCELLED}:
            back[month_of(attempt.at, shop)] += attempt.cost_tenths
        if left and is_included(message.channel, shop):
            mails[message.channel] += 1
        if left or bounced:
            line = lines[message.channel, origin_of(message)]
            cost = attempt.cost_tenths if left else 0
            gained = (left or was_open, left, message.segments if left else 0, cost, bounced)
            line[:] = map(sum, zip(line, gained, strict=True))
    _add(lines, now.astimezone(shop.zone).date())
    if any(line[-1] for (_channel, origin), line in lines.items() if origin != SERVICE):
        look_soon(now)
    for month in sorted(back):
        if back[month]:
            _give_back(shop, month, back[month], now)
    if mails:
        _count(mails, shop, now)


@transaction.atomic
def put_down(channel: str, origin: str, segments: int, shop: Shop, now: datetime) -> None:
    """What left past the outbox costs too; nothing holds it back."""
    cost = segments * sending(channel).price_tenths(shop)
    _add({(channel, origin): [1, 1, segments, cost, 0]}, now.astimezone(shop.zone).date())
    _take(shop, month_of(now, shop), cost)


def _add(lines: Mapping[tuple[str, str], Sequence[int]], day: date) -> None:
    if lines:
        columns = zip(*((day, *key, *line) for key, line in lines.items()), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [list(column) for column in columns])


def _give_back(shop: Shop, month: date, tenths: int, now: datetime) -> None:
    taken = _take(shop, month, -tenths)
    if taken.budget_tenths is not None and taken.taken_tenths < taken.budget_tenths:
        _open(BUDGET, now)


def _count(mails: Counter[str], shop: Shop, now: datetime) -> None:
    month = _take(shop, month_of(now, shop), 0, mails.total())
    plan = plan_of(shop)
    if plan and month.mails >= plan.messages:
        _close(mails, PLAN, shop, now)


# --- open again ----------------------------------------------------------------------------


def _open(why: str, now: datetime) -> None:
    closed = Flow.objects.select_for_update().filter(closed_for=why).order_by("channel")
    for flow in closed:
        flow.closed_for, flow.closed_until = "", None
        flow.save(update_fields=["closed_for", "closed_until"])
        announce(SendingResumed(flow.channel, why))
        wake()


@transaction.atomic
def look_again(shop: Shop, now: datetime) -> None:
    """Open what a new month, a higher budget or a larger plan lets leave again."""
    closed = Flow.objects.exclude(closed_for="")
    if not closed.exists():
        return
    month, plan = _take(shop, month_of(now, shop), 0), plan_of(shop)
    if month.budget_tenths is None or month.taken_tenths < month.budget_tenths:
        _open(BUDGET, now)
    if plan is None or month.mails < plan.messages:
        _open(PLAN, now)


@transaction.atomic
def set_budget(shop: Shop, cents: int | None, by: Actor, now: datetime | None = None) -> None:
    """What messages may cost from this month on; None: whatever they cost. What waited for a
    higher one leaves."""
    now = now or timezone.now()
    change_settings(shop=shop, by=by, values={"budget_cents": cents})
    month = _take(shop, month_of(now, shop), 0)
    month.budget_tenths, month.told = _tenths(cents), 0
    month.save(update_fields=["budget_tenths", "told"])
    look_again(shop, now)


@dataclass(frozen=True, slots=True)
class Closed:
    """Why nothing commercial leaves by some channel, and until when."""

    why: str
    until: datetime


def closed(channels: Collection[str], now: datetime) -> Closed | None:
    """Whether one of ``channels`` is closed, and which opens last."""
    shut = Flow.objects.filter(channel__in=channels, closed_until__gt=now)
    flow = shut.order_by("-closed_until").first()
    return Closed(flow.closed_for, flow.closed_until) if flow and flow.closed_until else None
