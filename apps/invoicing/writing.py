"""Where an invoice begins: with a person the shop knows, or with a purchase it recorded."""

from collections.abc import Sequence
from datetime import date

from django.utils import timezone
from django.utils.formats import date_format

from apps.catalog.models import Purchase, PurchaseLine, Variant
from apps.contacts.models import Contact
from apps.invoicing.reckoning import THOUSAND
from apps.invoicing.vat import local_rate, territory_of
from apps.invoicing.words import Operation
from apps.shops.models import Shop, Trade

MOST_OFFERED = 400


def usual_operation(shop: Shop) -> Operation:
    return Operation.SERVICES if shop.trade == Trade.HAIR else Operation.GOODS


def offered() -> list[Variant]:
    """What the catalogue proposes for a line."""
    on_sale = Variant.objects.filter(archived_at=None, product__archived_at=None)
    return list(
        on_sale.select_related("product").order_by("product__name", "position")[:MOST_OFFERED]
    )


def known_article(label: str, articles: Sequence[Variant]) -> Variant | None:
    """The article of the catalogue that a line names."""
    wanted = label.strip().casefold()
    return next((one for one in articles if one.full_name.casefold() == wanted), None)


def buyer_of(contact: Contact | None) -> dict[str, str]:
    """What the form begins with for somebody the shop knows."""
    if contact is None:
        return {}
    return {"name": contact.full_name, "postal_code": contact.postal_code}


def lines_of(purchase: Purchase, shop: Shop, on: date) -> list[dict[str, object]]:
    """A purchase's articles as the form asks for them, at what was paid, VAT included."""
    lines = list(purchase.lines.select_related("variant__product").order_by("pk"))
    if not lines:
        day = date_format(timezone.localdate(purchase.at), "j F Y")
        return [{"label": f"Achat du {day}", "quantity": THOUSAND, "price": purchase.amount_cents}]
    return [_line(line, shop, on) for line in lines]


def _line(line: PurchaseLine, shop: Shop, on: date) -> dict[str, object]:
    units, cents = line.units, line.amount_cents
    label = line.label
    if cents % units:  # no unit price in whole cents makes this amount
        label, units = f"{units} × {label}", 1
    return {
        "label": label[:160],
        "quantity": units * THOUSAND,
        "price": cents // units,
        "vat": rate_of(line.variant, shop, on),
    }


def rate_of(variant: Variant | None, shop: Shop, on: date) -> int | None:
    if variant is None:
        return None
    return local_rate(variant.product.vat, territory_of(shop), on)
