"""What shops paid for their plan and were given back of it: noted once by Stripe's name of it, and
announced in the platform's own shop, which invoices it.

What cannot be invoiced yet (a buyer without SIREN, a platform that has not said who it is) waits
with its reason, is shown to the owner and to staff, and is announced again when that changes and
each night.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from djstripe.models import Price

from apps.core.facts import announce
from apps.core.tenancy import in_schema
from apps.payments import mirror, prices
from apps.payments.facts import PlanBilled
from apps.payments.models import PlanBill
from apps.payments.providers import stripe
from apps.shops.models import Shop

# What a company's invoice says of its buyer, by the shop's own settings.
_ASKED = {
    "siren": _("votre SIREN"),
    "street": _("votre adresse"),
    "postal_code": _("votre code postal"),
    "city": _("votre ville"),
}
SHOWN = 36  # three years of months
# After which events a customer's payments are read, beside the subscription.
MONEY = ("invoice.", "charge.", "refund.")


@dataclass(frozen=True, slots=True)
class Told:
    """Paid invoices (``payments`` expanded) and charges (``refunds`` expanded)."""

    invoices: list[stripe.Thing]
    charges: list[stripe.Thing]


def look(**which: Any) -> Told:
    """What was paid and given back on the platform's account, of a customer or since a moment."""
    invoices = stripe.every("invoices", status="paid", expand=["data.payments"], **which)
    charges = stripe.every("charges", expand=["data.refunds"], **which)
    return Told(list(invoices), list(charges))


def seller() -> Shop | None:
    """The platform's own shop, once it is open."""
    slug = settings.PLATFORM_SHOP
    return Shop.objects.filter(slug=slug).first() if slug else None


def lacks(shop: Shop) -> list[str]:
    """What a shop must say of itself before its plan can be invoiced."""
    return [str(said) for name, said in _ASKED.items() if not getattr(shop, name)]


def listed(shop: Shop) -> list[PlanBill]:
    """What the shop paid, the latest first, as its page of the plan shows it."""
    return list(PlanBill.objects.filter(shop=shop).order_by("-happened_at", "-pk")[:SHOWN])


# --- noted ---------------------------------------------------------------------------------


def keep(shop: Shop, told: Told) -> None:
    """Note and announce what is not known yet. In a transaction, standing in the shop's schema."""
    known = {bill.stripe_id: bill for bill in PlanBill.objects.filter(shop=shop)}
    # Stripe lists the latest first, also those of one second.
    for one in sorted(told.invoices[::-1], key=lambda one: int(one["created"])):
        if one["total"] and one["id"] not in known:
            parts = _of_credit(one, known.values()) if one["total"] < 0 else [_of_invoice(one)]
            for turn, said in enumerate(parts, start=1):
                name = one["id"] if turn == 1 else f"{one['id']}/{turn}"
                known[name] = _note(shop, name, said)
    paid_by = {bill.payment_id: bill for bill in known.values() if bill.payment_id}
    for back, bill in _given_back(told.charges, paid_by):
        if back["id"] not in known:
            _note(shop, back["id"], _of_refund(back, bill))


def _note(shop: Shop, name: str, said: dict[str, Any]) -> PlanBill:
    bill, is_new = PlanBill.objects.get_or_create(stripe_id=name, defaults={"shop": shop, **said})
    if is_new:
        _announce([(bill.shop_id, bill.pk)])
    return bill


def _of_invoice(one: stripe.Thing) -> dict[str, Any]:
    # What a change of plan takes back of the former one stands on a line below zero.
    lines = one["lines"]["data"]
    line = max(lines, key=lambda line: (line["amount"] > 0, int(line["period"]["end"])))
    held = Price.objects.filter(id=line["pricing"]["price_details"]["price"]).first()
    payments = one["payments"]["data"]
    return {
        "payment_id": payments[0]["payment"].get("payment_intent") or "" if payments else "",
        "plan": prices.plan_of_price(held.stripe_data) or "" if held else "",
        "net_cents": one["total_excluding_tax"],
        "total_cents": one["total"],
        "paid_cents": one["amount_paid"],
        "since": mirror.moment(line["period"]["start"]),
        "until": mirror.moment(line["period"]["end"]),
        "happened_at": mirror.moment(one["status_transitions"]["paid_at"] or one["created"]),
    }


