"""Choices of people that were given a name. Shop's schema."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Segment(models.Model):
    """People by what is true of them at the moment one looks. ``criteria``: see ``criteria``.

    Who points at one from a room above does it by a protecting foreign key: what is still to be
    sent by it keeps it from being deleted.
    """

    name = models.CharField(_("nom"), max_length=60)
    criteria = models.JSONField(default=dict)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = [Lower("name")]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), name="one_segment_per_name")
        ]

    def __str__(self) -> str:
        return self.name
