"""The invoice one hands over: a PDF/A-3 that people read, with its XML inside for programs.

A worker draws it from the record, checks the XML, and only then keeps the file: an invoice that
fails a check has its number and its record, says why, and is tried again. The street reads French:
nothing here is translated.
"""

import logging
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.formats import date_format
from facturx import generate_from_binary

from apps.core import drawing
from apps.core.french import spaced
from apps.core.money import show_euros
from apps.core.tenancy import current_schema
from apps.core.tokens import new_token
from apps.invoicing.checks import CheckAbsent, InvalidInvoice, check
from apps.invoicing.electronic import LEVEL, xml_of
from apps.invoicing.models import Paper, PaperState, Type
from apps.invoicing.reckoning import plain_quantity, split
from apps.invoicing.vat import show_rate
from apps.invoicing.words import COUNTRIES, Operation
from apps.shops.services import shop_here

logger = logging.getLogger("comptoir.invoicing")
DRAWINGS = Path(__file__).with_name("print")


def make(record_id: int, now: datetime) -> None:
    """Draw, check and keep the paper of one invoice; again, it is left as it is.

    Raises ``InvalidInvoice`` or ``CheckAbsent`` once the reason stands on it.
    """
    paper = Paper.objects.select_related("invoice__record").get(pk=record_id)
    if paper.state == PaperState.READY:
        return
    facts = paper.invoice.record.facts
    try:
        whole = produce(facts, shop_here().accent)
    except (InvalidInvoice, CheckAbsent) as error:
        Paper.objects.filter(pk=record_id).update(state=PaperState.REFUSED, reason=error.reason)
        logger.error("invoice refused", extra={"record": record_id})
        raise
    name = f"{current_schema()}/factures/{facts['number']}-{new_token()}.pdf"
    kept = default_storage.save(name, ContentFile(whole))
    ready = {"state": PaperState.READY, "reason": "", "file": kept, "made_at": now}
    if not Paper.objects.filter(pk=record_id).exclude(state=PaperState.READY).update(**ready):
        default_storage.delete(kept)  # another worker was faster


def produce(facts: dict[str, Any], accent: str) -> bytes:
    """The finished file. Raises ``InvalidInvoice``, ``CheckAbsent``."""
    xml = xml_of(facts)
    check(xml, between_companies=bool(facts["buyer"]["siren"]))
    made = generate_from_binary(
        draw(facts, accent),
        xml,
        flavor="factur-x",
        level=LEVEL,
        check_xsd=False,  # just done
        lang="fr-FR",
        pdf_metadata={
            "author": facts["seller"]["name"],
            "title": title_of(facts),
            "subject": f"{title_of(facts)}, {facts['on']}",
            "keywords": "Factur-X, facture",
        },
    )
    assert isinstance(made, bytes)
    return made


def draw(facts: dict[str, Any], accent: str) -> bytes:
    """What people read: PDF/A-3b, tagged, in French."""
    return drawing.draw(DRAWINGS / "invoice.typ", _words(facts, accent), pdf_standards=["a-3b"])


# --- its words -------------------------------------------------------------------------------


def title_of(facts: dict[str, Any]) -> str:
    return f"{'Avoir' if facts['type'] == Type.CREDIT else 'Facture'} {facts['number']}"


def _day(text: str) -> str:
    day = date.fromisoformat(text)
    return date_format(day, "j F Y").replace("1 ", "1er ", 1 if day.day == 1 else 0)


def _post(said: dict[str, Any]) -> list[str]:
    """An address, line by line; French territories need no country."""
    country = said["country"]
    abroad = COUNTRIES[country] if country != "FR" and country in COUNTRIES else ""
    return [said["street"], f"{said['postal_code']} {said['city']}", str(abroad)]


