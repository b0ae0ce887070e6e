"""One worker process: takes a job, runs it, notes it, until it is told to stop.

It claims by itself and shares nothing with its neighbours but the database: whichever of them
is killed at whatever moment, the others go on. ``core.supervisor`` starts and watches it.
"""

import logging
import os
import random
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Protocol
from uuid import uuid4

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.scheduler import scheduler
from django_q.signing import SignedPackage

from apps.core import queue
from apps.core.jobs import JobFailed
from apps.core.models import WorkerProcess
from apps.core.queries import WEDGED_AFTER, wedged
from apps.core.tenancy import use_public

logger = logging.getLogger(__name__)

POLL = float(settings.Q_CLUSTER["poll"])
TIMEOUT = float(settings.Q_CLUSTER["timeout"])
BEAT = 5.0  # seconds between two heartbeats, and between two looks at the schedules
WEDGED = 75  # the exit code by which a worker says that nobody takes what is due
FORGOTTEN_AFTER = timedelta(minutes=10)


class Pulse(Protocol):
    """What the supervisor sees of a worker, without the database."""

    def beat(self) -> None: ...
    def busy(self, busy: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Predecessor:
    """Who sat in this place before, and how it ended; its job is settled by who comes after."""

    token: str
    kind: str


def resident_kb() -> int:
    """What this process holds in memory now (its peak, where only that is known)."""
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


class Worker:
    def __init__(
        self, token: str, pulse: Pulse, *, express: bool, before: Predecessor | None = None
    ) -> None:
        self.token, self.pulse, self.express, self.before = token, pulse, express, before
        self.parent = os.getppid()
        self.taker = queue.Taker(token, urgent_only=express)
        self.started_at = timezone.now()
        self.took_at = None if before else self.started_at
        self.done = 0
        self.stopping = False
        self.next_beat = 0.0

    def stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True

    def serve(self) -> int:
        """Work until told to stop, orphaned, or due for renewal; returns the exit code."""
        signal.signal(signal.SIGTERM, self.stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        if self.before:
            token, kind = self.before.token, self.before.kind
            self._surely(lambda: queue.lost(token, kind))
        code = 0
        while not code and not self._over():
            self.pulse.beat()
            try:
                code = self._chores()
                self._round()
            except DatabaseError:
                # Away for a moment, or killed: what we held is ours still, and we ask again.
                logger.warning("the database does not answer", exc_info=True)
                connection.close()
                self._rest(1.0)
        self._surely(self._sign_off, patience=2.0)
        return code

    def _over(self) -> bool:
        spent = self.done >= settings.WORKER_JOBS
        return self.stopping or spent or self._fat() or os.getppid() != self.parent

    def _fat(self) -> bool:
        return resident_kb() > settings.WORKER_MEMORY_MB * 1024

    def _rest(self, seconds: float = POLL) -> None:
        time.sleep(seconds * random.uniform(0.5, 1.5))  # noqa: S311  # not all at once

    def _round(self) -> None:
        """What is due, in turn; looks anew for what came since after each poll's time."""
        self.taker.look()
        end = time.monotonic() + POLL
        took = False
        while not self._over() and time.monotonic() < end and (job := self.taker.take()):
            took = True
            self._perform(job)
        if not took:
            self._rest()

    def _perform(self, job: queue.Job) -> None:
        self.took_at = timezone.now()
        self.pulse.busy(True)
        # The kernel ends us when time is up, whatever we are stuck in: no handler.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, TIMEOUT)
        error, for_good = "", False
        try:
            if job.tries > queue.TRIES:
                error, for_good = "lease", True  # it took whole machines with it
            else:
                _run(job)
        except Unreadable:
            error, for_good = "unreadable", True
        except JobFailed as failure:
            error = str(failure)
        except Exception as failure:  # whatever a job raises ends the job, not the worker
            logger.exception("job failed")
            error = type(failure).__name__
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            if connection.connection is not None and not connection.autocommit:
                connection.in_atomic_block = False  # a job left a transaction open:
                connection.close()  # nothing of it stays
            self.pulse.busy(False)
        if error:
            self._surely(lambda: queue.failed(job.id, self.token, error, for_good=for_good))
        else:
            self._surely(lambda: queue.done(job))
        self.done += 1

    def _surely(self, note: Callable[[], None], patience: float = 60.0) -> None:
        """``note`` written, also when the database is away for a while; after ``patience``
        the job's lease must do."""
        end = time.monotonic() + patience
        while True:
            self.pulse.beat()
            try:
                use_public()
                note()
                return
            except DatabaseError:
                connection.close()
                if time.monotonic() > end or os.getppid() != self.parent:
                    logger.warning("a note could not be written", exc_info=True)
                    return
                self._rest()

    def _chores(self) -> int:
        """Every few seconds: the heartbeat, old connections, and for the express the clock."""
        if time.monotonic() < self.next_beat:
            return 0
        self.next_beat = time.monotonic() + BEAT
        connection.close_if_unusable_or_obsolete()
        use_public()
        self._sign()
        if not self.express:
            return 0
        scheduler()
        WorkerProcess.objects.filter(beat_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()
        if timezone.now() - self.started_at > WEDGED_AFTER and wedged():
            logger.critical("jobs are due and nobody takes them")
            return WEDGED
        return 0

    def _sign(self) -> None:
        seen: dict[str, Any] = {
            "host": socket.gethostname()[:255],
            "pid": os.getpid(),
            "supervisor": self.parent,
            "is_express": self.express,
            "started_at": self.started_at,
            "beat_at": timezone.now(),
            "took_at": self.took_at,
            "done": self.done,
            "memory_kb": resident_kb(),
        }
        WorkerProcess.objects.update_or_create(token=self.token, defaults=seen)

    def _sign_off(self) -> None:
        WorkerProcess.objects.filter(token=self.token).delete()


class Unreadable(Exception):
    """The payload says nothing any more: another key signed it, or a class it names is gone."""


def _run(job: queue.Job) -> None:
    try:
        task = SignedPackage.loads(job.payload)
        func, args, kwargs = task["func"], task["args"], task["kwargs"]
    except Exception as error:  # a pickle may raise anything
        raise Unreadable from error
    import_string(func)(*args, **kwargs)


def new_token() -> str:
    return uuid4().hex
