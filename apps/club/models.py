"""The club: what is offered, who belongs to it, who waits, what each period was. Shop's schema.

Money is taken by Stripe on the shop's own account. How a membership stands follows from what
Stripe says of it (``services.following``), in whatever order it is told.
"""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

import apps.club.member_models
from apps.catalog.details import WINE_COLOURS
from apps.contacts.models import Contact
from apps.core.tokens import new_token
from apps.invoicing.models import Invoice
from apps.invoicing.words import Address
from apps.loyalty.merging import living


class Every(models.IntegerChoices):
    """How many months a period has."""

    MONTH = 1, _("chaque mois")
    TWO_MONTHS = 2, _("tous les deux mois")
    QUARTER = 3, _("chaque trimestre")


class ChosenBy(models.TextChoices):
    SHOP = "shop", _("Au choix de la boutique")
    CUSTOMER = "customer", _("Au choix du client")


class ClubPlanQuerySet(models.QuerySet["ClubPlan"]):
    def open(self) -> Self:
        return self.filter(closed_at=None)

    def with_members(self, now: datetime) -> Self:
        """``members`` have one place each; ``waiting`` stand in line."""
        seated = Count("memberships", Member.seated(now, "memberships__"), distinct=True)
        waiting = Count("line", Q(line__ended_at=None), distinct=True)
        return self.annotate(members=seated, waiting=waiting)


