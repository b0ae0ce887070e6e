"""Each night: what stands here beside what stands at Stripe. Every difference is listed, and what a
lost event left behind is set right by reading again.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from apps.core.tenancy import across_shops, in_schema
from apps.payments import billing, connecting, events, mirror, prices, selling, takings
from apps.payments.models import Difference, Gap, ShopAccount, StripeEvent, Subscriber
from apps.payments.providers import stripe
from apps.payments.subscribing import (
    EXPANDED,
    LATE,
    PAID,
    db_clock,
    follow,
    rights,
    subscription_of,
)
from apps.shops.ledger import may_work

logger = logging.getLogger("comptoir.payments")
COMPARED = timedelta(days=40)  # charges of shops' accounts, one by one
LOOKED_BACK = timedelta(days=3)  # over events that may have been lost on the way
ON_ITS_WAY = timedelta(hours=1)  # an event this young is late at most, not lost


class Found(NamedTuple):
    gap: Gap
    about: str
    here: str = ""
    there: str = ""
    account: str = ""


def reconcile(now: datetime) -> list[Found]:
    """Compare, list what differs, and read again what can be set right. Standing in public."""
    began = db_clock()
    at_stripe: dict[str, list[stripe.Thing]] = defaultdict(list)
    for one in stripe.every("subscriptions", status="all", expand=EXPANDED):
        at_stripe[one["customer"]].append(one)
    since = int((now - LOOKED_BACK).timestamp())
    told = list(stripe.every("events", created={"gte": since}))
    told_there, differs = _on_accounts(now, since)
    told += told_there
    known = list(Subscriber.objects.select_related("shop"))
    found = [*_missed(told, now), *_strangers(at_stripe, known), *_differences(at_stripe, known)]
    found += [*_unbilled(), *differs]
    _list(found, now)
    for event in told:
        events.store(event)
    for subscriber in known:
        if may_work(subscriber.shop):
            with in_schema(subscriber.shop_id):
                theirs = at_stripe[subscriber.customer_id]
                follow(subscriber.shop, subscriber, theirs, began)
    return found


def _on_accounts(now: datetime, since: int) -> tuple[list[stripe.Thing], list[Found]]:
    """The events and differences of the shops' own accounts; what differs is read anew. A shop
    that took our access away, or at which Stripe is silent, waits for the next night."""
    told, found = list[stripe.Thing](), list[Found]()
    for account in ShopAccount.objects.filter(left_at=None).select_related("shop"):
        if not may_work(account.shop):
            continue
        name = account.account_id
        try:
            began = db_clock()
            looked = connecting.look(name)
            events_ = list(stripe.every("events", on=name, created={"gte": since}))
            with in_schema(account.shop_id):
                connecting.follow(account, looked, began)
                found += [*_charges(account, now), *_subscriptions(account)]
        except (stripe.StripeSilent, stripe.StripeRefused) as refusal:
            logger.warning("account not compared", extra={"error": type(refusal).__name__})
            continue
        told += [{**event, "account": name} for event in events_]
    return told, found


def _charges(account: ShopAccount, now: datetime) -> list[Found]:
    found = list[Found]()
    for one in takings.compare(account, now - COMPARED):
        found.append(Found(Gap.CHARGE, one.name, one.here, one.there, account.account_id))
        if one.there:
            began = db_clock()
            takings.follow(account, takings.look(takings.Taking(account, one.name)), began)
    return found


def _subscriptions(account: ShopAccount) -> Iterator[Found]:
    """Of the shop's customers."""
    on = account.account_id
    there = {one["id"]: one for one in selling.subscriptions_on(account)}
    for found in _compared(mirror.all_subscriptions(on), there, on):
        if found.there:
            selling.refresh(account, there[found.about]["customer"])
        yield found


def _compared(
    here: Mapping[str, stripe.Thing], there: Mapping[str, stripe.Thing], on: str = ""
) -> Iterator[Found]:
    """Subscriptions by their names, as they are kept and as Stripe says."""
    for name in sorted({*here, *there}):
        mine, theirs = (_state(side[name]) if name in side else "" for side in (here, there))
        if mine != theirs:
            yield Found(Gap.CHANGED if theirs else Gap.GONE, name, mine, theirs, on)


