"""What the shop sells, what it has of it, at what price; and what people bought. Shop's schema."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.catalog.details import FACETS, Kind
from apps.contacts.models import Contact
from apps.core.french import search_key


class Photographed(models.Model):
    """Has a photo of its own, drawn in three sizes (``services.photos``)."""

    image = models.CharField(max_length=32, blank=True)  # the hash that names its three sizes
    drawing = models.CharField(max_length=40, blank=True)  # what was sent and is not drawn yet

    class Meta:
        abstract = True

    def photo_url(self, size: str) -> str:
        """Where the photo is fetched (``s``, ``m``, ``l``), empty when there is none."""
        return reverse("photo", args=[self.image, size]) if self.image else ""

    @property
    def small_photo(self) -> str:
        return self.photo_url("s")

    @property
    def photo(self) -> str:
        return self.photo_url("m")


class ProductQuerySet(models.QuerySet["Product"]):
    def on_sale(self) -> Self:
        """Without what the shop has put away."""
        return self.filter(archived_at=None)

    def matching(self, text: str) -> Self:
        """By words of the name and of its details, however accented."""
        found = self
        for word in search_key(text).split():
            found = found.filter(search__contains=word)
        return found


class Product(Photographed):
    """Something sold, in one or several variants (a bottle and a magnum; sizes 40 to 46)."""

    name = models.CharField(_("nom"), max_length=120)
    kind = models.CharField(_("sorte"), max_length=9, choices=Kind, default=Kind.OTHER)
    search = models.CharField(max_length=400, blank=True, editable=False)
    region = models.CharField(_("région"), max_length=20, blank=True)
    colour = models.CharField(_("couleur"), max_length=20, blank=True)
    brand = models.CharField(_("marque"), max_length=80, blank=True)
    details = models.JSONField(default=dict, blank=True)
    description = models.TextField(_("description"), max_length=2000, blank=True)
    is_alcohol = models.BooleanField(_("alcool"), default=False)
    vat = models.PositiveSmallIntegerField(_("TVA"), default=2000)  # of ten thousand
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ProductQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(vat__lte=10_000), name="vat_is_a_share"),
            models.CheckConstraint(
                # Not kind IN (…): PostgreSQL rewrites it, and a replayed schema would differ.
                condition=Q(is_alcohol=True)
                | ~Q(kind="wine") & ~Q(kind="sparkling") & ~Q(kind="spirit") & ~Q(kind="beer"),
                name="wine_is_alcohol",
            ),
        ]
        indexes: ClassVar = [
            models.Index(Lower("name"), name="product_name", condition=Q(archived_at=None))
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.note_for_search()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def get_absolute_url(self) -> str:
        return reverse("product", args=[self.pk])

    def note_for_search(self) -> None:
        """How ``matching`` finds it; ``save`` does it by itself."""
        said = [self.name, *(str(self.facts.get(name, "")) for name in sorted(self.facts))]
        self.search = search_key(" ".join(said))[:400]

    @property
    def facts(self) -> dict[str, str]:
        """Facets and details together, as ``details.clean`` gave them."""
        facets = {name: getattr(self, name) for name in FACETS if getattr(self, name)}
        return {**facets, **self.details}


class Variant(models.Model):
    """What is priced and counted. ``on_hand`` is the sum of its moves, ``held`` of what its
    reservations still hold: both kept in step under the variant's lock."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="variants")
    label = models.CharField(_("format, taille"), max_length=40, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    sku = models.CharField(_("référence"), max_length=40, blank=True)
    ean = models.CharField(_("code-barres"), max_length=14, blank=True)
    price_cents = models.PositiveIntegerField(_("prix"))
    is_counted = models.BooleanField(_("stock suivi"), default=True)
    on_hand = models.IntegerField(default=0)  # the till may sell what was never counted in
    held = models.PositiveIntegerField(default=0)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["position", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                "product",
                Lower("label"),
                condition=Q(archived_at=None),
                name="one_variant_per_label",
            ),
            models.UniqueConstraint(
                Lower("sku"), condition=~Q(sku="") & Q(archived_at=None), name="one_variant_per_sku"
            ),
            models.UniqueConstraint(
                fields=["ean"],
                condition=~Q(ean="") & Q(archived_at=None),
                name="one_variant_per_barcode",
            ),
        ]

    def __str__(self) -> str:
        return f"Variant {self.pk}"

    @property
    def full_name(self) -> str:
        """« Morgon, Magnum »."""
        return ", ".join(filter(None, (self.product.name, self.label)))

    @property
    def available(self) -> int | None:
        """How many may still be promised; None where the shop does not count."""
        return max(0, self.on_hand - self.held) if self.is_counted else None


