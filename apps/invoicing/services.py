"""Invoices: written, issued, paid, corrected. Each sealed in the transaction that numbers it."""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.core import due
from apps.core.actor import Actor
from apps.core.french import search_key
from apps.core.jobs import enqueue
from apps.core.money import show_euros
from apps.core.reading import columns, instance, one, width, write_later
from apps.core.refusal import Refusal
from apps.invoicing import bookkeeping
from apps.invoicing.closing import DUE, next_night
from apps.invoicing.document import sums_of, write_document
from apps.invoicing.models import (
    Draft,
    Invoice,
    Method,
    Paper,
    PaperState,
    Payment,
    RecordKind,
    Terms,
    Type,
)
from apps.invoicing.reckoning import THOUSAND, Base, Sums, already, part, reckon, shared
from apps.invoicing.seal import Place, next_place
from apps.invoicing.words import Cause, InvoiceWords
from apps.shops.services import shop_here

MAKE = "apps.invoicing.tasks.make_paper"
LOST = timedelta(hours=1)  # none takes so long
SERIES = {Type.INVOICE: "F", Type.CREDIT: "A"}


class DraftGone(Refusal):
    message = _("Ce brouillon n’existe plus : il a été émis ou supprimé.")
    status = 404


class PurchaseInvoiced(Refusal):
    message = _("Cet achat est déjà sur la facture %(number)s.")


class WrongAmount(Refusal):
    message = _("Sur cette facture il reste %(owed)s à payer.")
    status = 422


class NothingToGiveBack(Refusal):
    message = _("Rien n’est à rendre sur cette facture au-delà de %(paid)s.")
    status = 422


class NotYetPaid(Refusal):
    message = _("Un paiement ne se note pas d’avance.")
    status = 422


class AlreadyReversed(Refusal):
    message = _("Ce paiement a déjà été repris.")


class NothingToCredit(Refusal):
    message = _("Choisissez ce que l’avoir annule : il ne peut pas dépasser ce qui a été facturé.")
    status = 422


def the_terms() -> Terms:
    """What the shop's invoices say; a shop that has said nothing yet has the law's defaults."""
    return Terms.objects.first() or Terms()


@transaction.atomic
def change_terms(values: Mapping[str, Any], *, by: Actor) -> Terms:
    """Keep what the form cleaned. Invoices that were issued stay as they are."""
    Terms.objects.get_or_create(only=True)
    terms = Terms.objects.select_for_update().get()
    changed = [name for name, value in values.items() if getattr(terms, name) != value]
    for name in changed:
        setattr(terms, name, values[name])
    if changed:
        terms.save(update_fields=changed)
        record(by, "invoicing.terms", "shop", shop_here().pk, after={"changed": changed})
    return terms


# --- drafts ----------------------------------------------------------------------------------


# Nothing is kept under the token of an invoice: it was issued since.
_KEEP = """
INSERT INTO invoicing_draft (token, words, buyer, contact_id, purchase_id, changed_at)
SELECT %(token)s, %(words)s, %(buyer)s, %(contact_id)s, %(purchase_id)s, %(changed_at)s
WHERE NOT EXISTS (SELECT 1 FROM invoicing_invoice WHERE token = %(token)s)
ON CONFLICT (token) DO UPDATE SET (words, buyer, contact_id, purchase_id, changed_at) = (
    excluded.words, excluded.buyer, excluded.contact_id, excluded.purchase_id, excluded.changed_at)
RETURNING id
"""


@transaction.atomic
def save_draft(
    words: InvoiceWords, *, now: datetime, cause: Cause | None = None, draft: Draft | None = None
) -> Draft:
    """Keep what is written so far. Raises ``DraftGone``, and what ``words.check`` does."""
    words.check()
    said = {"words": words.kept(), "buyer": words.buyer.name, "changed_at": now}
    if draft is None:
        cause = cause or Cause()
        links = {"contact_id": cause.contact_id, "purchase_id": cause.purchase_id}
        kept = Draft(token=cause.token, **said, **links)
        row = one(_KEEP, {**vars(kept), "words": json.dumps(said["words"])})
        if row is None:
            raise DraftGone()
        kept.pk, kept._state.adding = row[0], False
        return kept
    if not Draft.objects.filter(pk=draft.pk).update(**said):
        raise DraftGone()
    draft.refresh_from_db()
    return draft