def _words(facts: dict[str, Any], accent: str) -> dict[str, Any]:
    seller, buyer, day = facts["seller"], facts["buyer"], date.fromisoformat(facts["on"])
    way = "TTC" if facts["taxed"] else "HT"
    numbers = [f"SIREN {spaced_siren(buyer['siren'])}" if buyer["siren"] else ""]
    numbers += [f"TVA {buyer['vat_number']}" if buyer["vat_number"] else ""]
    return {
        "accent": accent,
        "title": title_of(facts),
        "number": facts["number"],
        "day": [day.year, day.month, day.day],
        "seller": {"name": seller["name"], "lines": _of_seller(seller)},
        "facts": [spaced(said) for said in _of_the_sale(facts)],
        "buyer": {"name": buyer["name"], "lines": [*_post(buyer["address"]), *numbers]},
        "delivery": _post(facts["delivery"]) if facts["delivery"] else [],
        "columns": [
            *("Désignation", "Quantité", "Prix HT"),
            *(["Prix TTC"] if facts["taxed"] else []),
            *("TVA", f"Montant {way}"),
        ],
        "lines": [_row(line, taxed=facts["taxed"]) for line in facts["lines"]],
        "bases": [
            [
                f"TVA {show_rate(base['vat'])} sur {show_euros(base['net_cents'])}",
                show_euros(base["vat_cents"]),
            ]
            for base in facts["bases"]
            if base["vat"]
        ],
        "sums": [
            ["Total HT", show_euros(facts["net_cents"])],
            ["TVA", show_euros(facts["vat_cents"])],
        ],
        "total": ["Total TTC", show_euros(facts["total_cents"])],
        "mentions": [spaced(said) for said in _mentions(facts)],
        "foot": spaced(f"{seller['name']}, {seller['legal_form']}, {seller['registration']}"),
    }


def spaced_siren(number: str) -> str:
    return " ".join(number[at : at + 3] for at in range(0, len(number), 3))


def _of_seller(seller: dict[str, Any]) -> list[str]:
    vat = seller["vat_number"]
    return [
        seller["trade_name"],
        *_post(seller["address"]),
        f"SIREN {spaced_siren(seller['siren'])}",
        f"TVA {vat}" if vat else "",
        seller["email"],
    ]


def _of_the_sale(facts: dict[str, Any]) -> list[str]:
    said = [f"Émise le {_day(facts['on'])}"]
    if facts["type"] == Type.CREDIT:
        of = facts["corrects"]
        return [*said, f"Corrige la facture {of['number']} du {_day(of['on'])}", facts["reason"]]
    operation = Operation(facts["operation"]).label
    return [*said, f"{operation} du {_day(facts['supplied_on'])}", _when_to_pay(facts)]


def _when_to_pay(facts: dict[str, Any]) -> str:
    if paid_on := facts.get("paid_on"):  # unknown to the first records
        return f"Payée le {_day(paid_on)}"
    if facts["buyer"]["is_business"]:
        return f"À payer avant le {_day(facts['due_on'])}"
    return "À payer à réception"


def _row(line: dict[str, Any], *, taxed: bool) -> list[Any]:
    off, share = line["discount_cents"], line["discount_share"]
    of = f" de {show_rate(share)}" if share else ""
    note = f"Remise{of} : −{show_euros(off)}" if off else ""
    return [
        {"label": line["label"], "note": spaced(note)},
        plain_quantity(line["quantity"]),
        *([show_euros(split(line["unit_cents"], line["vat"], taxed)[0])] if taxed else []),
        show_euros(line["unit_cents"]),
        show_rate(line["vat"]),
        show_euros(line["amount_cents"]),
    ]


def _mentions(facts: dict[str, Any]) -> list[str]:
    said, found = facts["mentions"], [facts["note"]] if facts["note"] else []
    if said["exemption"]:
        found.append(f"{said['exemption']}.")
    if said["on_debits"]:
        found.append("Option pour le paiement de la taxe d’après les débits.")
    if "penalty" in said:
        indemnity = show_euros(said["indemnity_cents"], always_decimals=False)
        found.append(
            f"Pénalités de retard : {said['penalty']}. Indemnité forfaitaire pour frais de "
            f"recouvrement : {indemnity}. {said['early_discount']}"
        )
    is_owed = facts["type"] == Type.INVOICE and not facts.get("paid_on")
    if facts["seller"]["iban"] and is_owed:
        found.append(f"IBAN {facts['seller']['iban']}")
    return found
