"""What the platform itself keeps: rate counters, Django's cache table, who works at what."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class RateCounter(models.Model):
    """How often something happened in a window; counted by one atomic upsert."""

    key = models.CharField(max_length=64, primary_key=True)  # a keyed hash: no address inside
    ends_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.key[:8]


class CacheRow(models.Model):
    """The table of Django's database cache, so that it is made with all the others."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "core_cache"

    def __str__(self) -> str:
        return self.cache_key


class JobTry(models.Model):
    """How often a queued job was tried, and which worker has it in hand (empty: none).

    Written before the job runs. No foreign key: the queue's table is django-q2's.
    """

    job_id = models.BigIntegerField(primary_key=True)
    tries = models.PositiveSmallIntegerField()
    worker = models.CharField(max_length=32, db_index=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    error = models.CharField(max_length=100)  # the last try's kind of error, never its text

    def __str__(self) -> str:
        return f"{self.job_id} × {self.tries}"


class WorkerProcess(models.Model):
    """A process that takes jobs, and when it was last heard of."""

    token = models.CharField(max_length=32, primary_key=True)
    host = models.CharField(_("machine"), max_length=255)
    pid = models.PositiveIntegerField(_("processus"))
    supervisor = models.PositiveIntegerField(_("surveillant"))
    is_express = models.BooleanField(_("urgences seulement"))
    started_at = models.DateTimeField(_("démarré"))
    beat_at = models.DateTimeField(_("dernier signe"))
    took_at = models.DateTimeField(_("dernier travail pris"), null=True)
    done = models.PositiveIntegerField(_("travaux finis"))
    memory_kb = models.PositiveIntegerField(_("mémoire (ko)"))

    class Meta:
        verbose_name = _("processus de travail")
        verbose_name_plural = _("processus de travail")

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class Due(models.Model):
    """When something of a shop is due by the clock (``core.due``): one row a shop and concern."""

    walled_by = "schema"

    schema = models.CharField(max_length=63)
    what = models.CharField(max_length=20)
    at = models.DateTimeField(null=True)  # empty: nothing
    asked_at = models.DateTimeField(null=True)  # a job was queued for it then, and has not ended

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["schema", "what"], name="one_due_moment_per_concern")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["what", "at"], condition=models.Q(at__isnull=False), name="due_by_moment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.schema}:{self.what}"