def throw_away(draft: Draft) -> None:
    """A draft has no number: nothing remains of it."""
    Draft.objects.filter(pk=draft.pk).delete()


# --- issuing ---------------------------------------------------------------------------------


_TAKE = f"""
WITH taken AS (DELETE FROM invoicing_draft WHERE id = %s RETURNING *)
SELECT {columns(Draft, "taken")}, {columns(Terms, "terms")}, issued.record_id FROM taken
LEFT JOIN invoicing_terms terms ON true
LEFT JOIN invoicing_invoice issued ON issued.token = taken.token
"""
_LAST = "SELECT coalesce(max(position), 0) FROM invoicing_invoice WHERE series = %s"


@transaction.atomic
def issue(draft: Draft, *, by: Actor, now: datetime) -> Invoice:
    """Number, seal and record the invoice a draft has become, all or nothing; asked again, it is
    the same one. Raises ``DraftGone``, ``PurchaseInvoiced``, and what
    ``write_document`` does."""
    row = one(_TAKE, [draft.pk])
    if row is None or row[-1]:  # its other hand was faster, and has committed
        if found := Invoice.objects.filter(token=draft.token).first():
            return found
        raise DraftGone()
    held, terms = instance(Draft, row), instance(Terms, row, width(Draft)) or Terms()
    words, shop = InvoiceWords.of(held.words), shop_here()
    # All that needs no number is done before the lock.
    on = timezone.localdate(now)
    document = write_document(words, shop, terms, on)
    place = next_place(now)
    if held.purchase_id and (standing := invoice_of_purchase(held.purchase_id)):
        raise PurchaseInvoiced(number=standing.number)
    if place.on != on:  # who waited past midnight is of the new day
        document = write_document(words, shop, terms, place.on)
    return _seal(place, Type.INVOICE, document, held, by=by)


def invoice_of_purchase(purchase_id: int) -> Invoice | None:
    """The invoice a purchase is on, unless credit notes took it back whole."""
    bills = Invoice.objects.with_balance().filter(purchase=purchase_id, type=Type.INVOICE)
    return bills.exclude(total_cents=-F("credited")).first()


def _seal(
    place: Place,
    type_: Type,
    document: dict[str, Any],
    source: Draft | Invoice,
    *,
    by: Actor,
    token: UUID | None = None,
    corrects: Invoice | None = None,
) -> Invoice:
    """The next number of the type's series, and the invoice under it."""
    series = f"{SERIES[type_]}{place.on.year}"
    row = one(_LAST, [series])
    assert row
    position = row[0] + 1
    number = f"{series}-{position:05d}"
    links = {"contact": source.contact_id, "purchase": source.purchase_id}
    facts = {"type": type_.value, "number": number, "series": series, "position": position}
    # Who did it stands in the trail: a person's number may be another one where a shop is restored.
    sealed = place.write(RecordKind.INVOICE, {**facts, **links, **document})
    sign = -1 if type_ == Type.CREDIT else 1
    amounts = {name: sign * document[name] for name in ("net_cents", "vat_cents", "total_cents")}
    buyer = document["buyer"]
    invoice = Invoice(
        record=sealed,
        type=type_,
        number=number,
        series=series,
        position=position,
        token=token or source.token,
        contact_id=source.contact_id,
        purchase_id=source.purchase_id,
        corrects=corrects,
        buyer=buyer["name"],
        search=search_key(f"{buyer['name']} {number} {buyer['siren']}")[:200],
        is_business=buyer["is_business"],
        siren=buyer["siren"],
        issued_on=place.on,
        due_on=date.fromisoformat(document["due_on"]),
        **amounts,
    )
    write_later(invoice)
    write_later(Paper(invoice=invoice))
    enqueue(MAKE, invoice.pk, urgent=True)
    record(by, f"{type_}.issue", "invoice", sealed.pk, after={"number": number})
    _heard(place)
    return invoice


def _heard(place: Place) -> None:
    """Something was sealed: its day is to be closed, and the bookkeeper to be told."""
    due.note_later(DUE, next_night(place.on))
    bookkeeping.wake(place.at)


def ask_for_paper(invoice: Invoice) -> None:
    """Have its file made by the worker; somebody waits for it."""
    anew = {"state": PaperState.PREPARING, "reason": ""}
    refused = Paper.objects.filter(invoice=invoice, state=PaperState.REFUSED).update(**anew)
    _paper, is_new = Paper.objects.get_or_create(invoice=invoice)
    if refused or is_new:
        enqueue(MAKE, invoice.pk, urgent=True)


