"""What leaves for the bookkeeper, read from what was sealed: nothing is reckoned anew."""

import hashlib
import json
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from django.core.files.storage import default_storage
from django.utils.translation import gettext_lazy as _

from apps.invoicing.books import PASSING, customer_of
from apps.invoicing.models import Invoice, Method, Paper, PaperState, Payment
from apps.invoicing.providers.base import Bill, Books, Money, Party, Refused
from apps.invoicing.push_models import Delivery, What
from apps.invoicing.reckoning import Base
from apps.invoicing.words import Address, Operation


class NotMade(Exception):
    """The file of this invoice is still being made."""


def party_of(facts: dict[str, Any]) -> Party:
    """The customer an invoice names, as it names them."""
    buyer = facts["buyer"]
    reference, name = customer_of(facts["contact"], buyer["siren"], buyer["name"])
    if reference == PASSING[0]:
        return Party(reference, name, Address(**facts["seller"]["address"]), passing=True)
    said = {key: buyer[key] for key in ("is_business", "siren", "vat_number")}
    return Party(reference, buyer["name"], Address(**buyer["address"]), **said)


def digest_of(party: Party) -> str:
    """Changes with what is said of a customer."""
    return hashlib.sha256(json.dumps(asdict(party), sort_keys=True).encode()).hexdigest()


def put(delivery: Delivery, books: Books, *, again: bool) -> str:
    """Hand the piece over; what they call it. Raises ``NotMade``, and what ``Books`` does."""
    facts = delivery.record.facts
    if delivery.what == What.PARTY:
        party = replace(party_of(facts), known=delivery.external_id)
        return books.put_party(party, again=again)
    if delivery.what == What.PAYMENT:
        return books.put_money(_money(delivery, facts), again=again)
    return books.put_bill(_bill(delivery, facts), again=again)


def _name_of(delivery: Delivery, reference: str) -> str:
    """What they call a piece of ours; empty when they do not have it."""
    found = Delivery.objects.filter(bookkeeper=delivery.bookkeeper_id, reference=reference)
    return found.values_list("external_id", flat=True).first() or ""


def _bill(delivery: Delivery, facts: dict[str, Any]) -> Bill:
    is_credit = delivery.what == What.CREDIT
    paper = Paper.objects.filter(invoice=delivery.record_id).first()
    if paper is None or paper.state == PaperState.PREPARING:
        raise NotMade
    if paper.state == PaperState.REFUSED:
        raise Refused("no_file", _("Son PDF n’a pas pu être fait : voyez la facture."))
    if not default_storage.exists(paper.file):
        raise Refused("lost_file", _("Son PDF n’est plus là."))
    corrected = facts["corrects"]["number"] if is_credit else ""
    return Bill(
        reference=facts["number"],
        is_credit=is_credit,
        party=_name_of(delivery, party_of(facts).reference),
        corrects=_name_of(delivery, corrected) if corrected else "",
        issued_on=date.fromisoformat(facts["on"]),
        due_on=date.fromisoformat(facts["due_on"]),
        supplied_on=date.fromisoformat(facts["supplied_on"]),
        is_service=facts["operation"] == Operation.SERVICES,
        bases=tuple(Base(**base) for base in facts["bases"]),
        net_cents=facts["net_cents"],
        vat_cents=facts["vat_cents"],
        total_cents=facts["total_cents"],
        buyer=facts["buyer"]["name"],
        note=f"Corrige {corrected} : {facts['reason']}" if is_credit else facts["note"],
        file=lambda: _read(paper.file),
    )


def _read(name: str) -> bytes:
    with default_storage.open(name) as kept:
        return bytes(kept.read())


def _money(delivery: Delivery, facts: dict[str, Any]) -> Money:
    of = Payment.objects.get(pk=delivery.record_id).invoice_id
    bill = Invoice.objects.with_balance().get(pk=of)
    return Money(
        reference=delivery.reference,
        bill=_name_of(delivery, bill.number),
        number=bill.number,
        cents=facts["amount_cents"],
        paid_on=date.fromisoformat(facts["paid_on"]),
        method=str(Method(facts["method"]).label),
        settles=bill.owed <= 0,
    )
