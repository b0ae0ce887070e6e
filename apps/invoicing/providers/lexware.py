"""Lexware Office (lexoffice): an invoice is a bookkeeping voucher, with its PDF beside it.

Shapes as its documentation gives them (https://developers.lexware.io/docs): ``profile``,
``contacts`` (a change names the ``version`` it knows; another one answers 409), ``vouchers`` (sums
by VAT rate; found again by ``voucherNumber``, which is not unique there), ``vouchers/{id}/files``;
errors as ``details`` of field and violation, or as an ``IssueList``. Two requests a second.

Its ``payments`` can be read and not written: what was paid is said in the voucher's remark, where
whoever matches it with the bank reads it.
"""

from typing import Any

import requests
from django.utils.translation import gettext_lazy as _

from apps.core.money import show_euros
from apps.invoicing.providers.base import Bill, Company, Money, Party, Refused, Uncertain
from apps.invoicing.providers.line import Line, Thing, name_of, told
from apps.invoicing.reckoning import Base

COLLECTIVE = "collectif"  # its own account of those who pass
PAGE = 100
CONFLICT = 409
TRIES = 3  # somebody works on the same thing at the same time
LONGEST_REMARK = 2000
# Its posting categories, known by these names to all its users.
GOODS, SERVICES = "8f8664a8-fd86-11e1-a21f-0800200c9a66", "8f8664a0-fd86-11e1-a21f-0800200c9a66"
ABROAD = "4ebd965a-7126-416c-9d8c-a5c9366ee473"  # sold at the VAT of another EU country
GERMAN_RATES = frozenset({0, 700, 1900})
_FIELDS = {
    "voucherNumber": _("le numéro de la pièce"),
    "voucherDate": _("la date de la pièce"),
    "dueDate": _("l’échéance"),
    "contactId": _("le client"),
    "taxRatePercent": _("un taux de TVA"),
    "categoryId": _("la catégorie de vente"),
    "totalGrossAmount": _("le total"),
    "totalTaxAmount": _("la TVA"),
    "countryCode": _("le pays du client"),
    "vatRegistrationId": _("le numéro de TVA du client"),
    "name": _("le nom du client"),
    "lastName": _("le nom du client"),
    "file": _("le fichier PDF"),
    "remark": _("la remarque"),
}


def explain(answer: requests.Response) -> Refused:
    """Which field it does not take, in French where we know it; else its own words."""
    said = told(answer)
    code, whys = str(answer.status_code), list[str]()
    for one in [*_listed(said, "details"), *_listed(said, "IssueList")]:
        path = str(one.get("field") or one.get("source") or "")
        field = path.rpartition(".")[2].partition("[")[0]
        own = str(one.get("message") or one.get("i18nKey") or "")
        whys.append(str(_FIELDS.get(field) or own or path))
    if not whys and said.get("message"):
        whys = [str(said["message"])]
    if answer.status_code == CONFLICT:
        return Refused(code, _("Cette fiche change au même moment dans Lexware."))
    if not whys:
        return Refused(code, _("Lexware ne prend pas cette pièce, sans dire pourquoi."))
    return Refused(code, _("Lexware ne prend pas : %(why)s.") % {"why": ", ".join(whys)})


def _listed(said: Thing, name: str) -> list[Thing]:
    return [one for one in said.get(name) or () if isinstance(one, dict)]


