"""Products, their variants and their prices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.catalog.details import ALCOHOL, FACETS, clean
from apps.catalog.models import PriceChange, Product, Variant
from apps.core.actor import Actor
from apps.core.refusal import Refusal

PRIOR_PRICE = timedelta(days=30)  # Code de la consommation, L112-1-1


class VariantTwice(Refusal):
    message = _("Deux articles portent le même format, la même référence ou le même code-barres.")


class NothingToSell(Refusal):
    message = _("Indiquez au moins un format avec son prix.")
    status = 422


@dataclass(frozen=True, slots=True)
class VariantWords:
    """One variant as a form gives it; ``pk`` is set for one that exists."""

    price_cents: int
    label: str = ""
    sku: str = ""
    ean: str = ""
    is_counted: bool = True
    pk: int | None = None


@dataclass(frozen=True, slots=True)
class ProductWords:
    """A product as a form gives it. ``facts``: details and facets by name, still unread."""

    name: str
    kind: str
    variants: Sequence[VariantWords]
    facts: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    is_alcohol: bool = False
    vat: int = 2000


@transaction.atomic
def save_product(
    words: ProductWords, *, by: Actor, now: datetime, product: Product | None = None
) -> Product:
    """Make a product or change it, its variants too; a variant that is not named is put away.

    A changed price begins a line of the price history.
    Raises ``NothingToSell``, ``VariantTwice``, ``WrongDetail``.
    """
    if not words.variants:
        raise NothingToSell()
    held = Product.objects.select_for_update().get(pk=product.pk) if product else Product()
    describe(held, words, timezone.localdate(now))
    held.save()
    try:
        with transaction.atomic():
            _save_variants(held, words.variants, by, now)
    except IntegrityError as error:
        raise VariantTwice() from error
    record(by, "save_product", "product", held.pk, after={"name": held.name})
    return held


def describe(product: Product, words: ProductWords, today: date) -> None:
    """Put on ``product`` what a form says of it, its variants aside. Raises ``WrongDetail``."""
    facts = clean(words.kind, words.facts, today)
    product.name, product.kind, product.description = words.name, words.kind, words.description
    product.is_alcohol = words.is_alcohol or words.kind in ALCOHOL
    product.vat = words.vat
    for facet in FACETS:
        setattr(product, facet, facts.pop(facet, ""))
    product.details = facts


def _save_variants(
    product: Product, wanted: Sequence[VariantWords], by: Actor, now: datetime
) -> None:
    standing = {
        variant.pk: variant
        for variant in product.variants.select_for_update().filter(archived_at=None)
    }
    gone = standing.keys() - {words.pk for words in wanted}
    Variant.objects.filter(pk__in=gone).update(archived_at=now)
    for position, words in enumerate(wanted):
        variant = standing.get(words.pk or 0) or Variant(product=product)
        was = variant.price_cents if variant.pk else None
        variant.label, variant.sku, variant.ean = words.label, words.sku, words.ean
        variant.is_counted, variant.position = words.is_counted, position
        variant.price_cents = words.price_cents
        if variant.pk:
            fields = ["label", "sku", "ean", "is_counted", "position", "price_cents"]
            variant.save(update_fields=fields)
        else:
            variant.save()
        if was != words.price_cents:
            begin_price(variant, variant.price_cents, by, now)


@transaction.atomic
def add_variant(product: Product, words: VariantWords, *, by: Actor, now: datetime) -> Variant:
    """One more format of a product, behind the others. Raises ``VariantTwice``."""
    held = Product.objects.select_for_update().get(pk=product.pk)
    variant = variant_of(held, words, held.variants.filter(archived_at=None).count())
    try:
        with transaction.atomic():
            variant.save()
    except IntegrityError as error:
        raise VariantTwice() from error
    begin_price(variant, variant.price_cents, by, now)
    record(by, "add_variant", "product", held.pk, after={"variant": variant.pk})
    return variant


def variant_of(product: Product, words: VariantWords, position: int) -> Variant:
    """A new format of ``product``, not written yet."""
    return Variant(
        product=product,
        position=position,
        price_cents=words.price_cents,
        label=words.label,
        sku=words.sku,
        ean=words.ean,
        is_counted=words.is_counted,
    )


def begin_price(variant: Variant, price_cents: int, by: Actor, now: datetime) -> None:
    """From ``now`` on it is sold at this price.

    Also at an offer's, which is a price practised as any other: the next « au lieu de » knows it.
    """
    price_line(variant, price_cents, by, now).save()


def price_line(variant: Variant, price_cents: int, by: Actor, now: datetime) -> PriceChange:
    """A line of the price history, not written yet."""
    return PriceChange(
        variant=variant,
        price_cents=price_cents,
        actor_kind=by.kind,
        actor_id=by.id,
        at=now,
    )


@transaction.atomic
def set_price(*, variant: Variant, price_cents: int, by: Actor, now: datetime) -> Variant:
    """Change one price; the same price again writes nothing."""
    held = Variant.objects.select_for_update().get(pk=variant.pk)
    if held.price_cents == price_cents:
        return held
    before, held.price_cents = held.price_cents, price_cents
    held.save(update_fields=["price_cents"])
    begin_price(held, price_cents, by, now)
    amounts = {"before": {"price_cents": before}, "after": {"price_cents": price_cents}}
    record(by, "set_price", "variant", held.pk, **amounts)
    return held


def lowest_prices(variants: Iterable[Variant], before: datetime) -> dict[int, int]:
    """By variant, the lowest price practised in the thirty days before ``before``, in cents: what
    an « au lieu de » may name (L112-1-1). Without those of which nothing was sold before then.
    """
    start = before - PRIOR_PRICE
    history = PriceChange.objects.filter(variant__in=variants, at__lt=before)
    standing = history.filter(at__lte=start).order_by("variant", "-at", "-pk").distinct("variant")
    found: dict[int, int] = {}
    for prices in (standing, history.filter(at__gt=start)):
        for variant, cents in prices.values_list("variant", "price_cents"):
            found[variant] = min(cents, found.get(variant, cents))
    return found


def lowest_price(variant: Variant, before: datetime) -> int | None:
    """Of one; None when nothing was sold before that moment."""
    return lowest_prices([variant], before).get(variant.pk)


@transaction.atomic
def archive_product(*, product: Product, by: Actor, now: datetime) -> None:
    """Put a product away; what was bought and promised of it stays. Undone by ``restore``."""
    if Product.objects.on_sale().filter(pk=product.pk).update(archived_at=now):
        record(by, "archive_product", "product", product.pk)


@transaction.atomic
def restore_product(*, product: Product, by: Actor) -> None:
    if Product.objects.filter(pk=product.pk).exclude(archived_at=None).update(archived_at=None):
        record(by, "restore_product", "product", product.pk)