def _of_credit(one: stripe.Thing, known: Iterable[PlanBill]) -> list[dict[str, Any]]:
    """What a change to a lesser plan leaves the shop: taken off the bill that Stripe says it is of,
    then off the latest. What is of none of them waits for a person."""
    named, bills = {_credited(line) for line in one["lines"]["data"]}, list(known)
    left, parts = -one["total"], list[dict[str, Any]]()
    for bill in sorted(bills, key=lambda b: (b.stripe_id in named, b.happened_at, b.pk))[::-1]:
        taken = sum(-other.total_cents for other in bills if other.corrects_id == bill.pk)
        cents = min(left, bill.total_cents - taken)
        if cents > 0:
            left -= cents
            back = {"corrects": bill, "net_cents": 0, "total_cents": -cents}
            parts.append(_of_invoice(one) | back)
    if left:
        parts.append(_of_invoice(one) | {"total_cents": -left})
    return parts


def _credited(line: stripe.Thing) -> str:
    """The invoice that a line takes something back of."""
    parent = line.get("parent") or {}
    of = parent.get("invoice_item_details") or parent.get("subscription_item_details") or {}
    items = (of.get("proration_details") or {}).get("credited_items") or {}
    return str(items.get("invoice") or "")


def _given_back(
    charges: Iterable[stripe.Thing], paid_by: dict[str, PlanBill]
) -> Iterator[tuple[stripe.Thing, PlanBill]]:
    for charge in charges:
        bill = paid_by.get(charge["payment_intent"] or "")
        if bill is not None:
            refunds = charge["refunds"]["data"]
            yield from ((back, bill) for back in refunds if back["status"] == "succeeded")


def _of_refund(back: stripe.Thing, bill: PlanBill) -> dict[str, Any]:
    return {
        "corrects": bill,
        "plan": bill.plan,
        "net_cents": 0,  # its share of each rate is the credit note's
        "total_cents": -back["amount"],
        "paid_cents": -back["amount"],
        "happened_at": mirror.moment(back["created"]),
    }


# --- announced, invoiced -------------------------------------------------------------------


def _announce(bills: Iterable[tuple[str, int]]) -> None:
    here, found = seller(), list(bills)
    if here is not None:
        with in_schema(here.schema_name):
            for shop, bill in found:
                announce(PlanBilled(shop, bill))


def waiting() -> list[PlanBill]:
    """What stands on no invoice yet: of this shop; inside ``across_shops``, of all."""
    return list(PlanBill.objects.filter(number="").order_by("pk"))


def ask_again() -> None:
    """What waits is announced again."""
    _announce((bill.shop_id, bill.pk) for bill in waiting())


def numbered(bill: PlanBill, number: str) -> None:
    """It is on the invoice of that number; what waited for it may follow."""
    PlanBill.objects.filter(pk=bill.pk).update(number=number, waits_for="")
    _announce((other.shop_id, other.pk) for other in waiting())


def credits_before(bill: PlanBill) -> "QuerySet[PlanBill]":
    """What Stripe had kept for the shop when it paid that bill: credit notes without money."""
    kept = PlanBill.objects.filter(shop=bill.shop, paid_cents=0, total_cents__lt=0)
    return kept.filter(happened_at__lte=bill.happened_at).exclude(pk=bill.pk)


def waits(bill: PlanBill, why: str) -> None:
    PlanBill.objects.filter(pk=bill.pk).update(waits_for=why[:200])
