"""What a member does between two boxes, and what is done about money that does not come."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.tokens import new_token


class DoorCode(models.Model):
    """A code that opens the member's page once, as a keyed hash: whoever reads the table has none.

    A newer one takes the place of those before it.
    """

    member = models.ForeignKey("Member", models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"DoorCode {self.pk}"


class Way(models.TextChoices):
    """How a contract ends by its holder's word (Code de la consommation, D215-1 and L221-18)."""

    CANCEL = "cancel", _("Résiliation")
    RENOUNCE = "renounce", _("Rétractation")


class LeavingQuerySet(models.QuerySet["Leaving"]):
    def standing(self) -> Self:
        return self.filter(taken_back_at=None)

    def undone(self) -> Self:
        """Stripe has not been told yet."""
        return self.filter(done_at=None)

    def renounced(self) -> Self:
        """The contract is undone, as if nothing had been."""
        return self.standing().filter(way=Way.RENOUNCE)

    def unpaid_back(self) -> Self:
        """What was paid is still to be given back."""
        return self.renounced().filter(done_at__isnull=False, given_back_at=None)


class Leaving(models.Model):
    """A member's word that they leave, as they gave it. ``key`` is the form's: twice is once.

    ``ends_at`` is what they were told. ``awaits_bottles``: some had been handed over, and the money
    goes back when they have come back (L221-24).
    """

    key = models.UUIDField(unique=True)
    member = models.ForeignKey("Member", models.PROTECT, related_name="leavings")
    way = models.CharField(max_length=8, choices=Way)
    name = models.CharField(max_length=120)
    email = models.EmailField()
    wanted_on = models.DateField(null=True)
    asked_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    taken_back_at = models.DateTimeField(null=True)
    awaits_bottles = models.BooleanField(default=False)
    given_back_at = models.DateTimeField(null=True)

    objects = LeavingQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["member", "way"],
                condition=Q(taken_back_at=None),
                name="one_leaves_once",
            ),
            models.CheckConstraint(
                condition=Q(way="renounce") | Q(awaits_bottles=False, given_back_at=None),
                name="money_goes_back_to_who_renounces",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["asked_at"],
                condition=Q(done_at=None),
                name="leavings_to_carry_out",
            )
        ]

    def __str__(self) -> str:
        return f"Leaving {self.pk}"


class Reason(models.TextChoices):
    """Why a period could not be paid, by what it asks of the member."""

    SOFT = "soft", _("refusé par la banque pour cette fois")
    HARD = "hard", _("carte à remplacer")
    CONFIRM = "confirm", _("à confirmer auprès de la banque")
    DEBIT = "debit", _("prélèvement rejeté")


class ArrearQuerySet(models.QuerySet["Arrear"]):
    def standing(self) -> Self:
        return self.filter(ended_at=None)


class Arrear(models.Model):
    """A period that could not be paid, from the first refusal until it is paid or given up.

    ``told`` is how many times the member was written to, ``look_at`` when it is looked at next.
    """

    period = models.OneToOneField("Period", models.PROTECT, related_name="arrear")
    member = models.ForeignKey("Member", models.PROTECT, related_name="arrears")
    token = models.CharField(max_length=22, unique=True, default=new_token, editable=False)
    reason = models.CharField(max_length=7, choices=Reason)
    code = models.CharField(max_length=40, blank=True)  # Stripe's word for why
    tries = models.PositiveSmallIntegerField(default=0)
    told = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField()
    retry_at = models.DateTimeField(null=True)  # when Stripe tries again by itself
    look_at = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    recovered = models.BooleanField(default=False)

    objects = ArrearQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ended_at=None, recovered=False)
                | Q(ended_at__isnull=False, look_at=None),
                name="what_has_ended_is_looked_at_no_more",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["look_at"], condition=Q(look_at__isnull=False), name="arrears_to_look_at"
            ),
            models.Index(fields=["member"], condition=Q(ended_at=None), name="arrear_of_member"),
        ]

    def __str__(self) -> str:
        return f"Arrear {self.pk}"


class PriceChange(models.Model):
    """A plan's new price for those who already belong: said to each, asked from ``applies_on`` on,
    and of nobody who has not agreed."""

    plan = models.ForeignKey("ClubPlan", models.PROTECT, related_name="price_changes")
    price_cents = models.PositiveIntegerField()
    applies_on = models.DateField()
    announced_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(price_cents__gte=1), name="a_new_price_is_a_price")
        ]

    def __str__(self) -> str:
        return f"PriceChange {self.pk}"


class Answer(models.Model):
    """What one member says to a new price; who says nothing keeps the old one."""

    change = models.ForeignKey(PriceChange, models.PROTECT, related_name="answers", db_index=False)
    member = models.ForeignKey("Member", models.PROTECT, related_name="answers")
    former_cents = models.PositiveIntegerField()
    agrees = models.BooleanField(null=True)
    answered_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["change", "member"], name="one_answer_per_member"),
            models.CheckConstraint(
                condition=Q(agrees=None, answered_at=None)
                | Q(agrees__isnull=False, answered_at__isnull=False),
                name="an_answer_says_when",
            ),
            models.CheckConstraint(
                condition=Q(applied_at=None) | Q(agrees=True), name="no_price_without_consent"
            ),
        ]

    def __str__(self) -> str:
        return f"Answer {self.pk}"
