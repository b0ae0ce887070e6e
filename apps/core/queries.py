"""How the work stands: who takes jobs, what waits and since when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Max, Min, QuerySet
from django.utils import timezone
from django_q.models import OrmQ

from apps.core.models import JobTry, WorkerProcess
from apps.core.queue import schema_of

# Workers beat every five seconds between jobs, and a job has its own limit.
SILENT_AFTER = timedelta(seconds=30)
LONGEST_JOB = timedelta(seconds=settings.Q_CLUSTER["timeout"] + 15)
WEDGED_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is due in one shop (or in ``public``) and lane."""

    schema: str
    lane: int
    jobs: int
    oldest: datetime


def living(now: datetime | None = None) -> QuerySet[WorkerProcess]:
    """The workers that were heard of lately, or have a job in hand that may still run."""
    now = now or timezone.now()
    running = JobTry.objects.filter(last_at__gt=now - LONGEST_JOB).exclude(worker="")
    heard = WorkerProcess.objects.filter(beat_at__gt=now - SILENT_AFTER)
    return heard | WorkerProcess.objects.filter(token__in=running.values("worker"))


def oldest_due(now: datetime | None = None) -> timedelta | None:
    """For how long the oldest job that is due has waited; None when nothing is due."""
    now = now or timezone.now()
    oldest = OrmQ.objects.filter(lock__lte=now).aggregate(at=Min("lock"))["at"]
    return now - oldest if oldest else None


def backlog(now: datetime | None = None) -> list[Backlog]:
    """What is due, the longest queue first."""
    due = OrmQ.objects.filter(lock__lte=now or timezone.now()).values_list("key")
    rows = due.annotate(n=Count("pk"), oldest=Min("lock")).order_by("-n", "key")
    return [Backlog(schema_of(key), int(key[:1]), n, oldest) for key, n, oldest in rows]


def wedged(now: datetime | None = None) -> bool:
    """Whether jobs have been due for a while and in that while no worker took any."""
    now = now or timezone.now()
    limit = now - WEDGED_AFTER
    if not OrmQ.objects.filter(lock__lt=limit).exists():
        return False
    if JobTry.objects.exclude(worker="").filter(last_at__gt=now - LONGEST_JOB).exists():
        return False
    last = WorkerProcess.objects.aggregate(at=Max("took_at"))["at"]
    return last is None or last < limit
