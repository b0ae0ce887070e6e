"""The queue in PostgreSQL: django-q2's own table, taken from by lane and by shop in turn.

A row's ``key`` is its lane and its schema, ``0:shop_cave``; ``lock`` is the moment from which
it may be taken: later than now it is a delay, or the lease of the worker that has it in hand.
Each worker takes one job at a time by itself, so none holds anything another one waits for
(django-q2's own cluster passes jobs through pipes with a shared lock: kill -9 of the child
that holds it, and nobody works any more).

The table needs no wall between shops: it holds ids only, and the workers are its readers.
"""

import logging
import random
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.models import Failure, OrmQ
from django_q.signing import SignedPackage

from apps.core.models import JobTry
from apps.core.reading import write_later

logger = logging.getLogger(__name__)

TRIES = int(settings.Q_CLUSTER["max_attempts"])
LEASE = int(settings.Q_CLUSTER["retry"])  # seconds
# How long a failed job rests before its second, third, … try.
RESTS = tuple(timedelta(seconds=s) for s in (1, 5, 30, 120))
URGENT = "0:"
ORDINARY = "1:"

# Run by the owner after public was brought up. The keys are walked one by one: without the
# index by key each claim would read the whole backlog; without vacuum each would step over
# the dead rows of the jobs that were done.
PREPARE = """
CREATE INDEX IF NOT EXISTS core_queue_by_key ON public.django_q_ormq (key COLLATE "C", lock);
CREATE INDEX IF NOT EXISTS core_queue_by_lock ON public.django_q_ormq (lock);
ALTER TABLE public.django_q_ormq SET
    (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
     autovacuum_vacuum_cost_delay = 0)
"""

_DUE = "EXISTS (SELECT 1 FROM public.django_q_ormq WHERE lock <= statement_timestamp())"

# The keys that have something due: from each key to the next by the index, whatever the backlog.
_RING = f"""
WITH RECURSIVE ring (key) AS (
    (SELECT key COLLATE "C" FROM public.django_q_ormq WHERE {_DUE}
     ORDER BY key COLLATE "C" LIMIT 1)
  UNION ALL
    SELECT (SELECT q.key COLLATE "C" FROM public.django_q_ormq q
            WHERE q.key COLLATE "C" > ring.key ORDER BY q.key COLLATE "C" LIMIT 1)
    FROM ring WHERE ring.key IS NOT NULL
)
SELECT key FROM ring WHERE key IS NOT NULL AND EXISTS (
    SELECT 1 FROM public.django_q_ormq q
    WHERE q.key COLLATE "C" = ring.key AND q.lock <= statement_timestamp())
"""

# The try is counted before the job runs: one that kills its worker has had it all the same.
_TAKE = """
WITH due AS MATERIALIZED (
    SELECT id FROM public.django_q_ormq
    WHERE key COLLATE "C" = %(key)s AND lock <= statement_timestamp()
    ORDER BY key COLLATE "C", lock LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE public.django_q_ormq q
    SET lock = statement_timestamp() + make_interval(secs => %(lease)s)
    FROM due WHERE q.id = due.id RETURNING q.id, q.payload
), tried AS (
    INSERT INTO public.core_jobtry AS t (job_id, tries, worker, first_at, last_at, error)
    SELECT id, 1, %(worker)s, statement_timestamp(), statement_timestamp(), '' FROM taken
    ON CONFLICT (job_id) DO UPDATE
    SET tries = t.tries + 1, worker = excluded.worker, last_at = excluded.last_at
    RETURNING job_id, tries
)
SELECT taken.id, taken.payload, tried.tries FROM taken JOIN tried ON tried.job_id = taken.id
"""

_DONE = """
WITH tried AS (DELETE FROM public.core_jobtry WHERE job_id = %(job)s)
DELETE FROM public.django_q_ormq WHERE id = %(job)s
"""


def key_of(lane: int, schema: str) -> str:
    return f"{lane}:{schema}"


def schema_of(key: str) -> str:
    return key.partition(":")[2]


class Broker(ORM):
    """For django-q2's own scheduler: what it queues is ordinary work of the platform."""

    def enqueue(self, task: str) -> None:
        put(task, ORDINARY + "public")


def put(payload: str, key: str, at: datetime | None = None) -> None:
    """Write the job's row in the caller's transaction."""
    write_later(OrmQ(key=key, payload=payload, lock=at or timezone.now()))


@dataclass(frozen=True, slots=True)
class Job:
    """One job that this worker, and no other, has in hand until its lease ends."""

    id: int
    key: str
    payload: str
    tries: int