class ClubPlan(models.Model):
    """What one may subscribe to: so many bottles each period, at a price with VAT.

    ``places`` empty: as many as want. ``term_months`` empty: open-ended, left at any time; else
    agreed for so long, and renewed unless one leaves. ``ship_cents`` empty: fetched at the shop
    alone; zero: brought for nothing. A member keeps the price agreed, whatever becomes of the plan.
    """

    name = models.CharField(_("nom"), max_length=60)
    words = models.TextField(_("en quelques lignes"), max_length=400, blank=True)
    price_cents = models.PositiveIntegerField(_("prix par période, TVA comprise"))
    every = models.PositiveSmallIntegerField(
        _("période"), choices=Every.choices, default=Every.MONTH
    )
    bottles = models.PositiveSmallIntegerField(_("bouteilles par période"))
    colours = ArrayField(models.CharField(max_length=10), default=list, blank=True)
    chosen_by = models.CharField(
        _("qui choisit"), max_length=8, choices=ChosenBy, default=ChosenBy.SHOP
    )
    places = models.PositiveIntegerField(_("places"), null=True, blank=True)
    term_months = models.PositiveSmallIntegerField(_("durée convenue"), null=True, blank=True)
    ship_cents = models.PositiveIntegerField(_("livraison par période"), null=True, blank=True)
    vat = models.PositiveSmallIntegerField(_("TVA"), default=2000)  # of ten thousand
    is_giftable = models.BooleanField(_("peut s’offrir"), default=True)
    made_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)  # nobody joins since
    # Where ``with_members`` has counted them.
    members: int
    waiting: int

    objects = ClubPlanQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(price_cents__gte=1, bottles__gte=1), name="a_club_plan_sells_something"
            ),
            models.CheckConstraint(condition=Q(every__in=[1, 2, 3]), name="a_period_of_months"),
            models.CheckConstraint(
                condition=Q(places=None) | Q(places__gte=1), name="a_club_plan_has_a_place"
            ),
            models.CheckConstraint(
                condition=Q(term_months=None) | Q(term_months__gte=1), name="a_term_of_months"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("club_plan", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def colour_words(self) -> str:
        """« Rouge, Blanc »."""
        return ", ".join(str(WINE_COLOURS[one]) for one in self.colours)


class State(models.TextChoices):
    JOINING = "joining", _("en cours d’inscription")
    GIVEN = "given", _("offert, pas encore ouvert")
    ACTIVE = "active", _("actif")
    LATE = "late", _("paiement en retard")
    PAUSED = "paused", _("en pause")
    LEAVING = "leaving", _("résilié, jusqu’à son terme")
    ENDED = "ended", _("terminé")


# They belong to the club: a place is theirs, and a box is made for them unless they pause.
BELONGS = (State.GIVEN, State.ACTIVE, State.LATE, State.PAUSED, State.LEAVING)


_TONES = {
    State.GIVEN: "good",
    State.ACTIVE: "good",
    State.LATE: "bad",
    State.PAUSED: "warn",
    State.LEAVING: "warn",
}


class Handover(models.TextChoices):
    PICKUP = "pickup", _("Retrait en boutique")
    SHIPPING = "shipping", _("Livraison")


class MemberQuerySet(models.QuerySet["Member"]):
    def belonging(self) -> Self:
        return self.filter(state__in=BELONGS)

    def of(self, contact: Contact) -> Self:
        """A person's, also under the records that were merged into hers."""
        return self.filter(contact__in=Contact.objects.records_of(contact.pk))


class Member(models.Model):
    """One membership: a person, a plan, and what they agreed on.

    ``contact`` is who gets the boxes; of a gift that nobody has opened yet, who gave it. ``giver``
    is set for a gift, which was paid at once for ``gift_periods`` and ends by itself.
    ``hold_until``: a place is kept for who is at Stripe's page. ``period_ends_at`` is when the next
    payment is asked for, ``ends_at`` when who leaves has left.
    The address serves parcels and invoices. ``key`` names the form, which sent twice joins once.
    """

    plan = models.ForeignKey(ClubPlan, models.PROTECT, related_name="memberships")
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="+")
    giver = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.JOINING)
    token = models.CharField(max_length=22, unique=True, default=new_token, editable=False)
    key = models.UUIDField(unique=True)
    price_cents = models.PositiveIntegerField()
    ship_cents = models.PositiveIntegerField(default=0)
    handover = models.CharField(max_length=8, choices=Handover, default=Handover.PICKUP)
    street = models.CharField(_("adresse"), max_length=120, blank=True)
    postal_code = models.CharField(_("code postal"), max_length=5, blank=True)
    city = models.CharField(_("ville"), max_length=60, blank=True)
    customer_id = models.CharField(max_length=64, blank=True)  # at Stripe, on the shop's account
    subscription_id = models.CharField(max_length=64, blank=True)
    checkout_id = models.CharField(max_length=100, blank=True)  # Stripe's page offered last
    hold_until = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(default=timezone.now)
    began_at = models.DateTimeField(null=True)  # first paid
    term_ends_on = models.DateField(null=True)
    period_ends_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    gift_periods = models.PositiveSmallIntegerField(null=True)
    gift_name = models.CharField(_("son prénom"), max_length=60, blank=True)
    gift_words = models.TextField(_("votre mot"), max_length=300, blank=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subscription_id"],
                condition=~Q(subscription_id=""),
                name="one_membership_per_subscription",
            ),
            models.CheckConstraint(
                condition=Q(giver=None, gift_periods=None)
                | Q(giver__isnull=False, gift_periods__gte=1),
                name="a_gift_has_a_giver_and_a_length",
            ),
            models.CheckConstraint(
                condition=Q(state="ended") ^ Q(ended_at=None), name="who_has_ended_says_when"
            ),
            models.CheckConstraint(
                condition=Q(handover="pickup") | ~Q(street="") & ~Q(postal_code="") & ~Q(city=""),
                name="a_parcel_has_an_address",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["customer_id"], condition=~Q(customer_id=""), name="member_of_customer"
            ),
            models.Index(fields=["state", "-asked_at", "-id"], name="members_by_state"),
        ]

    def __str__(self) -> str:
        return f"Member {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("club_member", args=[self.pk])

    @staticmethod
    def seated(now: datetime, prefix: str = "") -> Q:
        """Who has one of the plan's places."""
        belongs = Q(**{f"{prefix}state__in": BELONGS})
        return belongs | Q(**{f"{prefix}state": State.JOINING, f"{prefix}hold_until__gt": now})

    @property
    def person(self) -> Contact:
        """Who belongs to the club: their record of today, where theirs was merged into another."""
        return living(self.contact)

    @property
    def payer(self) -> Contact:
        """Who pays: of a gift, who gave it."""
        return living(self.giver or self.contact)

    @property
    def address(self) -> Address:
        """Of parcels and invoices."""
        return Address(self.street, self.postal_code, self.city)

    @property
    def called(self) -> str:
        """Who it is, for the team."""
        return self.person.full_name or self.person.email

    @property
    def tone(self) -> str:
        """The colour of its state, as ``base.css`` has it."""
        return _TONES.get(State(self.state), "")

    @property
    def is_gift(self) -> bool:
        return self.gift_periods is not None

    @property
    def total_cents(self) -> int:
        """What a period costs, brought to the door."""
        return self.price_cents + self.ship_cents