def ask_for_lost_papers(now: datetime) -> None:
    """The net under files whose making was lost: with a shop that was restored, or given up."""
    lost = Paper.objects.filter(state=PaperState.PREPARING, invoice__record__at__lt=now - LOST)
    for pk in lost.values_list("pk", flat=True):
        enqueue(MAKE, pk, bulk=True)


# --- payments --------------------------------------------------------------------------------


@transaction.atomic
def pay(
    invoice: Invoice,
    amount_cents: int,
    *,
    method: Method,
    paid_on: date,
    token: UUID,
    by: Actor,
    now: datetime,
) -> Payment:
    """Record and seal money that came, or (below zero) was given back; ``token`` again is the same
    one. Raises ``WrongAmount``, ``NothingToGiveBack``, ``NotYetPaid``."""
    place = next_place(now)
    if found := Payment.objects.filter(token=token).first():
        return found
    held = Invoice.objects.with_balance().get(pk=invoice.pk)
    owed, paid = held.owed, held.paid
    if paid_on > place.on:
        raise NotYetPaid()
    if amount_cents == 0 or amount_cents > max(0, owed):
        raise WrongAmount(owed=show_euros(max(0, owed)))
    if amount_cents < -paid:
        raise NothingToGiveBack(paid=show_euros(paid))
    return _seal_payment(place, held, amount_cents, method, paid_on, token=token, by=by)


@transaction.atomic
def reverse(payment: Payment, *, by: Actor, now: datetime) -> Payment:
    """It was noted by mistake: a line of its own takes it back. Raises ``AlreadyReversed``."""
    place = next_place(now)
    held = Payment.objects.select_related("invoice").get(pk=payment.pk)
    if held.reverses_id or Payment.objects.filter(reverses=held).exists():
        raise AlreadyReversed()
    method = Method(held.method)
    line = (place, held.invoice, -held.amount_cents, method, place.on)
    return _seal_payment(*line, token=uuid4(), by=by, reverses=held)


def _seal_payment(
    place: Place,
    invoice: Invoice,
    amount_cents: int,
    method: Method,
    paid_on: date,
    *,
    token: UUID,
    by: Actor,
    reverses: Payment | None = None,
) -> Payment:
    facts = {
        "invoice": invoice.number,
        "amount_cents": amount_cents,
        "method": method.value,
        "paid_on": paid_on.isoformat(),
        "reverses": reverses.pk if reverses else None,
    }
    sealed = place.write(RecordKind.PAYMENT, facts)
    payment = Payment(
        record=sealed,
        invoice=invoice,
        amount_cents=amount_cents,
        method=method,
        paid_on=paid_on,
        token=token,
        reverses=reverses,
    )
    write_later(payment)
    verb = "payment.reverse" if reverses else "payment.record"
    record(by, verb, "invoice", invoice.pk, after={"amount_cents": amount_cents})
    _heard(place)
    return payment


# --- credit notes ----------------------------------------------------------------------------


def credited_quantities(invoice: Invoice) -> dict[int, int]:
    """By line of the invoice, how many thousandths its credit notes took back so far."""
    taken: dict[int, int] = {}
    for correction in invoice.corrections.select_related("record"):
        for line in correction.record.facts["lines"]:
            if line["of"] is not None:  # an amount was given back, of no line
                taken[line["of"]] = taken.get(line["of"], 0) + line["quantity"]
    return taken


def _left(invoice: Invoice) -> dict[int, Base]:
    """By rate, what no credit note took back so far."""
    left = {base["vat"]: Base(**base) for base in invoice.record.facts["bases"]}
    for correction in invoice.corrections.select_related("record"):
        for gone in correction.record.facts["bases"]:
            net, vat = left[gone["vat"]].net_cents, left[gone["vat"]].vat_cents
            less = (net - gone["net_cents"], vat - gone["vat_cents"])
            left[gone["vat"]] = Base(gone["vat"], *less)
    return left


