"""What somebody should look at: one list for the whole shop. Shop's schema."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact


class Decision(models.TextChoices):
    FINE = "fine", _("C’est normal")
    UNDONE = "undone", _("Annulé")


class CaseQuerySet(models.QuerySet["Case"]):
    def open(self) -> Self:
        """Nobody has decided yet."""
        return self.filter(decided_at=None)


class Case(models.Model):
    """One line of the list; ``kind`` is one of ``config/reviews.py`` and says it in words.

    ``key`` names what the line is about, once a kind: what is told again adds nothing. ``facts``
    are the ids and numbers of its sentence, never a name.
    """

    kind = models.CharField(max_length=24)
    key = models.CharField(max_length=40)
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="+")
    actor_id = models.BigIntegerField(null=True)  # of the team: whose gesture it was
    device = models.PositiveIntegerField(null=True)  # the number of the shop's phone
    facts = models.JSONField(default=dict)
    at = models.DateTimeField()
    decision = models.CharField(max_length=8, choices=Decision, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.BigIntegerField(null=True)
    noted_at = models.DateTimeField(default=timezone.now)

    objects = CaseQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "key"], name="one_case_per_kind_and_key"),
            models.CheckConstraint(
                condition=Q(decision="", decided_at=None)
                | ~Q(decision="") & Q(decided_at__isnull=False),
                name="a_decision_has_its_moment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-at"], condition=Q(decided_at=None), name="case_to_look_at"),
            models.Index(fields=["-decided_at"], name="case_decided"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
