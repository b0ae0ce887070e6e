"""Pennylane, its company API v2: an invoice is imported with its PDF, under our own number.

Shapes as its documentation gives them (https://pennylane.readme.io/reference): ``me``,
``company_customers`` and ``individual_customers`` (``external_reference`` is unique),
``file_attachments``, ``customer_invoices/import`` (amounts as text, VAT as a code, a credit note
below zero with ``credited_invoice_id``), ``customer_invoices/{id}/mark_as_paid``,
``matched_transactions``; lists by cursor with a ``filter`` of field, operator and value; errors as
``error`` or ``message`` with ``details``, 409 for what exists. 25 requests in 5 seconds a token.

What was paid is matched with the bank's transaction that names the invoice, or the invoice is
marked as paid once nothing is owed: a payment is not something one writes there.
"""

import json
from datetime import timedelta

import requests
from django.utils.translation import gettext_lazy as _

from apps.invoicing.providers.base import Bill, Company, Money, Party, Refused, Uncertain
from apps.invoicing.providers.line import Line, Thing, name_of, told
from apps.invoicing.vat import show_rate

PAGE, PAGES = 100, 5
BANK_DAYS = timedelta(days=10)  # between what a customer did and what the bank says
SCOPES = "customers:all customer_invoices:all file_attachments:all transactions:all"
NOTED = "solde"  # a part of the sum: it is the whole that is marked
EXISTS = 409
_FIELDS = {
    "invoice_number": _("le numéro de la pièce"),
    "external_reference": _("notre référence"),
    "date": _("la date"),
    "deadline": _("l’échéance"),
    "customer_id": _("le client"),
    "vat_rate": _("un taux de TVA"),
    "currency_amount": _("le total"),
    "currency_tax": _("la TVA"),
    "file_attachment_id": _("le fichier PDF"),
    "file": _("le fichier PDF"),
    "credited_invoice_id": _("la facture que cet avoir corrige"),
    "reg_no": _("le SIREN du client"),
    "vat_number": _("le numéro de TVA du client"),
    "billing_address": _("l’adresse du client"),
    "postal_code": _("le code postal du client"),
    "country_alpha2": _("le pays du client"),
}


def explain(answer: requests.Response) -> Refused:
    """Which field it does not take, in French where we know it; else its own words."""
    said = told(answer)
    code, own = str(answer.status_code), str(said.get("message") or said.get("error") or "")
    whole = json.dumps(said.get("details") or own)
    named = [str(label) for field, label in _FIELDS.items() if f'"{field}"' in whole]
    named = named or [str(label) for field, label in _FIELDS.items() if own.startswith(field)]
    if answer.status_code == EXISTS:
        return Refused(code, _("Pennylane a déjà une pièce de ce numéro, qui n’est pas la nôtre."))
    if not named and not own:
        return Refused(code, _("Pennylane ne prend pas cette pièce, sans dire pourquoi."))
    return Refused(code, _("Pennylane ne prend pas : %(why)s.") % {"why": ", ".join(named) or own})


