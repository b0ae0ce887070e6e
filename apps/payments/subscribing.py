"""The shop's own plan: choosing it, paying for it, and what its subscription makes of its rights.

Money is asked for on Stripe's pages alone. What Stripe says is read whole each time, by customer:
the read that began last is right, whatever came in between.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core.actor import SYSTEM, Actor
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.core.trail import record
from apps.payments import mirror, prices
from apps.payments.models import Subscriber
from apps.payments.providers import stripe
from apps.shops.models import Shop, Unpaid
from apps.shops.plans import Plan, plan_named
from apps.shops.standing import PAGE, settle

PAGES = Limit("stripe_page", 20, 600)
# Stripe starts no trial that ends sooner than in two days; an hour more for who reads slowly.
LEAST_TRIAL = timedelta(days=2, hours=1)
PAID = ("active", "trialing")
LATE = ("past_due", "unpaid")
OVER = ("canceled", "incomplete_expired", "paused")
RANK = (*PAID, *LATE, *OVER)  # « incomplete » is none yet
EXPANDED = ["data.default_payment_method"]


class NoSuchPlan(Refusal):
    message = _("Cette formule n’existe pas.")
    status = 404


class Agreed(Refusal):
    message = _("Votre formule est convenue avec Comptoir : écrivez-nous pour la changer.")


class SamePlan(Refusal):
    message = _("C’est déjà votre formule.")


class NotASubscriber(Refusal):
    message = _("Choisissez d’abord une formule : vos factures apparaîtront ici ensuite.")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription to the platform, as it is kept here."""

    id: str
    status: str
    plan: Plan | None
    price_cents: int
    item: str
    since: datetime | None
    until: datetime | None
    leaves_at: datetime | None
    ended_at: datetime | None
    pays_by: dict[str, Any] | None

    @property
    def is_live(self) -> bool:
        return self.status in PAID + LATE


def _read(kept: dict[str, Any]) -> Subscription:
    item = kept["items"][0]
    trial = mirror.moment(kept["trial_end"])
    ended = mirror.moment(kept["ended_at"]) or mirror.moment(kept["canceled_at"])
    return Subscription(
        id=kept["id"],
        status=kept["status"],
        plan=plan_named(prices.plan_of_price(item["price"]) or ""),
        price_cents=item["price"]["unit_amount"],
        item=item["id"],
        since=mirror.moment(item["current_period_start"]),
        until=mirror.moment(item["current_period_end"]),
        leaves_at=mirror.moment(kept["cancel_at"]),
        # What was promised for nothing is not taken back by who leaves early.
        ended_at=max((at for at in (ended, trial) if at), default=None),
        pays_by=kept["pays_by"],
    )


def subscription_of(customer: str) -> Subscription | None:
    """The one that counts: what is paid before what is late, that before what is over."""
    known = [_read(kept) for kept in mirror.subscriptions(customer)]
    known = [one for one in known if one.status in RANK]
    return min(known, key=lambda one: RANK.index(one.status), default=None)


def of_shop(shop: Shop) -> tuple[Subscriber | None, Subscription | None]:
    """The shop as Stripe knows it, and what it has subscribed to."""
    subscriber = Subscriber.objects.filter(shop=shop).first()
    return subscriber, subscription_of(subscriber.customer_id) if subscriber else None


# --- what it makes of the shop's rights ----------------------------------------------------


def rights(shop: Shop, found: Subscription | None) -> tuple[str, datetime | None, str]:
    """Plan, since when nothing pays for it, and why, as ``found`` says; unchanged without one, and
    where something else was agreed."""
    if found is None or not shop.plan:
        return shop.plan, shop.unpaid_from, shop.unpaid_why
    plan = found.plan.code if found.plan else shop.plan
    if found.status in PAID:
        return plan, None, ""
    if found.status in LATE:
        return plan, found.since, Unpaid.LATE
    return plan, found.ended_at, Unpaid.ENDED


def db_clock() -> datetime:
    """By the database's clock: the machines' own may differ."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    return now  # type: ignore[no-any-return]


def refresh(shop: Shop, subscriber: Subscriber) -> None:
    """Read from Stripe what the shop has subscribed to, and follow it. Standing in its schema."""
    began = db_clock()
    customer = subscriber.customer_id
    found = list(stripe.every("subscriptions", customer=customer, status="all", expand=EXPANDED))
    follow(shop, subscriber, found, began)


@transaction.atomic
def follow(shop: Shop, subscriber: Subscriber, found: list[stripe.Thing], began: datetime) -> bool:
    """Keep what a read that began at ``began`` found, and give the shop the rights it says.

    False when a read that began later was here first: then nothing changes.
    """
    newer = Subscriber.objects.filter(pk=subscriber.pk)
    if not newer.filter(Q(read_at=None) | Q(read_at__lt=began)).update(read_at=began):
        return False
    mirror.keep_customer(subscriber.customer_id)
    for one in found:
        mirror.keep_subscription(one)
    plan, unpaid_from, why = rights(shop, subscription_of(subscriber.customer_id))
    settle(shop=shop, plan=plan, unpaid_from=unpaid_from, why=why, by=SYSTEM)
    return True


# --- the owner's acts ----------------------------------------------------------------------


def subscriber_of(shop: Shop) -> Subscriber:
    """The shop's customer at Stripe, made when it first needs one."""
    known = Subscriber.objects.filter(shop=shop).first()
    if known:
        return known
    made = stripe.write(
        "customers",
        f"customer:{shop.schema_name}",
        name=shop.legal_name or shop.name,
        preferred_locales=["fr"],
        metadata={"shop": shop.schema_name},
        **({"email": shop.email} if shop.email else {}),
    )
    # Two taps at once: Stripe gave both the same customer, and one row is made.
    return Subscriber.objects.get_or_create(shop=shop, defaults={"customer_id": made["id"]})[0]


