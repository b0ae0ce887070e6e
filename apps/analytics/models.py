"""What was counted once so that it need not be counted at each look. Shop's schema."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Morning(models.Model):
    """The past as it stood when ``day`` began: what the home says of the days before today.

    A reckoning of the ledger and no truth of its own: it may be thrown away at any time. It
    holds while no movement later than ``last_movement`` speaks of a day before ``day``.
    """

    day = models.DateField()
    zone = models.CharField(max_length=40)  # whose midnight
    last_movement = models.BigIntegerField()
    figures = models.JSONField()
    only = models.BooleanField(default=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["only"], name="one_morning"),
            models.CheckConstraint(condition=Q(only=True), name="morning_is_the_only_one"),
        ]

    def __str__(self) -> str:
        return str(self.day)