class Lexware:
    def __init__(self, line: Line) -> None:
        self.line = line

    def company(self) -> Company:
        said = self.line.read("profile") or {}
        try:
            return Company(said["organizationId"], said["companyName"])
        except KeyError as error:
            raise Uncertain from error

    # --- customers -----------------------------------------------------------------------------

    def put_party(self, party: Party, *, again: bool) -> str:
        if party.passing:
            return COLLECTIVE
        known = party.known or (self._party(party) if again else "")
        if not known:
            return name_of(self.line.write("POST", "contacts", json={"version": 0, **_who(party)}))
        return self._change(f"contacts/{known}", lambda there: {**there, **_who(party)})

    def _party(self, party: Party) -> str:
        """Names are no keys there: among those of that name, the one whose note is our own."""
        for one in self._every("contacts", name=f"{party.name}%", customer="true"):
            if one.get("note") == _note(party.reference):
                return str(one["id"])
        return ""

    def _every(self, path: str, **params: str | int) -> list[Thing]:
        found, page = list[Thing](), 0
        while True:
            said = self.line.read(path, page=page, size=PAGE, **params) or {}
            found += said.get("content", [])
            page += 1
            if said.get("last", True):
                return found

    def _change(self, path: str, made: Any) -> str:
        """Read, change, write with the version that was read; who was faster is read anew."""
        for turn in range(TRIES):
            there = self.line.read(path)
            if there is None:
                raise Refused("404", _("Cette fiche n’existe plus dans Lexware."))
            wanted = made(there)
            if wanted == there:
                return str(there["id"])
            try:
                return name_of(self.line.write("PUT", path, json=wanted))
            except Refused as refused:
                if refused.code != str(CONFLICT) or turn == TRIES - 1:
                    raise
        raise AssertionError

    # --- invoices and credit notes -------------------------------------------------------------

    def put_bill(self, bill: Bill, *, again: bool) -> str:
        there = self._bill(bill) if again else None
        name = str(there["id"]) if there else ""
        if not name:
            name = name_of(self.line.write("POST", "vouchers", json=_voucher(bill)))
        if not (there and there.get("files")):
            paper = (f"{bill.reference}.pdf", bill.file(), "application/pdf")
            self.line.write("POST", f"vouchers/{name}/files", files={"file": paper})
        return name

    def _bill(self, bill: Bill) -> Thing | None:
        found = (self.line.read("vouchers", voucherNumber=bill.reference) or {}).get("content", [])
        for one in found:
            same = one["voucherNumber"] == bill.reference and one["type"] == _type(bill)
            if same and round(100 * one["totalGrossAmount"]) == bill.total_cents:
                return dict(one)
        return None

    # --- payments ------------------------------------------------------------------------------

    def put_money(self, money: Money, *, again: bool) -> str:
        """Said in the remark once; a voucher that says it already is left as it is."""
        said = _paid(money)

        def noted(there: Thing) -> Thing:
            remark = there.get("remark") or ""
            lines = remark.split("\n")
            if any(line.startswith(f"{money.reference} ") for line in lines):
                return there
            whole = f"{remark}\n{said}".lstrip("\n")
            if len(whole) > LONGEST_REMARK:
                raise Refused("remark", _("La remarque de cette pièce est pleine chez Lexware."))
            return {**there, "remark": whole}

        return self._change(f"vouchers/{money.bill}", noted)


def _note(reference: str) -> str:
    return f"Comptoir {reference}"


def _who(party: Party) -> Thing:
    """People are one name here, and two there."""
    first, _space, last = party.name.rpartition(" ")
    address = party.address
    who: Thing = {"person": {"firstName": first[:70], "lastName": last}}
    if party.is_business:
        who = {"company": {"name": party.name, "vatRegistrationId": party.vat_number or None}}
    where = {
        "street": address.street,
        "zip": address.postal_code,
        "city": address.city,
        "countryCode": address.country,
    }
    return {
        "roles": {"customer": {}},
        **who,
        "addresses": {"billing": [where]},
        "note": _note(party.reference),
    }


def _type(bill: Bill) -> str:
    return "salescreditnote" if bill.is_credit else "salesinvoice"


def _voucher(bill: Bill) -> Thing:
    collective = bill.party == COLLECTIVE
    return {
        "version": 0,
        "type": _type(bill),
        "voucherNumber": bill.reference,
        "voucherDate": bill.issued_on.isoformat(),
        "shippingDate": bill.supplied_on.isoformat(),
        "dueDate": bill.due_on.isoformat(),
        "totalGrossAmount": bill.total_cents / 100,
        "totalTaxAmount": bill.vat_cents / 100,
        "taxType": "gross",
        "useCollectiveContact": collective,
        **({} if collective else {"contactId": bill.party}),
        "remark": bill.note,
        "voucherItems": [_item(base, bill) for base in bill.bases],
    }


def _item(base: Base, bill: Bill) -> Thing:
    own = SERVICES if bill.is_service else GOODS
    return {
        "amount": (base.net_cents + base.vat_cents) / 100,
        "taxAmount": base.vat_cents / 100,
        "taxRatePercent": base.vat / 100,
        "categoryId": own if base.vat in GERMAN_RATES else ABROAD,
    }


def _paid(money: Money) -> str:
    word = "réglé" if money.cents > 0 else "rendu"
    sum_, day = show_euros(abs(money.cents)), f"{money.paid_on:%d/%m/%Y}"
    return f"{money.reference} {word} le {day} : {sum_} ({money.method})"
