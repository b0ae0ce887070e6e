"""What Stripe tells: stored once, then carried out by asking Stripe how things stand.

An event says only whom to ask about; so several about one customer are one question, and neither
their order nor a replay changes what comes of them.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.core.jobs import enqueue
from apps.core.tenancy import in_schema
from apps.payments import billing, connecting, selling, takings
from apps.payments.models import Outcome, ShopAccount, StripeEvent, Subscriber
from apps.payments.providers import stripe
from apps.payments.subscribing import EXPANDED, db_clock, follow
from apps.shops.ledger import may_work
from apps.shops.models import Shop

APPLY = "apps.payments.tasks.apply_events"  # named, not imported: tasks stand above
CUSTOMER = "cus_"
BATCH = 100
THREADS = 8
LEASE = timedelta(seconds=60)  # as long as a job lives: who holds an event any longer is dead
BUDGET = 5.0  # seconds; what is left then is nobody's hurry
KEPT_DAYS = 90
# From which the state of a subscription may differ afterwards: a shop's, or of a customer of its.
CONCERNS = ("customer.subscription.", "checkout.session.", "payment_method.", *billing.MONEY)
# From which that of a shop's own account may.
OF_ACCOUNTS = ("account.", "capability.")

_STORE = """
INSERT INTO payments_stripeevent AS e
  (event_id, kind, account, about, made_at, received_at, due_at, tries, outcome, error)
