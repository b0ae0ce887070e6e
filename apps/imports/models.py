"""A file on its way into the shop, and what became of each line. Shop's schema."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ImportState(models.TextChoices):
    DRAFT = "draft", _("à vérifier")
    RUNNING = "running", _("en cours")
    DONE = "done", _("terminé")
    DROPPED = "dropped", _("abandonné")


class ImportRun(models.Model):
    """One uploaded file of a ``kind`` (``config/intakes.py``).

    ``done`` lines are in; a worker that dies leaves the rest to the next. The file lies in the
    storage until the run ends. ``digest`` names its content: the same file again brings nothing
    twice.
    """

    names_files = ("file",)

    kind = models.CharField(max_length=10, default="people")
    state = models.CharField(max_length=7, choices=ImportState, default=ImportState.DRAFT)
    file = models.CharField(max_length=120, blank=True)  # storage name, empty once removed
    file_name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64)
    encoding = models.CharField(max_length=12)
    separator = models.CharField(max_length=1)
    header = models.BooleanField()
    mapping = models.JSONField(default=dict)  # field → column
    options = models.JSONField(default=dict)  # what holds for all lines, as its kind asks
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    actor_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    touched_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(done__lte=models.F("total")), name="import_done_within_total"
            )
        ]

    def __str__(self) -> str:
        return f"ImportRun {self.pk}"


class Fate(models.TextChoices):
    CREATED = "created", _("ajouté")
    UPDATED = "updated", _("complété")
    UNCHANGED = "same", _("inchangé")
    REFUSED = "refused", _("refusé")


class ImportLine(models.Model):
    """What became of one line: ids and codes, nothing of what it said."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="lines", db_index=False)
    number = models.PositiveIntegerField()  # as a spreadsheet counts, the header included
    fate = models.CharField(max_length=7, choices=Fate)
    reasons = models.CharField(max_length=120, blank=True)  # codes, comma-separated
    subject_id = models.BigIntegerField(null=True)  # the person or the product it became

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "number"], name="one_fate_per_line")
        ]
        indexes: ClassVar = [models.Index(fields=["run", "fate"], name="import_line_fate")]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.number}:{self.fate}"