def choose(*, shop: Shop, code: str, once: str, by: Actor, now: datetime) -> str:
    """The address of Stripe's page on which the owner pays for a plan, or confirms a change.

    ``once`` makes a second tap the same page. Raises ``NoSuchPlan``, ``Agreed``, ``SamePlan``,
    ``TooMany`` and what Stripe's silence raises.
    """
    plan = plan_named(code)
    if plan is None:
        raise NoSuchPlan()
    if not shop.plan:
        raise Agreed()
    spend(PAGES, shop.pk)
    subscriber = subscriber_of(shop)
    refresh(shop, subscriber)
    current = subscription_of(subscriber.customer_id)
    if current and current.is_live:
        if current.plan == plan:
            raise SamePlan()
        return _change(shop, subscriber, current, plan, once)
    url = _checkout(shop, subscriber, plan, once, now)
    record(by, "plan.chosen", "shop", shop.pk, after={"plan": plan.code})
    return url


def _checkout(shop: Shop, subscriber: Subscriber, plan: Plan, once: str, now: datetime) -> str:
    line: dict[str, Any] = {"price": prices.price_of(plan), "quantity": 1}
    if rate := prices.tax_rate_of(shop):
        line["tax_rates"] = [rate]
    data: dict[str, Any] = {"metadata": {"shop": shop.schema_name}}
    trial = shop.unpaid_from if shop.unpaid_why == Unpaid.TRIAL else None
    if trial and trial > now + LEAST_TRIAL:
        data["trial_end"] = int(trial.timestamp())  # the days that were promised stay free
    session = stripe.write(
        "checkout/sessions",
        f"checkout:{shop.schema_name}:{once}",
        mode="subscription",
        customer=subscriber.customer_id,
        client_reference_id=shop.schema_name,
        line_items=[line],
        subscription_data=data,
        payment_method_types=["card", "sepa_debit"],
        billing_address_collection="required",
        customer_update={"address": "auto", "name": "auto"},
        locale="fr",
        success_url=f"{shop.url}{PAGE}?retour=1",
        cancel_url=f"{shop.url}{PAGE}",
    )
    _close(_offered(subscriber, session["id"]))
    return str(session["url"])


@transaction.atomic
def _offered(subscriber: Subscriber, page: str) -> str:
    """Note the page that is offered now; the one before, if it is another."""
    row = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    before, row.checkout_id = row.checkout_id, page
    row.save(update_fields=["checkout_id"])
    return "" if before == page else before


def _close(name: str) -> None:
    """A page that was offered before can be paid no more: nobody subscribes twice from two tabs."""
    if not name:
        return
    page = f"checkout/sessions/{name}"
    try:
        if stripe.read(page)["status"] == "open":
            stripe.write(f"{page}/expire", f"expire:{name}")
    except stripe.StripeRefused:
        return  # it has just been paid or is forgotten: what came of it is read next


def _change(
    shop: Shop, subscriber: Subscriber, current: Subscription, plan: Plan, once: str
) -> str:
    """Stripe shows what the change costs today before it is confirmed."""
    asked = {
        "subscription": current.id,
        "items": [{"id": current.item, "price": prices.price_of(plan), "quantity": 1}],
    }
    flow = {"type": "subscription_update_confirm", "subscription_update_confirm": asked}
    return _portal(shop, subscriber, once, flow_data=flow)


def leave(schema: str) -> None:
    """The shop is erased: it pays for nothing any more. Its invoices stay at Stripe, as the law
    wants. Twice is once; raises ``StripeSilent``."""
    subscriber = Subscriber.objects.filter(shop_id=schema).first()
    if subscriber is not None:
        for one in stripe.every("subscriptions", customer=subscriber.customer_id):
            stripe.end(f"subscriptions/{one['id']}")


def manage(*, shop: Shop, once: str) -> str:
    """The address of Stripe's page of the shop's invoices, means of payment and cancellation."""
    subscriber = Subscriber.objects.filter(shop=shop).first()
    if subscriber is None:
        raise NotASubscriber()
    spend(PAGES, shop.pk)
    return _portal(shop, subscriber, once)


def _portal(shop: Shop, subscriber: Subscriber, once: str, **more: Any) -> str:
    session = stripe.write(
        "billing_portal/sessions",
        f"portal:{shop.schema_name}:{once}",
        customer=subscriber.customer_id,
        return_url=f"{shop.url}{PAGE}?retour=1",
        locale="fr",
        **more,
    )
    return str(session["url"])
