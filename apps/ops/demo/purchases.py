"""The shelves of a shop and what its people bought: typed at the counter, or told by the till."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from random import Random
from uuid import UUID

from django.db.models import QuerySet

from apps.catalog.details import ALCOHOL, FACETS
from apps.catalog.models import (
    MoveCause,
    PriceChange,
    Product,
    Purchase,
    PurchaseLine,
    PurchaseSource,
    StockMove,
    Variant,
)
from apps.catalog.services.sums import SPENDING
from apps.core.french import search_key
from apps.loyalty.models import Movement, MovementKind
from apps.ops.demo.goods import Good

_ARTICLES = (1, 1, 1, 1, 2, 2, 3)
_UNITS = (1, 1, 1, 1, 1, 2, 2, 3, 6)
_TOLD = 0.8  # of the visits without an amount, those that the till tells of


class Shelves:
    """The catalogue of one shop, with its deliveries and its prices, and its purchases."""

    def __init__(self, seed: str, *, author: int, now: datetime) -> None:
        self.random, self.author, self.now = Random(f"{seed}-goods"), author, now

    def fill(self, goods: Sequence[Good], since: datetime) -> None:
        numbers = count(1)
        products = Product.objects.bulk_create([self._product(good, since) for good in goods])
        variants = [
            Variant(
                product=product,
                label=label,
                position=place,
                sku=f"{search_key(good.name)[:3].upper()}-{next(numbers):03d}",
                price_cents=round(euros * 100),
                is_counted=good.stock is not None,
                on_hand=self._left(good, place),
            )
            for good, product in zip(goods, products, strict=True)
            for place, (label, euros) in enumerate(good.formats.items())
        ]
        Variant.objects.bulk_create(variants)
        self._prices(goods, variants, since)
        moves = [self._delivery(v, since) for v in variants if v.is_counted and v.on_hand]
        StockMove.objects.bulk_create(moves)

    def _product(self, good: Good, since: datetime) -> Product:
        facts = {name: value for name, value in good.facts.items() if value}
        facets = {name: facts.pop(name, "") for name in FACETS}
        words = " ".join([good.name, *good.facts.values()])
        return Product(
            name=good.name,
            kind=good.kind,
            search=search_key(words)[:400],
            details=facts,
            is_alcohol=good.kind in ALCOHOL,
            vat=good.vat,
            created_at=since,
            **facets,
        )

    def _left(self, good: Good, place: int) -> int:
        """The first format is the one that most stand of; sizes run out here and there."""
        if not good.stock:
            return 0
        if len(good.formats) > 4:
            return self.random.randint(0, good.stock + 1)
        return good.stock if place == 0 else max(1, good.stock // 5)

    def _prices(self, goods: Sequence[Good], variants: list[Variant], since: datetime) -> None:
        before = {good.name: round(good.before * 100) for good in goods if good.before}
        changes = []
        for variant in variants:
            was = before.get(variant.product.name) if variant.position == 0 else None
            steps = [(was or variant.price_cents, since)]
            steps += [(variant.price_cents, self.now - timedelta(days=10))] if was else []
            changes += [
                PriceChange(
                    variant=variant,
                    price_cents=cents,
                    actor_kind="team",
                    actor_id=self.author,
                    at=at,
                )
                for cents, at in steps
            ]
        PriceChange.objects.bulk_create(changes)

    def _delivery(self, variant: Variant, since: datetime) -> StockMove:
        days = self.random.randint(1, min(40, max(1, (self.now - since).days)))
        return StockMove(
            variant=variant,
            units=variant.on_hand,
            cause=MoveCause.RECEIPT,
            token=UUID(int=self.random.getrandbits(128), version=4),
            actor_kind="team",
            actor_id=self.author,
            at=self.now - timedelta(days=days),
        )

    def sell(self, goods: Sequence[Good]) -> None:
        """The amounts of the counter become purchases; of other visits the till knows the rest."""
        stamps = Movement.objects.filter(kind=MovementKind.EARN)
        stamps = stamps.select_related("card", "undone_by").order_by("pk")
        typed = [_at_counter(m) for m in stamps.exclude(amount_cents=None).iterator(2000)]
        told = list(self._tickets(goods, stamps.filter(amount_cents=None, undone_by=None)))
        Purchase.objects.bulk_create([*typed, *(p for p, _lines in told)], batch_size=2000)
        lines = []
        for purchase, articles in told:
            for line in articles:
                line.purchase = purchase
                lines.append(line)
        PurchaseLine.objects.bulk_create(lines, batch_size=2000)
        SPENDING.mend(sorted(set(Purchase.objects.values_list("contact_id", flat=True))))

    def _tickets(
        self, goods: Sequence[Good], visits: QuerySet[Movement]
    ) -> Iterator[tuple[Purchase, list[PurchaseLine]]]:
        random, popular = self.random, {good.name: good.popular for good in goods}
        variants = list(Variant.objects.select_related("product"))
        weights = [popular[v.product.name] / (1 + v.position) for v in variants]
        tastes: dict[int, list[float]] = {}
        for number, visit in enumerate(visits.iterator(2000), start=1):
            if random.random() > _TOLD:
                continue
            person = visit.card.contact_id
            if person not in tastes:
                tastes[person] = self._taste(variants, weights)
            chosen = random.choices(variants, tastes[person], k=random.choice(_ARTICLES))
            lines = [_line(variant, random.choice(_UNITS)) for variant in dict.fromkeys(chosen)]
            total = sum(line.amount_cents for line in lines)
            yield (
                Purchase(
                    contact_id=person,
                    at=visit.at,
                    amount_cents=total,
                    source=PurchaseSource.TILL,
                    reference=f"T-{number:06d}",
                ),
                lines,
            )

    def _taste(self, variants: list[Variant], weights: list[float]) -> list[float]:
        """Everybody has a colour and a region, or a brand and a size, that they come back to."""
        one = self.random.choices(variants, weights)[0]
        like = one.product
        return [
            weight
            * (6 if v.product.colour and v.product.colour == like.colour else 1)
            * (4 if v.product.region and v.product.region == like.region else 1)
            * (4 if v.product.brand and v.product.brand == like.brand else 1)
            * (12 if v.label == one.label and len(v.label) == 2 else 1)
            for v, weight in zip(variants, weights, strict=True)
        ]


def _at_counter(stamp: Movement) -> Purchase:
    return Purchase(
        contact_id=stamp.card.contact_id,
        at=stamp.at,
        amount_cents=stamp.amount_cents or 0,
        source=PurchaseSource.COUNTER,
        reference=str(stamp.token),
        cancelled_at=stamp.undone_by.at if hasattr(stamp, "undone_by") else None,
    )


def _line(variant: Variant, units: int) -> PurchaseLine:
    product = variant.product
    return PurchaseLine(
        variant=variant,
        label=product.name,
        units=units,
        amount_cents=units * variant.price_cents,
        region=product.region,
        colour=product.colour,
        brand=product.brand,
    )