VALUES (%s, %s, %s, %s, %s, %s, %s, 0, %s, '') ON CONFLICT (event_id) DO NOTHING RETURNING e.id
"""
_TAKE = """
UPDATE payments_stripeevent
SET due_at = clock_timestamp() + make_interval(secs => %s), tries = tries + 1
WHERE id IN (SELECT id FROM payments_stripeevent WHERE due_at <= clock_timestamp()
             ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id
"""


class NotAnEvent(Exception):
    """Signed, and not what an event looks like."""


# --- stored --------------------------------------------------------------------------------


def store(told: stripe.Thing) -> bool:
    """Once, in public, with the job that carries it out. False for what was stored before.

    Raises ``NotAnEvent``. What concerns nobody is stored too: nothing that was told is lost.
    """
    try:
        kind, thing = str(told["type"]), told["data"]["object"]
        made = datetime.fromtimestamp(int(told["created"]), UTC)
        event, account = str(told["id"]), str(told.get("account") or "")
        if kind == takings.SHARE_BACK:
            account = str(thing["account"])
        is_ours = told["livemode"] == settings.STRIPE_LIVE_MODE
        about = _about(kind, thing, account) if is_ours else ""
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise NotAnEvent from error
    now = timezone.now()
    outcome = "" if about else Outcome.IGNORED
    values: list[Any] = [event, kind[:80], account, about, made, now]
    values += [now if about else None, outcome]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_STORE, values)
        is_new = cursor.fetchone() is not None
        if is_new and about:
            enqueue(APPLY, urgent=True)  # somebody has just paid, and looks at the page
    return is_new


def _about(kind: str, thing: stripe.Thing, account: str) -> str:
    """Whom to ask about; empty for what changes nothing here."""
    if kind.startswith(OF_ACCOUNTS):
        return account
    if account and kind.startswith((*takings.KINDS, takings.SHARE_BACK)):
        return takings.named(thing)
    if not kind.startswith(CONCERNS):
        return ""
    customer = thing.get("customer") or ""
    return str(customer["id"] if isinstance(customer, dict) else customer)


# --- carried out ---------------------------------------------------------------------------


def apply_waiting() -> None:
    """Carry out what is due, as long as there is some and time is left. Standing in public."""
    began = time.monotonic()
    while taken := _take():
        _apply(taken)
        if time.monotonic() > began + BUDGET:
            enqueue(APPLY)
            return


def _take() -> list[StripeEvent]:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [LEASE.total_seconds(), BATCH])
        names = [name for (name,) in cursor.fetchall()]
    return list(StripeEvent.objects.filter(pk__in=names))


def _apply(taken: Sequence[StripeEvent]) -> None:
    """Threads ask Stripe; this one alone touches the database, one customer a transaction."""
    asked: dict[tuple[str, str], list[StripeEvent]] = defaultdict(list)
    for event in taken:
        asked[event.account, event.about].append(event)
    known = _known(asked)
    for place, events in asked.items():
        if place not in known:
            _done(events, Outcome.NOT_OURS)
    began = db_clock()
    with ThreadPoolExecutor(THREADS) as pool:
        answers = pool.map(_read, known.values(), [asked[place] for place in known])
        for (place, one), found in zip(known.items(), answers, strict=True):
            _carry(one, found, began, asked[place])


@dataclass(frozen=True, slots=True)
class Buyer:
    """A customer on a shop's own account."""

    account: ShopAccount
    customer: str

    @property
    def shop(self) -> Shop:
        return self.account.shop


Known = Subscriber | ShopAccount | Buyer | takings.Taking


def _known(places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
    """The shops that are asked about, by where Stripe names them."""
    places = list(places)
    customers = [about for account, about in places if not account]
    accounts = {account for account, _about in places if account}
    known: dict[tuple[str, str], Known] = {}
    for one in Subscriber.objects.select_related("shop").filter(customer_id__in=customers):
        known["", one.customer_id] = one
    theirs = ShopAccount.objects.select_related("shop").filter(account_id__in=accounts)
    by_name = {account.account_id: account for account in theirs}
    for account, about in places:
        if account in by_name:
            held = by_name[account]
            known[account, about] = held if account == about else _on(held, about)
    return known


def _on(account: ShopAccount, about: str) -> Buyer | takings.Taking:
    """A payment on the account, or who made some."""
    is_money = about.startswith(takings.NAMES)
    return takings.Taking(account, about) if is_money else Buyer(account, about)


def _read(one: Known, events: Sequence[StripeEvent]) -> Any:
    """What Stripe says of it, or its failure. Of a shop: subscriptions, and payments where an
    event is of money."""
    try:
        if isinstance(one, ShopAccount):
            return connecting.look(one.account_id)
        if isinstance(one, Buyer):
            return selling.read(one.account.account_id, one.customer)
        if isinstance(one, takings.Taking):
            return takings.look(one)
        customer = one.customer_id
        found = stripe.every("subscriptions", customer=customer, status="all", expand=EXPANDED)
        paid = any(event.kind.startswith(billing.MONEY) for event in events)
        return list(found), billing.look(customer=customer) if paid else None
    except (stripe.StripeSilent, stripe.StripeRefused) as refusal:
        return refusal


def _carry(one: Known, found: Any, began: datetime, events: Sequence[StripeEvent]) -> None:
    shop: Shop = one.shop
    if isinstance(found, Exception) or not may_work(shop):
        kind = type(found).__name__ if isinstance(found, Exception) else "ShopUpdating"
        _later(events, kind)
        return
    with transaction.atomic():
        with in_schema(shop.schema_name):
            if isinstance(one, ShopAccount):
                connecting.follow(one, found, began)
            elif isinstance(one, Buyer):
                selling.follow(one.account, one.customer, found, began)
            elif isinstance(one, takings.Taking):
                takings.follow(one.account, found, began)
            else:
                subscriptions, paid = found
                follow(shop, one, subscriptions, began)
                if paid is not None:
                    billing.keep(shop, paid)
        _done(events, Outcome.APPLIED)


def _of(events: Iterable[StripeEvent]) -> "QuerySet[StripeEvent]":
    return StripeEvent.objects.filter(pk__in=[event.pk for event in events])


def _done(events: Iterable[StripeEvent], outcome: Outcome) -> None:
    now = timezone.now()
    _of(events).update(due_at=None, applied_at=now, outcome=outcome, error="")


def _later(events: Sequence[StripeEvent], error: str) -> None:
    """Again in a while, and longer each time, up to an hour: nothing that was told is dropped."""
    now = timezone.now()
    for event in events:
        wait = timedelta(seconds=min(5 * 2 ** min(event.tries, 10), 3600))
        _of([event]).update(due_at=now + wait, error=error)


# --- replayed, looked after ----------------------------------------------------------------


def replay(events: "QuerySet[StripeEvent]", say: Callable[[int], object] = lambda n: None) -> int:
    """Carry out stored events once more; returns how many."""
    with transaction.atomic():
        many = events.exclude(about="").update(
            due_at=timezone.now(), applied_at=None, outcome="", error="", tries=0
        )
        if many:
            enqueue(APPLY)
    say(many)
    return many


def look() -> None:
    """Recurring, in public: what waits for a second try, or lost its worker."""
    if StripeEvent.objects.filter(due_at__lte=timezone.now()).exists():
        enqueue(APPLY)


def forget_old(days: int = KEPT_DAYS) -> None:
    """Recurring: what was carried out long ago. Stripe itself tells of thirty days."""
    limit = timezone.now() - timedelta(days=days)
    StripeEvent.objects.filter(received_at__lt=limit, due_at=None).delete()