class Pennylane:
    def __init__(self, line: Line) -> None:
        self.line = line

    def company(self) -> Company:
        said = self.line.read("me") or {}
        try:
            return Company(str(said["company"]["id"]), said["company"]["name"])
        except (KeyError, TypeError) as error:
            raise Uncertain from error

    def _known(self, path: str, field: str, value: str, ours: str) -> str:
        """What it calls the thing that bears our reference, if it has it."""
        wanted = json.dumps([{"field": field, "operator": "eq", "value": value}])
        found = (self.line.read(path, filter=wanted, limit=PAGE) or {}).get("items", [])
        return next((str(one["id"]) for one in found if one.get("external_reference") == ours), "")

    # --- customers -----------------------------------------------------------------------------

    def put_party(self, party: Party, *, again: bool) -> str:
        kind = "company_customers" if party.is_business or party.passing else "individual_customers"
        ours, known = _ours(party.reference), party.known
        if not known and again:
            known = self._known("customers", "external_reference", ours, ours)
        if known:
            return name_of(self.line.write("PUT", f"{kind}/{known}", json=_who(party)))
        said = {**_who(party), "external_reference": ours}
        return name_of(self.line.write("POST", kind, json=said))

    # --- invoices and credit notes -------------------------------------------------------------

    def put_bill(self, bill: Bill, *, again: bool) -> str:
        number, ours = bill.reference, _ours(bill.reference)
        if again and (known := self._known("customer_invoices", "invoice_number", number, ours)):
            return known
        named = f"{number}.pdf"
        paper = {"file": (named, bill.file(), "application/pdf"), "filename": (None, named)}
        kept = name_of(self.line.write("POST", "file_attachments", files=paper))
        said = _invoice(bill, int(kept))
        return name_of(self.line.write("POST", "customer_invoices/import", json=said))

    # --- payments ------------------------------------------------------------------------------

    def put_money(self, money: Money, *, again: bool) -> str:
        """Asked twice it is done once: what is matched or marked stays so."""
        path = f"customer_invoices/{money.bill}"
        if money.cents < 0:
            raise Refused(
                "taken_back",
                _("Pennylane ne défait pas un paiement par son interface : corrigez-le chez lui."),
            )
        matched = (self.line.read(f"{path}/matched_transactions") or {}).get("items", [])
        if any(_is_of(one, money) for one in matched):
            return money.reference
        if one := self._at_the_bank(money):
            said = {"transaction_id": one["id"]}
            self.line.write("POST", f"{path}/matched_transactions", json=said)
            return str(one["id"])
        if not money.settles:
            return NOTED
        self.line.write("PUT", f"{path}/mark_as_paid")
        return money.reference

    def _at_the_bank(self, money: Money) -> Thing | None:
        """The bank's line of that sum whose label names the invoice."""
        days = ((money.paid_on - BANK_DAYS, "gteq"), (money.paid_on + BANK_DAYS, "lteq"))
        wanted = [{"field": "date", "operator": op, "value": day.isoformat()} for day, op in days]
        cursor: dict[str, str] = {}
        for _page in range(PAGES):
            asked = {"filter": json.dumps(wanted), **cursor}
            said = self.line.read("transactions", limit=PAGE, **asked) or {}
            for one in said.get("items", []):
                if _is_of(one, money) and money.number in (one.get("label") or ""):
                    return dict(one)
            if not said.get("next_cursor"):
                break
            cursor = {"cursor": said["next_cursor"]}
        return None


def _ours(reference: str) -> str:
    return f"comptoir-{reference}"


def _is_of(transaction: Thing, money: Money) -> bool:
    return str(transaction.get("amount")) in {_amount(money.cents), str(money.cents / 100)}


def _amount(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _who(party: Party) -> Thing:
    address = party.address
    where = {
        "address": address.street,
        "postal_code": address.postal_code,
        "city": address.city,
        "country_alpha2": address.country,
    }
    if party.is_business or party.passing:
        company = {"name": party.name, "reg_no": party.siren, "vat_number": party.vat_number}
        return {name: said for name, said in company.items() if said} | {"billing_address": where}
    first, _space, last = party.name.rpartition(" ")
    return {"first_name": first or last, "last_name": last, "billing_address": where}


def _rate(vat: int) -> str:
    """« FR_200 » is 20 %, « FR_55 » 5,5 %."""
    return f"FR_{vat // 10:02d}" if vat else "exempt"


def _invoice(bill: Bill, file: int) -> Thing:
    sign = -1 if bill.is_credit else 1
    lines = [
        {
            "label": f"Ventes à {show_rate(base.vat)}",
            "quantity": 1,
            "unit": "piece",
            "raw_currency_unit_price": _amount(sign * base.net_cents),
            "currency_amount": _amount(sign * (base.net_cents + base.vat_cents)),
            "currency_tax": _amount(sign * base.vat_cents),
            "vat_rate": _rate(base.vat),
        }
        for base in bill.bases
    ]
    said: Thing = {
        "file_attachment_id": file,
        "date": bill.issued_on.isoformat(),
        "deadline": bill.due_on.isoformat(),
        "customer_id": int(bill.party),
        "invoice_number": bill.reference,
        "external_reference": _ours(bill.reference),
        "currency": "EUR",
        "currency_amount_before_tax": _amount(sign * bill.net_cents),
        "currency_amount": _amount(sign * bill.total_cents),
        "currency_tax": _amount(sign * bill.vat_cents),
        "invoice_lines": lines,
    }
    if bill.corrects:
        said["credited_invoice_id"] = int(bill.corrects)
    if not bill.is_credit:
        # https://pennylane.readme.io/docs/automating-payment-matching: by the transfer's label.
        said["transaction_reference"] = {
            "banking_provider": "bank",
            "provider_field_name": "label",
            "provider_field_value": bill.reference,
        }
    return said
