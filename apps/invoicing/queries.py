"""Reads of invoices: the list and its figures, one of them as its page shows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from apps.catalog.models import Purchase
from apps.contacts.models import Contact
from apps.invoicing.models import Closure, Invoice, Type
from apps.invoicing.online import named
from apps.payments.models import Back, Charge, Verdict


@dataclass(frozen=True, slots=True)
class State:
    """Where an invoice stands, in a word and its colour."""

    label: str
    tone: str


def state_of(invoice: Any, today: date) -> State:
    """``invoice`` comes from ``with_balance``."""
    if invoice.is_credit:
        return State("avoir", "plain")
    if invoice.owed < 0:
        return State("à rembourser", "warn")
    if invoice.owed == 0:
        whole = invoice.total_cents + invoice.credited == 0
        return State("annulée", "plain") if whole else State("payée", "good")
    if invoice.due_on < today:
        return State("en retard", "bad")
    return State("payée en partie", "warn") if invoice.paid else State("à payer", "warn")


def listed(text: str, state: str, today: date) -> QuerySet[Invoice]:
    """The invoices that match, the latest first."""
    found = Invoice.objects.with_balance().matching(text)
    if state == "unpaid":
        found = found.unpaid()
    elif state == "overdue":
        found = found.overdue(today)
    elif state == "credit":
        found = found.filter(type=Type.CREDIT)
    return found.order_by("-record_id")


@dataclass(frozen=True, slots=True)
class Figures:
    month_cents: int
    month_count: int
    owed_cents: int
    overdue_count: int


def figures(today: date) -> Figures:
    """What the month brought, and what is still to come in."""
    month = Invoice.objects.filter(issued_on__gte=today.replace(day=1), issued_on__lte=today)
    told = month.aggregate(
        cents=Coalesce(Sum("total_cents"), 0), count=Count("pk", filter=Q(type=Type.INVOICE))
    )
    waits = Invoice.objects.unpaid().aggregate(
        cents=Coalesce(Sum("owed"), 0), late=Count("pk", filter=Q(due_on__lt=today))
    )
    return Figures(told["cents"], told["count"], waits["cents"], waits["late"])


def purchases_to_invoice(text: str) -> QuerySet[Purchase]:
    """What people bought, the latest first; each knows whether it is on an invoice."""
    billed = Invoice.objects.filter(purchase=OuterRef("pk"), type=Type.INVOICE)
    found = Purchase.objects.filter(cancelled_at=None, amount_cents__gt=0)
    found = found.select_related("contact").prefetch_related("lines")
    if text.strip():
        found = found.filter(contact__in=Contact.objects.matching(text))
    return found.annotate(is_billed=Exists(billed)).order_by("-at", "-pk")


def closures() -> QuerySet[Closure]:
    """All, the latest first, with the totals they sealed."""
    return Closure.objects.select_related("record").order_by("-record_id")


# --- what was paid online --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taking:
    """A customer's payment on the shop's account, with the invoice of it where there is one."""

    charge: Charge
    invoice: Invoice | None
    state: State


# What a charge is called by, the gravest first.
_HELD = {
    Verdict.ANSWER: State("contesté, à répondre", "bad"),
    Verdict.WAITING: State("contesté", "warn"),
    Verdict.LOST: State("contesté, perdu", "bad"),
    Back.SENDING: State("remboursement à vérifier", "warn"),
    Back.UNKNOWN: State("remboursement à vérifier", "warn"),
    Back.PENDING: State("remboursement en route", "warn"),
}


def state_of_charge(charge: Charge) -> State:
    """``charge`` brings its refunds and disputes."""
    held = {one.verdict for one in charge.disputes.all()}
    held |= {one.status for one in charge.refunds.all()}
    for state, shown in _HELD.items():
        if state in held:
            return shown
    if charge.refunded_cents == 0:
        return State("encaissé", "good")
    whole = charge.refunded_cents >= charge.amount_cents
    return State("remboursé" if whole else "remboursé en partie", "plain" if whole else "warn")


def charges(kind: str) -> QuerySet[Charge]:
    """The shop's, the latest first; ``kind`` narrows them."""
    found = Charge.objects.prefetch_related("refunds", "disputes").order_by("-made_at", "-pk")
    if kind == "refunded":
        return found.filter(refunded_cents__gt=0)
    return found.filter(disputes__isnull=False).distinct() if kind == "disputed" else found


def takings(found: Iterable[Charge]) -> list[Taking]:
    """Each with its invoice, in one read for all."""
    listed_ = list(found)
    tokens = {charge.pk: named(charge.name) for charge in listed_}
    bills = {one.token: one for one in Invoice.objects.filter(token__in=tokens.values())}
    return [
        Taking(charge, bills.get(tokens[charge.pk]), state_of_charge(charge)) for charge in listed_
    ]
