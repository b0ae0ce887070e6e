"""Articles on their way from a file onto the shelf, many at once.

What the catalogue knows of them is read before, what the file adds is decided in memory, one line
after the other, and written at the end: a dozen statements, however many lines.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from apps.audit import services as trail
from apps.catalog.details import FACETS, usual_vat
from apps.catalog.facts import UnitsFreed
from apps.catalog.models import MoveCause, Product, StockMove, Variant
from apps.catalog.reading import Article
from apps.catalog.services.products import (
    ProductWords,
    VariantWords,
    describe,
    price_line,
    variant_of,
)
from apps.catalog.services.stock import move_line
from apps.core.facts import announce
from apps.core.rows import insert_rows, update_rows
from apps.imports.intake import Line
from apps.imports.models import Fate

_LEARNT = (*FACETS, "details", "description", "search")
_COMPLETED = ("sku", "ean", "price_cents", "on_hand")


@dataclass(frozen=True, slots=True)
class Arrived:
    """What became of a line; the product is numbered once all is written."""

    fate: Fate
    product: Product | None
    doubts: list[str]


class Arrivals:
    """A batch of lines and the formats they name. ``bring`` each line, then ``write``."""

    def __init__(self, lines: Sequence[Line], articles: Sequence[Article]) -> None:
        """What is known of them is held locked: products, then formats, as whoever saves one."""
        self._run, self._by, self._now = lines[0].run, lines[0].by, lines[0].now
        self._by_name: dict[str, list[Product]] = defaultdict(list)
        self._by_sku: dict[str, Variant] = {}
        self._by_ean: dict[str, Variant] = {}
        self._shelf: dict[int, list[Variant]] = defaultdict(list)  # by the product object's id
        products = {product.pk: product for product in _named(articles)}
        for product in products.values():
            if product.archived_at is None:
                self._by_name[product.name.lower()].append(product)
        for variant in _standing().filter(product__in=products).order_by("pk").select_for_update():
            self._put(variant, products[variant.product_id])
        counted = StockMove.objects.filter(token__in=[_token(line) for line in lines])
        self._counted = set(counted.values_list("token", flat=True))
        self._products: list[Product] = []  # new ones, as the formats below
        self._variants: list[Variant] = []
        self._added: list[Variant] = []  # those of them whose product stood there already
        self._learnt: dict[int, Product] = {}  # known ones, by their number
        self._changed: dict[int, Variant] = {}
        self._prices: list[tuple[Variant, int | None, int]] = []  # before and after
        self._moves: list[tuple[Variant, int, UUID]] = []

    def bring(self, line: Line, article: Article) -> Arrived:
        """Onto its format, known or new; refused when it has no name or no price to be one."""
        doubts = list(article.doubts)
        variant = self._known(article)
        if variant is not None:
            changed = self._complete(variant, line, article, doubts)
            return Arrived(Fate.UPDATED if changed else Fate.UNCHANGED, variant.product, doubts)
        if article.price_cents is None or not article.name:
            reasons = [code for code in doubts if code != "price"]
            missing = "no_price" if article.name else "nameless"
            return Arrived(Fate.REFUSED, None, [missing, *reasons])
        variant = self._begin(line, article, doubts)
        self._count(variant, line, article)
        return Arrived(Fate.CREATED, variant.product, doubts)

    def write(self) -> None:
        """All that was brought. A constraint that refuses it raises: somebody was faster."""
        for product in (*self._products, *self._learnt.values()):
            product.note_for_search()
        insert_rows(self._products)
        update_rows(self._learnt.values(), *_LEARNT)
        for variant in self._variants:
            variant.product_id = variant.product.pk  # it had none before
        insert_rows(self._variants)
        update_rows(self._changed.values(), *_COMPLETED)
        insert_rows([price_line(v, cents, self._by, self._now) for v, _was, cents in self._prices])
        self._write_moves()
        self._write_trail()

    def _write_moves(self) -> None:
        by, now, count = self._by, self._now, MoveCause.COUNT
        insert_rows([move_line(v, n, count, token=t, by=by, now=now) for v, n, t in self._moves])
        for variant, units, _token in self._moves:
            # Of a new one nobody waits for any.
            if units > 0 and variant.available and variant.pk in self._changed:
                announce(UnitsFreed(variant_id=variant.pk))

    def _write_trail(self) -> None:
        by = self._by
        made = [
            trail.line(by, "save_product", "product", p.pk, after={"name": p.name})
            for p in self._products
        ]
        added = [
            trail.line(by, "add_variant", "product", v.product_id, after={"variant": v.pk})
            for v in self._added
        ]
        priced = [
            trail.line(by, "set_price", "variant", v.pk, before=_cents(was), after=_cents(cents))
            for v, was, cents in self._prices
            if was is not None
        ]
        insert_rows([*made, *added, *priced])

    def _put(self, variant: Variant, product: Product) -> None:
        variant.product = product
        self._shelf[id(product)].append(variant)
        self._name(variant)

    def _name(self, variant: Variant) -> None:
        if variant.sku:
            self._by_sku[variant.sku.lower()] = variant
        if variant.ean:
            self._by_ean[variant.ean] = variant

    def _known(self, article: Article) -> Variant | None:
        """By reference, then by bar code, then by name and format."""
        found = self._by_sku.get(article.sku.lower()) or self._by_ean.get(article.ean)
        if found is not None:
            return found
        product, label = self._product(article), article.label.lower()
        on_shelf = self._shelf[id(product)] if product else []
        return next((one for one in on_shelf if one.label.lower() == label), None)

    def _product(self, article: Article) -> Product | None:
        """The product of this name that stands in the catalogue; another vintage is another."""
        year = article.facts.get("vintage")
        for product in self._by_name.get(article.name.lower(), ()):
            if not year or product.details.get("vintage", year) == year:
                return product
        return None

    def _begin(self, line: Line, article: Article, doubts: list[str]) -> Variant:
        """A new format, of a known product or of a new one."""
        assert article.price_cents is not None
        words = VariantWords(
            price_cents=article.price_cents,
            label=article.label,
            sku=article.sku,
            ean=article.ean,
            is_counted=article.stock is not None or "stock" not in self._run.mapping,
        )
        product = self._product(article)
        is_known = product is not None
        if product is None:
            product = self._begin_product(article, words)
        else:
            self._learn(product, line, article, doubts)
        variant = variant_of(product, words, position=len(self._shelf[id(product)]))
        self._put(variant, product)
        self._variants.append(variant)
        if is_known:
            self._added.append(variant)
        self._prices.append((variant, None, variant.price_cents))
        return variant

    def _begin_product(self, article: Article, words: VariantWords) -> Product:
        product = Product(created_at=self._now)
        told = ProductWords(
            name=article.name,
            kind=article.kind,
            variants=[words],
            facts=article.facts,
            description=article.description,
            vat=usual_vat(article.kind) if article.vat is None else article.vat,
        )
        describe(product, told, timezone.localdate(self._now))
        self._by_name[product.name.lower()].append(product)
        self._products.append(product)
        return product

    def _complete(self, variant: Variant, line: Line, article: Article, doubts: list[str]) -> bool:
        """What the file knows better of a known format; whether that changed anything."""
        changed = self._learn(variant.product, line, article, doubts)
        for name, holders in (("sku", self._by_sku), ("ean", self._by_ean)):
            said, has = getattr(article, name).lower(), getattr(variant, name).lower()
            if said and not has and said not in holders:
                setattr(variant, name, getattr(article, name))
                self._name(variant)
                changed = True
            elif said and has != said:
                doubts.append("taken")
        cents = article.price_cents
        if cents is not None and cents != variant.price_cents:
            self._prices.append((variant, variant.price_cents, cents))
            variant.price_cents = cents
            changed = True
        changed = self._count(variant, line, article) or changed
        if changed and variant.pk:
            self._changed[variant.pk] = variant
        return changed

    def _learn(self, product: Product, line: Line, article: Article, doubts: list[str]) -> bool:
        """Fill what the product does not say yet; what it says stays."""
        learnt = False
        if article.kind != product.kind:
            if line.said("kind"):
                doubts.append("kind_kept")
        else:
            known = product.facts
            for name, value in article.facts.items():
                if name in known:
                    continue
                if name in FACETS:
                    setattr(product, name, value)
                else:
                    product.details[name] = value
                learnt = True
        if article.description and not product.description:
            product.description, learnt = article.description, True
        if learnt and product.pk:
            self._learnt[product.pk] = product
        return learnt

    def _count(self, variant: Variant, line: Line, article: Article) -> bool:
        """The stock that the file says, as an inventory; once for a line, in whatever run."""
        token = _token(line)
        if article.stock is None or not variant.is_counted or token in self._counted:
            return False
        units = article.stock - variant.on_hand
        if units:
            variant.on_hand = article.stock
            self._moves.append((variant, units, token))
        return bool(units)


def _cents(amount: int) -> dict[str, int]:
    return {"price_cents": amount}


def _token(line: Line) -> UUID:
    """Of the line's inventory."""
    return uuid5(line.token, "stock")


def _standing() -> QuerySet[Variant]:
    return Variant.objects.filter(archived_at=None)


def _named(articles: Sequence[Article]) -> QuerySet[Product]:
    """The products that the lines name by a code of a format, or by what they are called."""
    names = {article.name.lower() for article in articles if article.name}
    skus = {article.sku.lower() for article in articles if article.sku}
    eans = {article.ean for article in articles if article.ean}
    keyed = _standing().alias(code=Lower("sku"))
    by_code = [
        *keyed.filter(~Q(sku=""), code__in=skus).values_list("product", flat=True),
        *keyed.filter(~Q(ean=""), ean__in=eans).values_list("product", flat=True),
    ]
    called = Product.objects.alias(key=Lower("name"))
    found = called.filter(Q(key__in=names, archived_at=None) | Q(pk__in=by_code))
    return found.order_by("pk").select_for_update()
