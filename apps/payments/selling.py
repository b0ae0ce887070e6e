"""What a shop's customers pay it for, on its own account at Stripe, and what is kept of it here.

Money is asked for on Stripe's pages alone. As with the shop's own plan, what Stripe says of a
customer is read whole each time; it stands in dj-stripe's tables behind the wall of the account,
can be read anew at will, and holds nothing of a person. Rooms above hear of it by a fact.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.core.facts import announce
from apps.core.refusal import Refusal
from apps.core.tenancy import in_schema
from apps.payments import mirror
from apps.payments.facts import BuyerMoved
from apps.payments.models import ShopAccount
from apps.payments.providers import stripe
from apps.payments.subscribing import EXPANDED, db_clock
from apps.shops.models import Shop
from apps.shops.plans import PLANS, plan_of

CURRENCY = "eur"
SHOP, REFERENCE = "shop", "reference"  # of the metadata: what is ours there, and for what


class NotEuros(Refusal):
    message = _("Comptoir encaisse en euros : ce prix est dans une autre monnaie.")
    status = 422


class CannotSellYet(Refusal):
    message = _(
        "Le compte d’encaissement de la boutique n’est pas encore ouvert : terminez-le dans "
        "Réglages, Encaissement."
    )


class NothingToPay(Refusal):
    message = _("Un prix est au-dessus de zéro.")
    status = 422


@dataclass(frozen=True, slots=True)
class Sold:
    """Something with a price, VAT included; every ``months``, or once where that is 0. ``name``
    is ours for it, ``said`` what people read at Stripe."""

    name: str
    said: str
    cents: int
    months: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person is asked to pay; ``reference`` names what it is for: asked twice with the same
    words it is one page."""

    goods: Sequence[Sold]
    shop: Shop
    customer: str
    reference: str
    language: str
    expires_at: datetime
    paid_url: str
    back_url: str

    @property
    def marks(self) -> dict[str, str]:
        return {SHOP: self.shop.schema_name, REFERENCE: self.reference}


@dataclass(frozen=True, slots=True)
class Page:
    """A page of Stripe's on which a person pays."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What Stripe said last of one customer of the shop, newest first."""

    subscriptions: list[stripe.Thing]
    invoices: list[stripe.Thing]
    intents: list[stripe.Thing]


def account_of(shop: Shop) -> ShopAccount:
    """The account on which it is paid. Raises ``CannotSellYet``."""
    account = ShopAccount.objects.filter(shop=shop).first()
    if account is None or not account.takes_cards:
        raise CannotSellYet()
    return account


def can_sell(shop: Shop) -> bool:
    takes = ShopAccount.objects.filter(shop=shop, takes_cards=True)
    return bool(settings.STRIPE_SECRET_KEY) and takes.exists()


def fee_percent(shop: Shop) -> Decimal:
    """What the platform keeps of a sale, as the shop's plan says; the least of all plans where
    something else was agreed."""
    plan = plan_of(shop)
    permille = plan.fee_permille if plan else min(one.fee_permille for one in PLANS)
    return Decimal(permille) / 10


# --- asking to be paid ---------------------------------------------------------------------


def buyer(account: ShopAccount, *, reference: str, name: str, email: str, language: str) -> str:
    """A customer on the shop's account, for what ``reference`` names."""
    made = stripe.write(
        "customers",
        f"buyer:{reference}",
        on=account.account_id,
        name=name,
        email=email,
        preferred_locales=[language],
        metadata={SHOP: account.shop_id, REFERENCE: reference},
    )
    return str(made["id"])


def price_of(account: ShopAccount, sold: Sold) -> str:
    """The id of its price, made once for each sum and period. Raises ``NothingToPay``,
    ``NotEuros``."""
    if sold.cents <= 0:
        raise NothingToPay()
    on, lookup = account.account_id, f"{sold.name}_{sold.cents}_{sold.months}"
    listed = stripe.read(
        "prices", on=on, lookup_keys=[lookup], active=True, expand=["data.product"]
    )
    found = listed["data"][0] if listed["data"] else _made(on, account.shop_id, sold, lookup)
    if found["currency"] != CURRENCY:
        raise NotEuros()
    mirror.keep_account(on)
    mirror.keep_product(found["product"], on)
    mirror.keep_price({**found, "product": found["product"]["id"]}, on)
    return str(found["id"])


def name_of(price: stripe.Thing) -> str:
    """Of what ``price_of`` made it: the name of a ``Sold``."""
    return str(price["lookup_key"] or "").rpartition("_")[0].rpartition("_")[0]


def _made(on: str, schema: str, sold: Sold, lookup: str) -> stripe.Thing:
    return stripe.write(
        "prices",
        f"price:{lookup}",
        on=on,
        currency=CURRENCY,
        unit_amount=sold.cents,
        product_data={"name": sold.said},
        recurring={"interval": "month", "interval_count": sold.months},
        tax_behavior="inclusive",
        lookup_key=lookup,
        metadata={SHOP: schema},
        expand=["product"],
    )


