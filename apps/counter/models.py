"""What phones did without signal, and which of them may hand rewards over. Shop's schema."""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.loyalty.models import Card, Reward


class Kind(models.TextChoices):
    STAMP = "stamp", _("Tampon")
    ADD = "add", _("Nouveau contact")
    GIVE = "give", _("Récompense")


class GestureQuerySet(models.QuerySet["Gesture"]):
    def to_settle(self) -> Self:
        """Refused, and nobody has said yet that it is dealt with."""
        return self.exclude(refusal="").filter(settled_at=None)


class Gesture(models.Model):
    """One gesture that waited on a phone, and its answer: the same name, the same answer.

    ``refusal`` is empty for what was done. ``asked`` holds what was typed (a number, a first
    name) while somebody has to see to it, and no longer.
    """

    token = models.UUIDField(unique=True)  # made by the phone
    kind = models.CharField(max_length=8, choices=Kind)
    device = models.UUIDField()
    card = models.ForeignKey(Card, models.PROTECT, null=True, related_name="+", db_index=False)
    reward = models.ForeignKey(Reward, models.PROTECT, null=True, related_name="+", db_index=False)
    refusal = models.CharField(max_length=300, blank=True)
    asked = models.JSONField(default=dict)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()  # when it was done, as judged
    received_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True)

    objects = GestureQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["-at"],
                condition=~Q(refusal="") & Q(settled_at=None),
                name="gesture_to_settle",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.token}"

    @property
    def waited(self) -> bool:
        """Whether it came a good while after it was done."""
        return (self.received_at - self.at).total_seconds() > 120

    def asks(self, name: str) -> Any:
        return self.asked.get(name, "")


class LeaseQuerySet(models.QuerySet["Lease"]):
    def standing(self) -> Self:
        return self.filter(ended_at=None)

    def held(self, device: object, at: datetime) -> bool:
        """Whether ``device`` might hand rewards over at that moment."""
        until = Q(ended_at=None) | Q(ended_at__gt=at)
        return self.filter(until, device=device, since__lte=at).exists()


class Lease(models.Model):
    """The one device that may hand rewards over without signal; the database allows one."""

    device = models.UUIDField()
    name = models.CharField(_("nom de l’appareil"), max_length=40)
    actor_id = models.BigIntegerField()  # who let it
    since = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    only = models.BooleanField(default=True, editable=False)

    objects = LeaseQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["only"], condition=Q(ended_at=None), name="one_device_gives_offline"
            ),
            models.CheckConstraint(condition=Q(only=True), name="lease_is_the_only_one"),
        ]

    def __str__(self) -> str:
        return f"Lease {self.pk}"
