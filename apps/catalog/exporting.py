"""The catalogue as a spreadsheet: its columns are those that an import reads."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from apps.catalog.details import shown
from apps.catalog.models import Variant
from apps.catalog.reading import FIELDS
from apps.core.sheets import STYLES, csv_pieces
from apps.core.tenancy import in_schema


def csv_of_products(schema: str) -> Iterator[bytes]:
    """One line for each format on sale, with its product's details, as a French Excel opens it."""
    with in_schema(schema):
        yield from csv_pieces([str(label) for label in FIELDS.values()], _rows(), STYLES["excel"])


def _rows() -> Iterator[list[Any]]:
    standing = Variant.objects.filter(archived_at=None, product__archived_at=None)
    standing = standing.select_related("product").order_by(
        "product__name", "product_id", "position"
    )
    for variant in standing.iterator(chunk_size=500):
        product = variant.product
        told: dict[str, Any] = dict(shown(product.kind, product.facts))
        known = {
            "name": product.name,
            "kind": product.get_kind_display(),
            "label": variant.label,
            "price": Decimal(variant.price_cents) / 100,
            "sku": variant.sku,
            "ean": variant.ean,
            "stock": variant.on_hand if variant.is_counted else None,
            "vat": Decimal(product.vat) / 100,
            "description": product.description,
        }
        yield [known.get(name, told.get(str(label))) for name, label in FIELDS.items()]
