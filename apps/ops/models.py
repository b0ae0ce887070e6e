"""What the platform keeps of its own acts."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Erasure(models.Model):
    """A shop that was erased, or is being: what stays of it here. Written by the owner alone.

    The moments say how far it came: ``closed_at`` nobody writes in it any more, ``archive`` is
    whole and proven, ``dropped_at`` its rows are gone, ``ended_at`` its files too. Its name may
    be used again.
    """

    walled_by = "schema"
    owner_writes = True

    slug = models.CharField(_("adresse"), max_length=40)
    schema = models.CharField(_("schéma"), max_length=63)
    by = models.CharField(
        _("par"), max_length=40, blank=True
    )  # who ran the command, as the OS says
    began_at = models.DateTimeField(_("commencé le"))
    closed_at = models.DateTimeField(null=True)
    archive = models.CharField(_("archive"), max_length=300, blank=True)  # where it lies
    archive_sha256 = models.CharField(max_length=64, blank=True)
    dropped_at = models.DateTimeField(null=True)
    people = models.PositiveIntegerField(_("comptes supprimés"), default=0)
    files = models.PositiveIntegerField(_("fichiers supprimés"), default=0)
    ended_at = models.DateTimeField(_("terminé le"), null=True)

    class Meta:
        verbose_name = _("boutique effacée")
        verbose_name_plural = _("boutiques effacées")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["slug"], condition=Q(ended_at=None), name="one_open_erasure_per_name"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slug} {self.began_at:%Y-%m-%d}"