def subscribe_page(account: ShopAccount, asked: Asked) -> Page:
    """Where a person subscribes, and goes on paying every period."""
    lines = [{"price": price_of(account, sold), "quantity": 1} for sold in asked.goods]
    data = {"metadata": asked.marks, "application_fee_percent": str(fee_percent(asked.shop))}
    return _page(account, asked, mode="subscription", line_items=lines, subscription_data=data)


def pay_page(account: ShopAccount, asked: Asked) -> Page:
    """Where a person pays once. Raises ``NothingToPay``."""
    total = sum(sold.cents for sold in asked.goods)
    if total <= 0:
        raise NothingToPay()
    lines = [
        {
            "price_data": {
                "currency": CURRENCY,
                "unit_amount": sold.cents,
                "product_data": {"name": sold.said},
                "tax_behavior": "inclusive",
            },
            "quantity": 1,
        }
        for sold in asked.goods
    ]
    fee = int(total * fee_percent(asked.shop) / 100)
    data = {"metadata": asked.marks, "application_fee_amount": fee}
    return _page(account, asked, mode="payment", line_items=lines, payment_intent_data=data)


def _page(account: ShopAccount, asked: Asked, **how: Any) -> Page:
    debit = ["sepa_debit"] if account.takes_debits else []
    made = stripe.write(
        "checkout/sessions",
        f"sale:{asked.reference}",
        on=account.account_id,
        **how,
        customer=asked.customer,
        client_reference_id=asked.reference,
        payment_method_types=["card", *debit],
        locale=asked.language,
        expires_at=int(asked.expires_at.timestamp()),
        success_url=asked.paid_url,
        cancel_url=asked.back_url,
    )
    return Page(made["id"], made["url"])


def close_page(account: ShopAccount, name: str) -> None:
    """Nobody can pay on it any more; one that was paid stays so."""
    try:
        page = f"checkout/sessions/{name}"
        if stripe.read(page, on=account.account_id)["status"] == "open":
            stripe.write(f"{page}/expire", f"expire:{name}", on=account.account_id)
    except stripe.StripeRefused:
        return  # it has just been paid or is forgotten: what came of it is read next


# --- following -----------------------------------------------------------------------------


def read(account: str, customer: str) -> Kept:
    """What Stripe says of a customer of ``account`` now. Never inside a transaction."""
    return Kept(
        list(
            stripe.every(
                "subscriptions", on=account, customer=customer, status="all", expand=EXPANDED
            )
        ),
        list(stripe.every("invoices", on=account, customer=customer, expand=["data.payments"])),
        list(stripe.every("payment_intents", on=account, customer=customer)),
    )


@transaction.atomic
def follow(account: ShopAccount, customer: str, found: Kept, began: datetime) -> bool:
    """Keep what a read that began at ``began`` found, and tell who listens. In the shop's schema.

    False when a later read was here first, or nothing of it is ours.
    """
    subscriptions = _ours(account, found.subscriptions)
    mine = {one["id"] for one in subscriptions}
    invoices = [one for one in found.invoices if mirror.subscription_of(one) in mine]
    paid_by = {name for one in invoices for name in mirror.intents_of(one)}
    once = {one["id"] for one in _ours(account, found.intents)}
    intents = [one for one in found.intents if one["id"] in paid_by | once]
    if not subscriptions and not intents:
        return False
    on = account.account_id
    mirror.keep_account(on)
    if not mirror.keep_buyer(customer, on, began):
        return False
    for one in subscriptions:
        mirror.keep_subscription(one, on)
    for one in invoices:
        mirror.keep_invoice(one, on)
    for one in intents:
        mirror.keep_intent(one, on)
    announce(BuyerMoved(customer))
    return True


def _ours(account: ShopAccount, things: Iterable[stripe.Thing]) -> list[stripe.Thing]:
    return [one for one in things if (one["metadata"] or {}).get(SHOP) == account.shop_id]


def refresh(account: ShopAccount, customer: str) -> None:
    """Read from Stripe how a customer stands, and follow it. Standing in the shop's schema."""
    began = db_clock()
    follow(account, customer, read(account.account_id, customer), began)


def subscriptions_on(account: ShopAccount) -> list[stripe.Thing]:
    """All that was ever subscribed to with us on a shop's account, as Stripe says now."""
    on = account.account_id
    return _ours(account, stripe.every("subscriptions", on=on, status="all", expand=EXPANDED))


def kept(customer: str) -> Kept:
    """What is kept of a customer. Standing in the shop's schema."""
    return Kept(mirror.subscriptions(customer), mirror.invoices(customer), mirror.intents(customer))


# --- forgetting ----------------------------------------------------------------------------


def forget_buyer(customer: str) -> None:
    """Nothing is kept here of a customer of the shop one stands in; what Stripe keeps stays."""
    mirror.forget(customer=customer)


def forget_account(schema: str) -> None:
    """The shop is erased: what its customers subscribed to with us ends, and nothing is kept of
    its account. Twice is once; raises ``StripeSilent``."""
    account = ShopAccount.objects.filter(shop_id=schema).first()
    if account is None:
        return
    if account.left_at is None and settings.STRIPE_SECRET_KEY:
        for one in _ours(account, stripe.every("subscriptions", on=account.account_id)):
            stripe.end(f"subscriptions/{one['id']}", on=account.account_id)
    with in_schema(schema):
        mirror.forget(account=account.account_id)
