"""The boxes: what is prepared together, what the shop offers, what each one gets. Shop's schema.

A ``Round`` is the boxes of one month. A box is made for each period that a member pays for
(``club.models.Period``): one, unless it was put off to a later round.
"""

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Reservation, Variant
from apps.club.models import ClubPlan, Handover, Member, Period, PeriodState, State
from apps.contacts.models import Contact


class BoxRule(models.Model):
    """How the shop runs its boxes. On the day ``opens_on`` of each month (empty: by hand) a round
    opens by itself, with ``choose_days`` to choose, swap or skip and ``pack_days`` more to pack.
    """

    only = models.BooleanField(primary_key=True, default=True)
    skips_a_year = models.PositiveSmallIntegerField(_("box passées, par an au plus"), default=2)
    opens_on = models.PositiveSmallIntegerField(_("ouverture, jour du mois"), null=True, blank=True)
    choose_days = models.PositiveSmallIntegerField(_("jours pour choisir"), default=7)
    pack_days = models.PositiveSmallIntegerField(_("jours pour préparer"), default=5)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(only=True), name="one_rule_for_boxes"),
            models.CheckConstraint(
                condition=Q(opens_on=None) | Q(opens_on__gte=1, opens_on__lte=28),
                name="a_round_opens_on_a_day_of_every_month",
            ),
        ]

    def __str__(self) -> str:
        return "BoxRule"


class Round(models.Model):
    """The boxes of one month. Members choose up to ``choose_until``; what they left is the shop's
    choice once ``chosen_at`` is set. Ready from ``ready_on`` on."""

    month = models.DateField(unique=True)  # its first day
    choose_until = models.DateField(_("on choisit jusqu’au"))
    ready_on = models.DateField(_("prêtes à partir du"))
    opened_at = models.DateTimeField(default=timezone.now)
    chosen_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    labels = models.CharField(max_length=100, blank=True)  # the file that was drawn last

    names_files = ("labels",)

    class Meta:
        ordering: ClassVar = ["-month"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(month__day=1), name="a_round_is_a_month"),
            models.CheckConstraint(
                condition=Q(choose_until__lte=F("ready_on")), name="chosen_before_it_is_ready"
            ),
        ]

    def __str__(self) -> str:
        return f"Round {self.month:%Y-%m}"

    def get_absolute_url(self) -> str:
        return reverse("club_round", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class Selection(models.Model):
    """What the shop offers the members of one plan in one round."""

    round = models.ForeignKey(Round, models.CASCADE, related_name="selections", db_index=False)
    plan = models.ForeignKey(ClubPlan, models.PROTECT, related_name="+")
    words = models.TextField(_("ce que vous en dites"), max_length=600, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["round", "plan"], name="one_selection_a_round_and_plan")
        ]

    def __str__(self) -> str:
        return f"Selection {self.pk}"


class Offer(models.Model):
    """One of the bottles offered; ``usual`` of it go into the box that the shop composes."""

    selection = models.ForeignKey(Selection, models.CASCADE, related_name="offers", db_index=False)
    variant = models.ForeignKey(Variant, models.PROTECT, related_name="+")
    usual = models.PositiveSmallIntegerField(default=0)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["selection", "variant"], name="offered_once")
        ]

    def __str__(self) -> str:
        return f"Offer {self.pk}"


class Wish(models.Model):
    """What a member wants of every box: ``refused`` are colours that never go in."""

    member = models.OneToOneField(Member, models.CASCADE, related_name="wish")
    refused = ArrayField(models.CharField(max_length=20), default=list, blank=True)

    def __str__(self) -> str:
        return f"Wish {self.member_id}"


class BoxState(models.TextChoices):
    OPEN = "open", _("à préparer")
    PACKED = "packed", _("prête")
    HANDED = "handed", _("remise")
    SHIPPED = "shipped", _("expédiée")
    PUT_OFF = "put_off", _("reportée")
    CANCELLED = "cancelled", _("annulée")


GONE = (BoxState.PUT_OFF, BoxState.CANCELLED)
BOX_CAUSE = "box:"  # under which the catalogue holds the bottles of boxes

# Nobody packs it before that is settled: its period or a later one is not paid, or they pause.
UNPAID = Q(period__state=PeriodState.DUE) | Q(member__state=State.LATE)
WAITS = UNPAID | Q(member__state=State.PAUSED)


