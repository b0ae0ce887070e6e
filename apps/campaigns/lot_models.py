"""What a drop offers to reserve, and what people asked of it. Shop's schema."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Photographed, Reservation, Variant
from apps.contacts.models import Contact
from apps.core.templatetags.french import euros


class Lot(Photographed):
    """What a drop puts on the counter: so many of one product, at a price, until a day.

    ``taken`` is how many its bookings hold or have fetched, kept in step under the lot's lock:
    the database refuses one more than ``quantity``. ``former_cents`` is what « au lieu de » says
    (Code de la consommation, L112-1-1): the catalogue's, never typed. Who has not come when
    ``until`` is over gives their units back; that is done once, at ``settled_at``.
    """

    drop = models.OneToOneField("Drop", models.CASCADE, related_name="lot")
    variant = models.ForeignKey(Variant, models.PROTECT, related_name="+")
    words = models.TextField(_("trois lignes"), max_length=300, blank=True)
    price_cents = models.PositiveIntegerField(_("prix"))
    says_former = models.BooleanField(default=False)
    former_cents = models.PositiveIntegerField(null=True)
    quantity = models.PositiveIntegerField(_("quantité"))
    each = models.PositiveSmallIntegerField(_("au plus par personne"), default=6)
    until = models.DateField(_("à retirer jusqu’au"))
    remind_at = models.DateTimeField(_("rappel"), null=True, blank=True)
    reminded_at = models.DateTimeField(null=True)
    taken = models.PositiveIntegerField(default=0)
    closed_at = models.DateTimeField(null=True)  # nothing more is promised since
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(taken__lte=models.F("quantity")), name="never_more_than_the_quantity"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, each__gte=1), name="a_lot_offers_something"
            ),
            models.CheckConstraint(
                condition=Q(former_cents=None) | Q(former_cents__gt=models.F("price_cents")),
                name="a_former_price_was_higher",
            ),
        ]

    def __str__(self) -> str:
        return f"Lot {self.pk}"

    @property
    def name(self) -> str:
        return self.variant.full_name

    @property
    def picture(self) -> Photographed:
        """Its own photo, else the product's."""
        return self if self.image else self.variant.product

    @property
    def price(self) -> str:
        """« 12,50 € au lieu de 15,00 € » where that may be said."""
        former = f" au lieu de {euros(self.former_cents)}" if self.former_cents else ""
        return euros(self.price_cents) + former


class BookingQuerySet(models.QuerySet["Booking"]):
    def standing(self) -> Self:
        """In line, or held for somebody."""
        return self.filter(ended_at=None)

    def of(self, contact: Contact) -> Self:
        """A person's, also under the records that were merged into hers."""
        return self.filter(contact__in=Contact.objects.records_of(contact.pk))

    def in_line(self) -> Self:
        """Who waits, first come first."""
        return self.filter(state="waiting").order_by("at", "pk")


class Booking(models.Model):
    """What one person asked of a lot. What is held stands in the catalogue as a reservation.

    ``answer_by``: who was in line and whose turn has come says yes until then, or the next one's
    has. ``gesture`` names the handover, ``token`` the asking: sent twice, done once.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("en attente")
        HELD = "held", _("réservé")
        FETCHED = "fetched", _("remis")
        CANCELLED = "cancelled", _("annulé")
        LAPSED = "lapsed", _("non retiré")

    lot = models.ForeignKey(Lot, models.PROTECT, related_name="bookings", db_index=False)
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="+", db_index=False)
    units = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=9, choices=State)
    token = models.UUIDField(unique=True)
    reservation = models.OneToOneField(Reservation, models.PROTECT, null=True, related_name="+")
    by_team = models.BooleanField(default=False)
    at = models.DateTimeField(default=timezone.now)
    answer_by = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    gesture = models.UUIDField(unique=True, null=True)
    id_checked = models.BooleanField(default=False)  # a proof of age was seen

    objects = BookingQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["lot", "contact"],
                condition=Q(ended_at=None),
                name="one_booking_per_person_and_lot",
            ),
            models.CheckConstraint(condition=Q(units__gte=1), name="a_booking_asks_something"),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at=None, reservation=None)
                | Q(state="held", ended_at=None, reservation__isnull=False)
                | Q(state="fetched", ended_at__isnull=False, gesture__isnull=False)
                | (Q(state="cancelled") | Q(state="lapsed")) & Q(ended_at__isnull=False),
                name="a_booking_waits_is_held_or_over",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["lot", "-at", "-id"], name="booking_of_lot"),
            models.Index(fields=["contact"], name="booking_of_contact"),
            models.Index(
                fields=["answer_by"],
                condition=Q(ended_at=None, answer_by__isnull=False),
                name="booking_to_answer",
            ),
        ]

    def __str__(self) -> str:
        return f"Booking {self.pk}"

    @property
    def cents(self) -> int:
        """What it comes to."""
        return self.units * self.lot.price_cents

    @property
    def tone(self) -> str:
        """The chip's colour, a class of ``base.css``."""
        return {"held": "", "fetched": "good", "waiting": "warn"}.get(self.state, "plain")
