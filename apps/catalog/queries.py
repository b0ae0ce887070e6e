"""The catalogue as the team reads it; and what is known of a person's purchases."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import (
    Count,
    Exists,
    F,
    Max,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Sum,
    prefetch_related_objects,
)

from apps.catalog.models import Product, Purchase, PurchaseLine, StockMove, Variant
from apps.contacts.models import Contact

LOW = 3
MOVES_SHOWN = 20


def kinds_sold() -> list[str]:
    """The kinds that the shop's products are of."""
    return list(Product.objects.order_by("kind").values_list("kind", flat=True).distinct())


def listed(
    *, text: str = "", kind: str = "", stock: str = "", archived: bool = False
) -> QuerySet[Product]:
    """Products by name. ``stock``: ``out`` or ``low``, of any counted variant."""
    found = Product.objects.matching(text) if text else Product.objects.all()
    found = found.exclude(archived_at=None) if archived else found.on_sale()
    if kind:
        found = found.filter(kind=kind)
    if stock:
        counted = Variant.objects.filter(product=OuterRef("pk"), archived_at=None, is_counted=True)
        most = 0 if stock == "out" else LOW
        found = found.filter(Exists(counted.filter(on_hand__lte=F("held") + most)))
    return found.order_by("name", "pk")


def with_variants(products: list[Product]) -> list[Product]:
    """With ``standing``: the variants on sale, in one query for all of them."""
    standing = Variant.objects.filter(archived_at=None)
    prefetch_related_objects(products, Prefetch("variants", standing, to_attr="standing"))
    return products


def stock_story(product: Product) -> QuerySet[StockMove]:
    """The last moves of a product's stock, newest first."""
    moves = StockMove.objects.filter(variant__product=product).select_related("variant")
    return moves.order_by("-at", "-pk")[:MOVES_SHOWN]


@dataclass(frozen=True, slots=True)
class Spending:
    """Over all time, cancelled purchases aside; returns are taken off ``cents``."""

    cents: int
    purchases: int
    last_at: datetime | None


def purchases_of(contact: Contact) -> QuerySet[Purchase]:
    """Of the person and of the records that were merged into theirs, newest first."""
    theirs = Q(contact=contact) | Q(contact__merged_into=contact)
    return Purchase.objects.filter(theirs, cancelled_at=None).order_by("-at", "-pk")


def spending(contact: Contact) -> Spending:
    told = purchases_of(contact).aggregate(
        cents=Sum("amount_cents"),
        purchases=Count("pk", filter=Q(amount_cents__gt=0)),
        last_at=Max("at", filter=Q(amount_cents__gt=0)),
    )
    return Spending(told["cents"] or 0, told["purchases"], told["last_at"])


def taste(contact: Contact, facet: str) -> list[tuple[str, int]]:
    """What of a facet (``region``, ``colour``, ``brand``) the person bought, most units first."""
    lines = PurchaseLine.objects.filter(purchase__in=purchases_of(contact).order_by())
    counted = lines.exclude(**{facet: ""}).values_list(facet).annotate(units=Sum("units"))
    return [(value, units) for value, units in counted.order_by("-units", facet) if units > 0]
