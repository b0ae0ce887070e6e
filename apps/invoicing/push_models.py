"""Where the shop's books are kept elsewhere, and what became of each piece there. Shop's schema."""

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from apps.invoicing.models import Invoice, Payment


class Standing(models.TextChoices):
    ACTIVE = "active", _("branché")
    PAUSED = "paused", _("en pause")
    SHUT = "shut", _("accès retiré")  # they let us in no more: the owner connects again
    LEFT = "left", _("débranché")


class Bookkeeper(models.Model):
    """An account at a bookkeeping program; its keys lie in the vault. One at a time is not left.

    ``cursor`` is the last record of the chain that was looked at: numbers are given under one lock,
    so nothing appears behind it. ``held_until`` is the lease of the one worker that sends;
    ``rests_until`` a pause that the other side asked for.
    """

    target = models.CharField(max_length=12)
    account = models.CharField(max_length=64)  # what they call it
    company = models.CharField(max_length=120)
    standing = models.CharField(max_length=6, choices=Standing, default=Standing.ACTIVE)
    why = models.CharField(max_length=40, blank=True)
    since = models.DateField()
    cursor = models.PositiveBigIntegerField(default=0)
    held_until = models.DateTimeField(null=True)
    rests_until = models.DateTimeField(null=True)
    connected_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "account"], name="one_row_per_bookkeeper"),
            models.UniqueConstraint(
                models.Value(1), condition=~Q(standing="left"), name="one_bookkeeper_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"Bookkeeper {self.pk}"


class What(models.TextChoices):
    PARTY = "party", _("Client")
    INVOICE = "invoice", _("Facture")
    CREDIT = "credit", _("Avoir")
    PAYMENT = "payment", _("Paiement")


class State(models.TextChoices):
    QUEUED = "queued", _("en attente")
    SENDING = "sending", _("en cours")
    SENT = "sent", _("envoyé")
    REFUSED = "refused", _("refusé")
    UNKNOWN = "unknown", _("en vérification")


PENDING = (State.QUEUED, State.SENDING, State.UNKNOWN)
# Longer than any piece takes: a claim that is older belongs to nobody any more.
CLAIM = timedelta(minutes=3)


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def shown(self) -> Self:
        """What a person looks for: customers are shown where they are refused alone."""
        return self.filter(~Q(what=What.PARTY) | Q(state=State.REFUSED))

    def ready(self, at: object) -> Self:
        """What may leave by then, in the order in which it was sealed: a piece goes once the one
        it speaks of (``after``) is there."""
        waits = self.filter(state__in=(State.QUEUED, State.UNKNOWN), due_at__lte=at)
        return waits.filter(Q(after=None) | Q(after__state=State.SENT)).order_by("pk")


class Delivery(models.Model):
    """One piece on its way to one bookkeeper, once: ``reference`` is our own name for it, by which
    they are asked whether they have it before it is ever sent a second time.

    ``reason`` is why they refused it, ``code`` what staff may read of that. A customer's ``digest``
    is what they were last told of it: told anew when it changes.
    """

    # Found by the indexes below.
    bookkeeper = models.ForeignKey(
        Bookkeeper, models.CASCADE, related_name="deliveries", db_index=False
    )
    what = models.CharField(max_length=7, choices=What)
    reference = models.CharField(max_length=20)
    record = models.ForeignKey("Record", models.PROTECT, related_name="+")
    after = models.ForeignKey("self", models.PROTECT, null=True, related_name="followers")
    state = models.CharField(max_length=7, choices=State, default=State.QUEUED)
    external_id = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["bookkeeper", "reference"], name="a_piece_is_sent_once_to_each"
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | ~Q(external_id=""), name="what_is_sent_has_its_name"
            ),
            models.CheckConstraint(
                condition=~Q(state="sending") | Q(claimed_at__isnull=False),
                name="a_claim_has_its_moment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["bookkeeper", "due_at"],
                # Not by « in »: PostgreSQL writes it differently in a shop that is made from it.
                condition=Q(state="queued") | Q(state="sending") | Q(state="unknown"),
                name="deliveries_to_come",
            ),
            models.Index(fields=["bookkeeper", "state", "-id"], name="deliveries_by_state"),
        ]

    def __str__(self) -> str:
        return f"Delivery {self.pk}"

    @property
    def _payment(self) -> "Payment | None":
        return self.record.payment if self.what == What.PAYMENT else None

    @property
    def bill(self) -> "Invoice":
        """The invoice or credit note it is, is paid by, or names the customer of."""
        paid = self._payment
        return paid.invoice if paid else self.record.invoice

    @property
    def cents(self) -> int | None:
        """What it is about; nothing for a customer."""
        if self.what == What.PARTY:
            return None
        paid = self._payment
        return paid.amount_cents if paid else self.bill.total_cents
