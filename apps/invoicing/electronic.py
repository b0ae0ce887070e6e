"""The XML of an invoice: EN 16931 in the syntax of Factur-X, from what its record says.

Keys are the standard's own (BT: a term, BG: a group). Between companies it also keeps the rules
of the French reform (``fr-ctc``): electronic addresses, kind of operation, the foot's mentions.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from facturx import generate_xml

from apps.core.money import show_euros
from apps.invoicing.models import Type
from apps.invoicing.reckoning import THOUSAND
from apps.invoicing.words import Operation

LEVEL = "en16931"
_TYPES = {Type.INVOICE: "380", Type.CREDIT: "381"}
_FRAMES = {Operation.GOODS: "B", Operation.SERVICES: "S", Operation.MIXED: "M"}
_TO_PAY, _PAID = "1", "2"  # what follows in the frame
_SIREN, _FRENCH_ADDRESS = "0002", "0225"
_ON_DEBITS = "invoice"
_CASH_OR_ANY, _TRANSFER, _ONLINE = "1", "30", "68"  # UNTDID 4461
_UNIT = "C62"  # one; what the line counts is in its words


def euros(cents: int) -> str:
    return f"{Decimal(cents) / 100:.2f}"


def _price(cents: Decimal) -> str:
    return f"{cents / 100:.4f}"


def _party(said: dict[str, Any], country: str) -> dict[str, Any]:
    address = said["address"]
    found = {
        "name": said["name"],
        "addr_l1": address["street"],
        "postcode": address["postal_code"],
        "city": address["city"],
        "country_code": country,
    }
    if said["siren"]:
        found |= {"legal_identifier": said["siren"], "legal_identifier_schemeid": _SIREN}
        found |= {"einvoicing_addr": said["siren"], "einvoicing_addr_schemeid": _FRENCH_ADDRESS}
    if said["vat_number"]:
        found["vat_identifier"] = said["vat_number"]
    return found


def _seller(said: dict[str, Any]) -> dict[str, Any]:
    found = _party(said, said["address"]["country"])
    if said["trade_name"]:
        found["biz_name"] = said["trade_name"]
    if not said["vat_number"]:  # BR-CO-26, BR-E-02: whoever charges none is known by the SIREN
        found["tax_identifier"] = said["siren"]
    return {**found, "legal_info": f"{said['legal_form']}, {said['registration']}"}


def _category(vat: int, exemption: str) -> dict[str, str]:
    return {"code": "E" if exemption else "S", "rate": f"{Decimal(vat) / 100:.2f}"}


def _line(number: int, line: dict[str, Any], exemption: str) -> dict[str, Any]:
    count, category = Decimal(line["quantity"]) / THOUSAND, _category(line["vat"], exemption)
    net = Decimal(line["net_cents"]) / count
    found: dict[str, Any] = {
        "BT-126": str(number),
        "BT-153": line["label"],
        "BT-129": f"{count.normalize():f}",
        "BT-130": _UNIT,
        "BT-146": _price(net),
        "BT-131": euros(line["net_cents"]),
        "BT-151": category["code"],
        "BT-152": category["rate"],
    }
    if line["discount_cents"]:
        said = show_euros(line["discount_cents"])
        found["BT-127-00"] = [{"BT-127": f"Remise de {said} déduite du prix."}]
    return found


def _notes(facts: dict[str, Any]) -> list[dict[str, str]]:
    """What the foot says, each under the code the reform gives it."""
    said, found = facts["mentions"], list[tuple[str, str]]()
    if "penalty" in said:
        indemnity = show_euros(said["indemnity_cents"], always_decimals=False)
        found = [
            ("PMT", f"Indemnité forfaitaire pour frais de recouvrement : {indemnity}."),
            ("PMD", f"Pénalités de retard : {said['penalty']}."),
            ("AAB", said["early_discount"]),
        ]
    if said["on_debits"]:
        found.append(("REG", "Option pour le paiement de la taxe d’après les débits."))
    found += [("AAI", text) for text in (facts.get("reason"), facts["note"]) if text]
    return [{"BT-21": code, "BT-22": text} for code, text in found]


def _bases(facts: dict[str, Any]) -> list[dict[str, str]]:
    exemption, found = facts["mentions"]["exemption"], list[dict[str, str]]()
    for base in facts["bases"]:
        category = _category(base["vat"], exemption)
        told = {
            "BT-116": euros(base["net_cents"]),
            "BT-117": euros(base["vat_cents"]),
            "BT-118": category["code"],
            "BT-119": category["rate"],
        }
        found.append({**told, "BT-120": exemption} if exemption else told)
    return found


def _payment(facts: dict[str, Any]) -> dict[str, Any]:
    """What is left to pay, and how; what was paid before leaves nothing, and no account."""
    total, iban = euros(facts["total_cents"]), facts["seller"]["iban"]
    if facts.get("paid_on"):  # unknown to the first records
        return {"BT-81": _ONLINE, "BT-113": total, "BT-115": euros(0)}
    if iban:
        return {"BT-81": _TRANSFER, "BT-84": iban, "BT-115": total}
    return {"BT-81": _CASH_OR_ANY, "BT-115": total}


def terms_of(facts: dict[str, Any]) -> dict[str, Any]:
    """The invoice by the standard's terms."""
    credit, delivery = facts["type"] == Type.CREDIT, facts["delivery"]
    net, vat, total = (facts[name] for name in ("net_cents", "vat_cents", "total_cents"))
    lines = enumerate(facts["lines"], start=1)
    found: dict[str, Any] = {
        "BT-1": facts["number"],
        "BT-2": facts["on"],
        "BT-3": _TYPES[Type(facts["type"])],
        "BT-5": facts["currency"],
        "BT-9": facts["due_on"],
        "BT-23": _FRAMES[Operation(facts["operation"])]
        + (_PAID if facts.get("paid_on") else _TO_PAY),
        "BT-72": facts["supplied_on"],
        "BT-106": euros(net),
        "BT-109": euros(net),
        "BT-110": euros(vat),
        "BT-112": euros(total),
        "BG-1": _notes(facts),
        "BG-4": _seller(facts["seller"]),
        "BG-7": _party(facts["buyer"], facts["buyer"]["address"]["country"]),
        "BG-23": _bases(facts),
        "BG-25": [_line(place, line, facts["mentions"]["exemption"]) for place, line in lines],
        **_payment(facts),
    }
    if not facts["mentions"]["exemption"] and facts["mentions"]["on_debits"]:
        found["BT-8"] = _ON_DEBITS
    if delivery:
        found["BG-13"] = _party({**facts["buyer"], "address": delivery}, delivery["country"])
    if credit:
        day = date.fromisoformat(facts["corrects"]["on"])
        found["BG-3"] = [{"BT-25": facts["corrects"]["number"], "BT-26": day}]
    return found


def xml_of(facts: dict[str, Any]) -> bytes:
    """Not checked yet: see ``checks``."""
    made = generate_xml(terms_of(facts), level=LEVEL, check_xsd=False, check_schematron=False)
    return made if isinstance(made, bytes) else bytes(made)