class BoxQuerySet(models.QuerySet["Box"]):
    def standing(self) -> Self:
        """Neither put off nor called off."""
        return self.exclude(state__in=GONE)

    def to_pack(self) -> Self:
        return self.filter(state=BoxState.OPEN).exclude(WAITS)

    def held_back(self) -> Self:
        """Made, and not to be packed yet."""
        return self.filter(WAITS, state=BoxState.OPEN)

    def of(self, contact: Contact) -> Self:
        """A person's, also under the records that were merged into hers."""
        return self.filter(member__contact__in=Contact.objects.records_of(contact.pk))


class Box(models.Model):
    """One member's box of one round. ``bottles`` is what the plan promised when it was made.

    ``chosen_at``: its member chose. ``pulled`` names the packing that took its bottles from the
    shelves, ``gesture`` the handover. ``skipped_at``: put off because its member said so.
    """

    round = models.ForeignKey(Round, models.PROTECT, related_name="boxes", db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="boxes")
    period = models.ForeignKey(Period, models.PROTECT, related_name="boxes")
    bottles = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=9, choices=BoxState, default=BoxState.OPEN)
    made_at = models.DateTimeField(default=timezone.now)
    chosen_at = models.DateTimeField(null=True)
    skipped_at = models.DateTimeField(null=True)
    pulled = models.UUIDField(null=True)
    packed_at = models.DateTimeField(null=True)
    gesture = models.UUIDField(unique=True, null=True)
    ended_at = models.DateTimeField(null=True)  # handed over or shipped
    id_checked = models.BooleanField(default=False)
    carrier = models.CharField(max_length=12, blank=True)
    tracking = models.CharField(max_length=200, blank=True)  # a number, or an address

    objects = BoxQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["period"], condition=~Q(state="put_off"), name="one_box_per_paid_period"
            ),
            models.UniqueConstraint(
                fields=["round", "period"], name="one_box_per_period_and_round"
            ),
            models.CheckConstraint(condition=Q(bottles__gte=1), name="a_box_holds_something"),
            models.CheckConstraint(
                condition=Q(pulled=None, packed_at=None)
                & ~Q(state="packed")
                & ~Q(state="handed")
                & ~Q(state="shipped")
                | Q(pulled__isnull=False, packed_at__isnull=False)
                & ~Q(state="open")
                & ~Q(state="put_off")
                & ~Q(state="cancelled"),
                name="what_is_packed_was_pulled",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) & ~Q(state="handed") & ~Q(state="shipped")
                | Q(ended_at__isnull=False) & (Q(state="handed") | Q(state="shipped")),
                name="what_has_left_says_when",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["round", "state"], name="boxes_by_state"),
            models.Index(
                fields=["member", "skipped_at"],
                condition=Q(skipped_at__isnull=False),
                name="boxes_skipped",
            ),
        ]

    def __str__(self) -> str:
        return f"Box {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("club_box", args=[self.pk])

    @property
    def cause(self) -> str:
        """The name under which the catalogue holds its bottles."""
        return f"{BOX_CAUSE}{self.pk}"

    @property
    def missing(self) -> int:
        """The bottles that the shelves did not have; none before it is composed."""
        filled = sum(line.units for line in self.lines.all())
        return self.bottles - filled if filled or self.round.chosen_at else 0

    @property
    def is_unpaid(self) -> bool:
        return self.period.state == PeriodState.DUE or self.member.state == State.LATE

    @property
    def waits(self) -> bool:
        """As ``WAITS`` says."""
        return self.is_unpaid or self.member.state == State.PAUSED

    @property
    def is_shipped(self) -> bool:
        return self.member.handover == Handover.SHIPPING

    @property
    def tone(self) -> str:
        """The chip's colour, a class of ``base.css``."""
        return {"packed": "", "handed": "good", "shipped": "good"}.get(self.state, "plain")


class BoxLine(models.Model):
    """So many of one bottle in a box, held on the shelf by their reservation until it is packed."""

    box = models.ForeignKey(Box, models.CASCADE, related_name="lines", db_index=False)
    variant = models.ForeignKey(Variant, models.PROTECT, related_name="+")
    units = models.PositiveSmallIntegerField()
    reservation = models.OneToOneField(Reservation, models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["variant"]  # the order in which shelves are locked
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["box", "variant"], name="one_line_per_bottle"),
            models.CheckConstraint(condition=Q(units__gte=1), name="a_box_line_counts_something"),
        ]

    def __str__(self) -> str:
        return f"{self.box_id}:{self.units}"
