"""Who did what to what, before and after. Append-only, ids only."""

from typing import ClassVar

from django.db import models
from django.utils import timezone


class Entry(models.Model):
    """One act. ``before``/``after`` hold settings and counts, never a person's data."""

    append_only = True
    kept_by_law = ("journal des accès et des actes (RGPD, art. 32)", 1)

    at = models.DateTimeField(default=timezone.now)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    device = models.PositiveIntegerField(null=True)  # the number of the shop's own phone
    verb = models.CharField(max_length=40)
    object_kind = models.CharField(max_length=24)
    object_id = models.BigIntegerField(null=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    request_id = models.CharField(max_length=16, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["object_kind", "object_id", "-at"], name="audit_of_object")
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_kind}:{self.object_id}"