def _missed(told: list[stripe.Thing], now: datetime) -> Iterator[Found]:
    until = (now - ON_ITS_WAY).timestamp()
    by_name = {event["id"]: event for event in told if event["created"] < until}
    stored = StripeEvent.objects.filter(event_id__in=by_name).values_list("event_id", flat=True)
    for name in sorted(set(by_name) - set(stored)):
        event = by_name[name]
        yield Found(Gap.MISSED, name, "", event["type"], event.get("account", ""))


def _unbilled() -> list[Found]:
    """What is paid and stands on no invoice; it is asked for again. Where no shop of ours is
    named, as on a developer's machine, nobody invoices plans."""
    if not settings.PLATFORM_SHOP:
        return []
    with across_shops():
        billing.ask_again()
        waiting = billing.waiting()
    return [Found(Gap.UNBILLED, bill.stripe_id, bill.waits_for[:120]) for bill in waiting]


def _strangers(
    at_stripe: dict[str, list[stripe.Thing]], known: list[Subscriber]
) -> Iterator[Found]:
    ours = {subscriber.customer_id for subscriber in known}
    for customer, subscriptions in at_stripe.items():
        for one in subscriptions if customer not in ours else []:
            if one["status"] in PAID + LATE:
                yield Found(Gap.NOBODYS, one["id"], "", one["status"])


def _differences(
    at_stripe: dict[str, list[stripe.Thing]], known: list[Subscriber]
) -> Iterator[Found]:
    listed = {one["id"] for many in at_stripe.values() for one in many}
    there = {one["id"]: one for each in known for one in at_stripe[each.customer_id]}
    kept = mirror.all_subscriptions().items()
    here = {name: one for name, one in kept if name in there or name not in listed}
    yield from _compared(here, there)
    for subscriber in known:
        yield from _odd(subscriber, at_stripe[subscriber.customer_id])


def _odd(subscriber: Subscriber, theirs: list[stripe.Thing]) -> Iterator[Found]:
    """What is wrong by itself, whatever stands here."""
    live = [one for one in theirs if one["status"] in PAID + LATE]
    if len(live) > 1:
        yield Found(Gap.TWICE, subscriber.customer_id, "1", str(len(live)))
    for one in live:
        price = _items(one)[0]["price"]
        if prices.plan_of_price(price) is None:
            yield Found(Gap.PRICE, one["id"], "", price["id"])
    shop, counted = subscriber.shop, subscription_of(subscriber.customer_id)
    has = (shop.plan, shop.unpaid_from, shop.unpaid_why)
    due = rights(shop, counted)
    if has != due:
        yield Found(Gap.RIGHTS, subscriber.customer_id, _said(has), _said(due))


def _said(rights_: tuple[str, datetime | None, str]) -> str:
    plan, unpaid_from, why = rights_
    return f"{plan} {why} {unpaid_from:%Y-%m-%d}" if unpaid_from else plan


def _items(one: stripe.Thing) -> list[stripe.Thing]:
    items = one["items"]
    return items["data"] if isinstance(items, dict) else items  # as Stripe says it, as we keep it


def _state(one: stripe.Thing) -> str:
    item = _items(one)[0]
    words = [one["status"], item["price"]["id"], str(item["current_period_end"])]
    words += ["leaves"] if one["cancel_at_period_end"] else []
    words += ["rests"] if one.get("pause_collection") else []
    return " ".join(words)[:120]


@transaction.atomic
def _list(found: list[Found], now: datetime) -> None:
    """New ones are added, old ones seen again, what is no more keeps its row and its end."""
    open_ones = {(one.gap, one.about): one for one in Difference.objects.filter(gone_at=None)}
    for each in found:
        row = open_ones.pop((each.gap, each.about), None) or Difference(
            gap=each.gap, about=each.about, account=each.account, found_at=now
        )
        row.here, row.there, row.seen_at = each.here, each.there, now
        row.save()
    Difference.objects.filter(pk__in=[one.pk for one in open_ones.values()]).update(gone_at=now)