class Waiting(models.Model):
    """A person's place in the line of a plan that is full; first come, first served.

    A place that was freed is kept for them until ``answer_by``; then it is the next one's.
    """

    plan = models.ForeignKey(ClubPlan, models.PROTECT, related_name="line")
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="+")
    token = models.CharField(max_length=22, unique=True, default=new_token, editable=False)
    asked_at = models.DateTimeField(default=timezone.now)
    offered_at = models.DateTimeField(null=True)
    answer_by = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    member = models.OneToOneField(Member, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["plan", "contact"],
                condition=Q(ended_at=None),
                name="one_place_in_a_line_per_person",
            ),
            models.CheckConstraint(
                condition=Q(offered_at=None, answer_by=None)
                | Q(offered_at__isnull=False, answer_by__isnull=False),
                name="an_offer_has_its_end",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["plan", "asked_at"], condition=Q(ended_at=None), name="line_of_plan"
            )
        ]

    def __str__(self) -> str:
        return f"Waiting {self.pk}"


class PeriodState(models.TextChoices):
    DUE = "due", _("à payer")
    PAID = "paid", _("payée")
    VOID = "void", _("annulée")


class Period(models.Model):
    """One period of a membership, as Stripe asked to be paid for it; a box is made for each.

    ``paid_as`` is Stripe's name of its invoice; of a gift, that of the one payment, whose
    periods are its parts. ``invoice`` is the shop's own, issued once it is paid: its token comes of
    ``paid_as``, so that there is one whatever is told again. ``why_not`` says why it waits.
    """

    member = models.ForeignKey(Member, models.PROTECT, related_name="periods")
    paid_as = models.CharField(max_length=64)
    part = models.PositiveSmallIntegerField(default=0)
    payment_id = models.CharField(max_length=64, blank=True)  # Stripe's payment intent
    state = models.CharField(max_length=4, choices=PeriodState, default=PeriodState.DUE)
    starts = models.DateField()
    ends = models.DateField()  # the first day of the next
    amount_cents = models.PositiveIntegerField()
    ship_cents = models.PositiveIntegerField(default=0)  # of the amount
    paid_at = models.DateTimeField(null=True)
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="+")
    why_not = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["paid_as", "part"], name="one_period_per_payment"),
            models.CheckConstraint(condition=Q(starts__lt=F("ends")), name="a_period_has_its_days"),
            models.CheckConstraint(
                condition=~Q(state="paid") | Q(paid_at__isnull=False),
                name="a_paid_period_says_when",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["starts"], name="periods_by_day")]

    def __str__(self) -> str:
        return f"Period {self.pk}"


class MemberEvent(models.Model):
    """One line of a membership's story, in ids and words (``story``). Append-only.

    ``about`` is the name of what it tells of; told again, it is the same line.
    """

    append_only = True

    member = models.ForeignKey(Member, models.PROTECT, related_name="story", db_index=False)
    at = models.DateTimeField()
    kind = models.CharField(max_length=30)
    about = models.CharField(max_length=80, blank=True)
    words: Any = models.JSONField(default=dict)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["member", "kind", "about"],
                condition=~Q(about=""),
                name="a_story_tells_a_thing_once",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["member", "-at", "-id"], name="story_of_member")]

    def __str__(self) -> str:
        return f"{self.kind} {self.member_id}"


import apps.club.box_models  # noqa: E402, F401 (Django looks for models here alone)