class PriceChange(models.Model):
    """A price and when it began: the lowest of thirty days is read from here. Append-only."""

    append_only = True

    variant = models.ForeignKey(Variant, models.PROTECT, related_name="prices", db_index=False)
    price_cents = models.PositiveIntegerField()
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["variant", "-at"], name="price_history")]

    def __str__(self) -> str:
        return f"{self.variant_id}:{self.price_cents}"


class MoveCause(models.TextChoices):
    RECEIPT = "receipt", _("Réception")
    SALE = "sale", _("Vente")
    RETURN = "return", _("Retour")
    LOSS = "loss", _("Casse, perte")
    COUNT = "count", _("Inventaire")


class StockMove(models.Model):
    """One line of the stock's ledger: the units that came (+) or went (−). Append-only."""

    append_only = True

    variant = models.ForeignKey(Variant, models.PROTECT, related_name="moves", db_index=False)
    units = models.IntegerField()
    cause = models.CharField(max_length=8, choices=MoveCause)
    token = models.UUIDField(unique=True)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(units=0), name="a_move_moves_something")
        ]
        indexes: ClassVar = [models.Index(fields=["variant", "-at"], name="moves_of_variant")]

    def __str__(self) -> str:
        return f"{self.variant_id}:{self.units:+d}"


class ReservationQuerySet(models.QuerySet["Reservation"]):
    def standing(self) -> Self:
        """That still hold their units."""
        return self.filter(ended_at=None)

    def overdue(self, now: datetime) -> Self:
        return self.standing().filter(until__lte=now)


class Reservation(models.Model):
    """Units promised to somebody until a moment: fetched, or given back to the shelf.

    ``cause`` says what for (``drop:12``); one person holds one reservation for a cause.
    """

    class Ending(models.TextChoices):
        COLLECTED = "collected", _("Retirée")
        RELEASED = "released", _("Annulée")
        LAPSED = "lapsed", _("Expirée")

    variant = models.ForeignKey(Variant, models.PROTECT, related_name="reservations")
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="+")
    units = models.PositiveIntegerField()
    cause = models.CharField(max_length=40)
    token = models.UUIDField(unique=True)
    at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=9, choices=Ending, blank=True)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["cause", "variant", "contact"],
                condition=Q(ended_at=None),
                name="one_reservation_per_cause_and_person",
            ),
            models.CheckConstraint(condition=Q(units__gte=1), name="a_reservation_holds_something"),
            models.CheckConstraint(
                condition=Q(ended_at=None, ending="") | (Q(ended_at__isnull=False) & ~Q(ending="")),
                name="a_reservation_ends_in_one_way",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["until"], name="overdue", condition=Q(ended_at=None))
        ]

    def __str__(self) -> str:
        return f"Reservation {self.pk}"


class PurchaseSource(models.TextChoices):
    COUNTER = "counter", _("Comptoir")
    IMPORT = "import", _("Import")
    TILL = "till", _("Caisse")


class Purchase(models.Model):
    """What somebody bought on a day. ``contact`` is empty for a sale to a stranger.

    ``reference`` names it at its source (the till's ticket, the line of a file, the gesture at
    the counter): the same one again is the same purchase. A return is a purchase below zero.
    """

    contact = models.ForeignKey(
        Contact, models.PROTECT, null=True, blank=True, related_name="purchases"
    )
    at = models.DateTimeField()
    amount_cents = models.IntegerField()
    source = models.CharField(max_length=8, choices=PurchaseSource)
    reference = models.CharField(max_length=80)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "reference"], name="one_purchase_per_reference"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["contact", "-at"],
                include=["amount_cents"],
                condition=Q(cancelled_at=None),
                name="purchases_of_contact",
            ),
            models.Index(fields=["-at"], name="purchases_by_day"),
        ]

    def __str__(self) -> str:
        return f"Purchase {self.pk}"


class PurchaseLine(models.Model):
    """One article of a purchase. Facets are kept as they were when it was bought."""

    purchase = models.ForeignKey(Purchase, models.CASCADE, related_name="lines", db_index=False)
    reference = models.CharField(max_length=80, blank=True)  # the line of a file: once each
    variant = models.ForeignKey(Variant, models.PROTECT, null=True, blank=True, related_name="+")
    label = models.CharField(max_length=160)
    units = models.IntegerField(default=1)
    amount_cents = models.IntegerField()
    region = models.CharField(max_length=20, blank=True)
    colour = models.CharField(max_length=20, blank=True)
    brand = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(units=0), name="a_line_counts_something"),
            models.UniqueConstraint(
                fields=["purchase", "reference"],
                condition=~Q(reference=""),
                name="one_line_per_reference",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["purchase"], name="lines_of_purchase")]

    def __str__(self) -> str:
        return f"{self.purchase_id}:{self.units}"
