"""What an issued invoice says: seller, buyer, lines, sums and every mention the law asks for
(CGI ann. II art. 242 nonies A; C. com. L441-9 and D441-5), frozen as they are that day."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from apps.core.refusal import Refusal
from apps.invoicing.models import Terms
from apps.invoicing.reckoning import Sums
from apps.invoicing.vat import OUTSIDE, WITHOUT_VAT, rates_in, show_rate, territory_of
from apps.invoicing.words import InvoiceWords
from apps.shops.models import Shop


class MissingFact(Refusal):
    message = _("Il manque %(fact)s : à remplir dans vos réglages avant d’émettre une facture.")
    status = 422


class RateNotInForce(Refusal):
    message = _("La TVA à %(rate)s n’est pas en vigueur ici ce jour-là : corrigez la ligne.")
    status = 422


@dataclass(frozen=True, slots=True)
class Missing:
    """A legal fact of the shop that no setting holds yet; ``url`` names the page that asks it."""

    fact: Any
    url: str


SHOP_FACTS = {
    "legal_name": _("votre raison sociale"),
    "street": _("votre adresse"),
    "postal_code": _("votre code postal"),
    "city": _("votre ville"),
    "siren": _("votre SIREN"),
}
TERMS_FACTS = {
    "legal_form": _("la forme de votre entreprise et son capital"),
    "registration": _("votre immatriculation"),
    "penalty": _("le taux de vos pénalités de retard"),
    "early_discount": _("vos conditions d’escompte"),
}


def charges_no_vat(shop: Shop, terms: Terms, territory: str = "") -> str:
    """The mention that says why; empty where VAT is charged. ``territory``: where it is taxed,
    when that is not where the shop stands."""
    if (territory or shop.region) in WITHOUT_VAT:
        return OUTSIDE
    return terms.exemption if terms.is_exempt else ""


def unsaid(of: Model, facts: Mapping[str, Any], url: str) -> list[Missing]:
    """Which of these columns (and how one calls them) ``of`` leaves empty."""
    return [Missing(said, url) for name, said in facts.items() if not getattr(of, name)]


def missing_facts(shop: Shop, terms: Terms) -> list[Missing]:
    """What the shop must say of itself before it may issue anything."""
    found = unsaid(shop, SHOP_FACTS, "settings_identity")
    found += unsaid(terms, TERMS_FACTS, "settings_invoicing")
    if not terms.vat_number and not charges_no_vat(shop, terms):
        found.append(Missing(_("votre numéro de TVA"), "settings_invoicing"))
    return found


def seller_of(shop: Shop, terms: Terms) -> dict[str, Any]:
    """Who sells, as each invoice says it."""
    return {
        "name": shop.legal_name,
        "trade_name": shop.name if shop.name != shop.legal_name else "",
        "address": {
            "street": shop.street,
            "postal_code": shop.postal_code,
            "city": shop.city,
            "country": str(shop.region),
        },
        "siren": shop.siren,
        "vat_number": terms.vat_number,
        "legal_form": terms.legal_form,
        "registration": terms.registration,
        "email": shop.email,
        "phone": shop.phone,
        "iban": terms.iban,
    }


def sums_of(sums: Sums) -> dict[str, Any]:
    return {
        "bases": [asdict(base) for base in sums.bases],
        "net_cents": sums.net_cents,
        "vat_cents": sums.vat_cents,
        "total_cents": sums.total_cents,
    }


def due_day(words: InvoiceWords, terms: Terms, on: date) -> date:
    """A private customer pays at once; a company has the shop's term; who has paid owes nothing
    later."""
    return words.paid_on or on + timedelta(days=terms.days_to_pay if words.buyer.is_business else 0)


def mentions_of(words: InvoiceWords, shop: Shop, terms: Terms) -> dict[str, Any]:
    """What the law has said on the foot; between companies also what late payment costs."""
    told: dict[str, Any] = {
        "exemption": charges_no_vat(shop, terms, words.territory),
        "on_debits": terms.on_debits,
    }
    if words.buyer.is_business:
        told["penalty"] = terms.penalty
        told["indemnity_cents"] = terms.indemnity_cents
        told["early_discount"] = terms.early_discount
    return told


def lines_of(words: InvoiceWords, sums: Sums) -> list[dict[str, Any]]:
    return [
        {
            "label": line.label,
            "quantity": line.quantity,
            "unit_cents": line.unit_cents,
            "discount_cents": line.off,
            "discount_share": line.discount_share,
            "amount_cents": line.amount,
            "net_cents": net,
            "vat": line.vat,
        }
        for line, net in zip(words.lines, sums.nets, strict=True)
    ]


def compose(words: InvoiceWords, shop: Shop, terms: Terms, on: date) -> dict[str, Any]:
    """All an invoice says but its number, as far as the shop has said it."""
    if charges_no_vat(shop, terms, words.territory):
        words = words.without_vat()
    sums = words.sums
    return {
        "currency": "EUR",
        "seller": seller_of(shop, terms),
        "buyer": asdict(words.buyer),
        "delivery": asdict(words.delivery) if words.delivery else None,
        "operation": str(words.operation),
        "supplied_on": (words.supplied_on or on).isoformat(),
        "due_on": due_day(words, terms, on).isoformat(),
        "paid_on": words.paid_on.isoformat() if words.paid_on else None,
        "taxed": words.taxed,
        "lines": lines_of(words, sums),
        **sums_of(sums),
        "mentions": mentions_of(words, shop, terms),
        "note": words.note,
    }


def write_document(words: InvoiceWords, shop: Shop, terms: Terms, on: date) -> dict[str, Any]:
    """What is issued. Raises ``MissingFact``, ``RateNotInForce`` and what ``words.check`` does."""
    if missing := missing_facts(shop, terms):
        raise MissingFact(fact=missing[0].fact)
    words.check()
    if not charges_no_vat(shop, terms, words.territory):
        here = rates_in(words.territory or territory_of(shop), words.supplied_on or on)
        for vat in {line.vat for line in words.lines} - {rate.share for rate in here}:
            raise RateNotInForce(rate=show_rate(vat))
    return compose(words, shop, terms, on)