@transaction.atomic
def credit(
    invoice: Invoice,
    quantities: Mapping[int, int],
    *,
    reason: str,
    token: UUID,
    by: Actor,
    now: datetime,
) -> Invoice:
    """A credit note over some of an invoice's lines (by index, in thousandths), or all; ``token``
    again is the same one. Its parts add up to the invoice. Raises ``NothingToCredit``."""
    place = next_place(now)
    if found := Invoice.objects.filter(token=token).first():
        return found
    held = Invoice.objects.select_related("record").get(pk=invoice.pk, type=Type.INVOICE)
    facts, taken = held.record.facts, credited_quantities(held)
    asked = {index: count for index, count in quantities.items() if count}
    lines = facts["lines"]
    for index, count in asked.items():
        known = 0 <= index < len(lines)
        if not known or not 0 < count <= lines[index]["quantity"] - taken.get(index, 0):
            raise NothingToCredit()
    document = _credited(facts, asked, taken)
    left = sum(base.net_cents + base.vat_cents for base in _left(held).values())
    if not 0 < document["total_cents"] <= left:
        raise NothingToCredit()
    return _seal_credit(place, held, document, reason, token=token, by=by)


@transaction.atomic
def credit_amount(
    invoice: Invoice,
    cents: int,
    *,
    reason: str,
    token: UUID,
    by: Actor,
    now: datetime,
    label: str = "Remboursement",
) -> Invoice:
    """A credit note over an amount, VAT included, whatever the lines; ``token`` again is the same
    one. Each rate bears its share. Raises ``NothingToCredit``."""
    place = next_place(now)
    if found := Invoice.objects.filter(token=token).first():
        return found
    held = Invoice.objects.select_related("record").get(pk=invoice.pk, type=Type.INVOICE)
    left = list(_left(held).values())
    if not 0 < cents <= sum(base.net_cents + base.vat_cents for base in left):
        raise NothingToCredit()
    bases = shared(left, cents)
    lines = [_amount_line(label, base) for base in bases]
    sums = Sums(tuple(base.net_cents for base in bases), bases)
    same = {name: held.record.facts[name] for name in _OF_THE_INVOICE}
    document = {**same, "taxed": True, "lines": lines, "note": "", **sums_of(sums)}
    return _seal_credit(place, held, document, reason, token=token, by=by)


def _amount_line(label: str, base: Base) -> dict[str, Any]:
    amount = base.net_cents + base.vat_cents
    return {
        "label": label,
        "of": None,
        "quantity": THOUSAND,
        "unit_cents": amount,
        "discount_cents": 0,
        "discount_share": 0,
        "amount_cents": amount,
        "net_cents": base.net_cents,
        "vat": base.vat,
    }


def _seal_credit(
    place: Place,
    invoice: Invoice,
    document: dict[str, Any],
    reason: str,
    *,
    token: UUID,
    by: Actor,
) -> Invoice:
    whole = document | {
        "corrects": {"number": invoice.number, "on": invoice.issued_on.isoformat()},
        "reason": reason,
        "due_on": place.on.isoformat(),
        "mentions": {**invoice.record.facts["mentions"]},
    }
    return _seal(place, Type.CREDIT, whole, invoice, by=by, token=token, corrects=invoice)


_OF_THE_INVOICE = ("currency", "seller", "buyer", "delivery", "operation", "supplied_on", "taxed")


def _credited(
    facts: dict[str, Any], asked: Mapping[int, int], taken: Mapping[int, int]
) -> dict[str, Any]:
    """What the credit note says of these lines, as the invoice said it."""
    lines, amounts = facts["lines"], list[tuple[int, int]]()
    for index in sorted(asked):
        line, gone = lines[index], taken.get(index, 0)
        amount = part(line["amount_cents"], line["quantity"], gone, asked[index])
        amounts.append((line["vat"], amount))
    before = already(
        [
            (line["vat"], line["amount_cents"], line["quantity"], taken.get(index, 0))
            for index, line in enumerate(lines)
        ]
    )
    sums = reckon(amounts, taxed=facts["taxed"], before=before)
    credited = [
        {
            **{name: lines[index][name] for name in ("label", "unit_cents", "vat")},
            "of": index,
            "quantity": asked[index],
            "discount_cents": part(
                lines[index]["discount_cents"],
                lines[index]["quantity"],
                taken.get(index, 0),
                asked[index],
            ),
            "discount_share": lines[index]["discount_share"],
            "amount_cents": amount,
            "net_cents": net,
        }
        for index, (_vat, amount), net in zip(sorted(asked), amounts, sums.nets, strict=True)
    ]
    same = {name: facts[name] for name in _OF_THE_INVOICE}
    return {**same, "lines": credited, "note": "", **sums_of(sums)}