class Taker:
    """Takes jobs for one worker: by lane, and within a lane each shop in its turn."""

    def __init__(self, worker: str, *, urgent_only: bool = False) -> None:
        self.worker = worker
        self.urgent_only = urgent_only
        self._ring: deque[str] = deque()
        self._last: dict[str, str] = {}

    def look(self) -> None:
        """Learn who has something due. To be called now and then, not for each job: what
        came since waits for the next look."""
        with connection.cursor() as cursor:
            cursor.execute(_RING)
            keys = [key for (key,) in cursor.fetchall()]
        self._ring.clear()
        for lane in sorted({key[:2] for key in keys}):
            if self.urgent_only and lane != URGENT:
                break
            of_lane = [key for key in keys if key.startswith(lane)]
            last = self._last.get(lane) or random.choice(of_lane)  # noqa: S311
            # Who comes after the last one served begins: looking again skips nobody's turn.
            self._ring.extend([k for k in of_lane if k > last] + [k for k in of_lane if k <= last])

    def take(self) -> Job | None:
        """The next job, its try counted and committed; None when the ring is through."""
        while self._ring:
            key = self._ring[0]
            with connection.cursor() as cursor:
                cursor.execute(_TAKE, {"key": key, "lease": LEASE, "worker": self.worker})
                row = cursor.fetchone()
            if row is None:
                self._ring.popleft()
                continue
            self._turn(key)
            return Job(row[0], key, row[1], row[2])
        return None

    def _turn(self, key: str) -> None:
        """``key`` has been served: it goes behind the others of its lane."""
        lane = key[:2]
        self._last[lane] = key
        self._ring.popleft()
        others = sum(1 for other in self._ring if other.startswith(lane))
        self._ring.insert(others, key)


def others_wait(*mine: str, urgent: bool = False) -> bool:
    """Whether a job of another key than ``mine`` is due (an urgent one): a job that could go on
    for long makes way for it, and queues itself again."""
    due = OrmQ.objects.filter(lock__lte=timezone.now()).exclude(key__in=mine)
    if urgent:
        due = due.filter(key__startswith=URGENT)
    return due.exists()


def done(job: Job) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_DONE, {"job": job.id})


@transaction.atomic
def failed(job_id: int, worker: str, kind: str, *, for_good: bool = False) -> None:
    """The job's try ended badly: it rests and is tried again, or is buried after the last.

    Nothing happens when ``worker`` does not have it in hand any more (its lease had ended).
    """
    held = JobTry.objects.select_for_update().filter(job_id=job_id, worker=worker).first()
    row = OrmQ.objects.filter(pk=job_id).first()
    if held is None or row is None:
        JobTry.objects.filter(job_id=job_id, worker=worker).delete()
        return
    if for_good or held.tries >= TRIES:
        _bury(row, held, kind)
        return
    rest = RESTS[min(held.tries, len(RESTS)) - 1]
    OrmQ.objects.filter(pk=job_id).update(lock=timezone.now() + rest)
    JobTry.objects.filter(pk=held.pk).update(worker="", error=kind[:100])


def lost(worker: str, kind: str) -> None:
    """``worker`` is dead: what it had in hand counts as tried."""
    for job_id in JobTry.objects.filter(worker=worker).values_list("job_id", flat=True):
        logger.error("job %s lost its worker: %s", job_id, kind)
        failed(job_id, worker, kind)


@transaction.atomic
def put_back(workers: list[str]) -> None:
    """We stopped these workers ourselves: what they had in hand is due again, and untried."""
    held = list(JobTry.objects.select_for_update().filter(worker__in=workers))
    OrmQ.objects.filter(pk__in=[one.job_id for one in held]).update(lock=timezone.now())
    for one in held:
        JobTry.objects.filter(pk=one.pk).update(worker="", tries=max(0, one.tries - 1))


def _bury(row: OrmQ, held: JobTry, kind: str) -> None:
    """Out of the queue, into the list of dead jobs that staff read."""
    task: dict[str, Any] = row.task
    readable = "func" in task
    Failure.objects.create(
        id=str(task["id"]) if readable else uuid4().hex,
        name=str(task.get("name", ""))[:100],
        func=str(task["func"])[:256] if readable else "",
        args=task["args"] if readable else (schema_of(row.key),),
        kwargs=task["kwargs"] if readable else {"payload": row.payload},
        group=row.key,
        started=held.first_at,
        stopped=held.last_at,
        result=kind,
        success=False,
        attempt_count=held.tries,
    )
    row.delete()
    held.delete()
    logger.error("job %s given up after %s tries: %s", row.pk, held.tries, kind)


def revive(dead: Failure) -> None:
    """Queue a dead job again as it was, its tries counted from the first."""
    task = {
        "id": dead.id,
        "name": dead.name,
        "func": dead.func,
        "args": dead.args,
        "kwargs": dead.kwargs,
        "started": timezone.now(),
    }
    payload = SignedPackage.dumps(task) if dead.func else dead.kwargs["payload"]
    put(payload, dead.group or ORDINARY + "public")
    dead.delete()


def forget_tries() -> None:
    """Recurring: a try whose job was taken out by hand says nothing any more."""
    JobTry.objects.exclude(job_id__in=OrmQ.objects.values("pk")).delete()
