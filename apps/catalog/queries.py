"""The catalogue as the team reads it; and what is known of a person's purchases."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from django.db.models import (
    Aggregate,
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
from django.db.models.functions import Coalesce

from apps.catalog.details import FACETS, facet_label, facet_words
from apps.catalog.models import Product, Purchase, PurchaseLine, StockMove, Variant
from apps.contacts.models import Contact

LOW = 3
MOVES_SHOWN = 20
YEAR = timedelta(days=365)
TASTES_SHOWN = 4


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
    """Over all time and over the last twelve months, cancelled purchases aside; returns are
    taken off the cents."""

    cents: int = 0
    year_cents: int = 0
    purchases: int = 0
    last_at: datetime | None = None

    @property
    def basket_cents(self) -> int:
        """What one purchase comes to."""
        return self.cents // self.purchases if self.purchases else 0


def purchases_of(contact: Contact) -> QuerySet[Purchase]:
    """Of the person and of the records that were merged into theirs, newest first."""
    records = Contact.objects.records_of(contact.pk)
    found = Purchase.objects.filter(contact__in=records, cancelled_at=None)
    return found.order_by("-at", "-pk")


def _sums(now: datetime) -> dict[str, Aggregate]:
    bought = Q(amount_cents__gt=0)
    return {
        "cents": Sum("amount_cents", default=0),
        "year_cents": Sum("amount_cents", filter=Q(at__gt=now - YEAR), default=0),
        "purchases": Count("pk", filter=bought),
        "last_at": Max("at", filter=bought),
    }


def spending(contact: Contact, now: datetime) -> Spending:
    """What the person spent, whichever of their records bought it; one query."""
    return Spending(**purchases_of(contact).order_by().aggregate(**_sums(now)))


def spending_of(contacts: Sequence[Contact], now: datetime) -> dict[int, Spending]:
    """By the person's key, for many at once; who bought nothing is left out. One query."""
    keys = [contact.pk for contact in contacts]
    records = Contact.objects.records_of(*keys)
    person = Coalesce("contact__merged_into", "contact")
    found = Purchase.objects.filter(contact__in=records, cancelled_at=None).values(person=person)
    names = [one.name for one in fields(Spending)]
    rows = found.annotate(**_sums(now)).order_by().values_list("person", *names)
    return {key: Spending(*told) for key, *told in rows}


def taste(contact: Contact, facet: str) -> list[tuple[str, int]]:
    """What of a facet (``region``, ``colour``, ``brand``) the person bought, most units first."""
    return _taste_by_facet(contact)[facet]


def _taste_by_facet(contact: Contact) -> dict[str, list[tuple[str, int]]]:
    # The keys first, as numbers: whatever the statistics say, no plan reads all of the lines.
    records = [contact.pk, *contact.aliases.values_list("pk", flat=True)]
    lines = PurchaseLine.objects.filter(
        purchase__contact__in=records, purchase__cancelled_at=None
    ).values_list(*FACETS)
    counted: dict[str, Counter[str]] = {facet: Counter() for facet in FACETS}
    for *values, units in lines.annotate(bought=Sum("units")):
        for facet, value in zip(FACETS, values, strict=True):
            counted[facet][value] += units
    return {
        facet: sorted(
            ((value, units) for value, units in found.items() if value and units > 0),
            key=lambda told: (-told[1], told[0]),
        )
        for facet, found in counted.items()
    }


@dataclass(frozen=True, slots=True)
class Taste:
    """One facet of what somebody buys: its name and the values they buy most, with their units."""

    label: str
    values: list[tuple[str, int]]


def tastes(contact: Contact) -> list[Taste]:
    """What of each facet the person prefers, in people's words; facets never bought left out."""
    return [
        Taste(
            facet_label(facet),
            [(facet_words(facet, value), units) for value, units in values[:TASTES_SHOWN]],
        )
        for facet, values in _taste_by_facet(contact).items()
        if values
    ]
