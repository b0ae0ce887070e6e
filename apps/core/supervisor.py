"""Keeps the workers alive: forks them, hears their pulse, replaces what died or froze.

It never speaks to the database and never waits for anything, so that nothing can freeze it:
workers tell their pulse through shared memory. Each has one place; who comes into a place
settles what its predecessor had in hand (``core.queue.lost``).
"""

import ctypes
import gc
import logging
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, connections

from apps.core import queue
from apps.core.worker import TIMEOUT, WEDGED, Predecessor, Worker, new_token

logger = logging.getLogger(__name__)

TICK = 0.1
FROZEN_AFTER = 20.0  # seconds without a pulse, while no job runs
OVERDUE_AFTER = TIMEOUT + 5  # a job's own alarm comes first
SLOWEST_RESTART = 30.0
_PULSE = struct.Struct("dd")
_PR_SET_PDEATHSIG = 1


class Place:
    """Where one worker sits: its number, its pulse in shared memory, who sat here before."""

    def __init__(self, express: bool) -> None:
        self.express = express
        self.memory = mmap.mmap(-1, _PULSE.size)
        self.pid = 0
        self.token = ""
        self.before: Predecessor | None = None
        self.started = 0.0
        self.not_before = 0.0
        self.quick_deaths = 0

    # The worker's side.
    def beat(self) -> None:
        _, busy = _PULSE.unpack_from(self.memory)
        _PULSE.pack_into(self.memory, 0, time.monotonic(), busy)

    def busy(self, busy: bool) -> None:
        now = time.monotonic()
        _PULSE.pack_into(self.memory, 0, now, now if busy else 0.0)

    # The supervisor's side.
    def is_busy(self) -> bool:
        return bool(_PULSE.unpack_from(self.memory)[1])

    def frozen(self) -> bool:
        beat, busy = _PULSE.unpack_from(self.memory)
        now = time.monotonic()
        return now - busy > OVERDUE_AFTER if busy else now - beat > FROZEN_AFTER


class Supervisor:
    """``workers`` for everything, and one more that takes urgent jobs alone: a code to sign in
    with never waits for the end of an import."""

    def __init__(self, workers: int, grace: float) -> None:
        self.grace = grace
        self.stopping = False
        self.places = [Place(express=n == 0) for n in range(workers + 1)]

    def stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True

    def run(self) -> None:
        """Until SIGTERM or SIGINT; then what is in hand is finished within the grace, the rest
        put back, and no process is left."""
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self.stop)
        connections.close_all()  # two processes must not share one
        gc.collect()
        gc.freeze()  # what is loaded stays shared between the workers
        while not self.stopping:
            for place in self.places:
                self._tend(place)
            time.sleep(TICK)
        self._stop_all(self.grace)

    def _tend(self, place: Place) -> None:
        if place.pid:
            code = self._reaped(place)
            if code == WEDGED:
                logger.critical("wedged: all workers are started anew")
                self._stop_all(grace=2.0)
            elif place.pid and place.frozen():
                logger.error("worker %s is frozen: killed", place.pid)
                self._kill(place)
        elif time.monotonic() >= place.not_before:
            self._start(place)

    def _start(self, place: Place) -> None:
        place.token, place.started = new_token(), time.monotonic()
        place.busy(False)
        parent = os.getpid()
        # A SIGTERM that comes before the worker listens waits for it (``Worker.serve``).
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        pid = os.fork()
        if not pid:
            _become_worker(place, parent)
        place.pid = pid
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def _reaped(self, place: Place) -> int | None:
        """Its exit code if the worker of this place has ended: negative, a signal."""
        pid, status = os.waitpid(place.pid, os.WNOHANG)
        if not pid:
            return None
        code = os.waitstatus_to_exitcode(status)
        place.pid = 0
        place.before = Predecessor(place.token, _kind(code)) if code else None
        # A job that kills its worker is counted by its tries; who dies idle, and soon, would
        # only die again.
        idle, lived = not place.is_busy(), time.monotonic() - place.started
        place.quick_deaths = place.quick_deaths + 1 if code and idle and lived < 5 else 0
        wait = min(SLOWEST_RESTART, 0.1 * 2**place.quick_deaths) if place.quick_deaths else 0.0
        place.not_before = time.monotonic() + wait
        if code:
            logger.error("a worker ended: %s", _kind(code))
        return code

    def _kill(self, place: Place) -> None:
        with suppress(ProcessLookupError):
            os.kill(place.pid, signal.SIGKILL)

    def _stop_all(self, grace: float) -> None:
        """SIGTERM to all, SIGKILL to what is left after ``grace``; their jobs are put back."""
        for place in self._sitting():
            os.kill(place.pid, signal.SIGTERM)
        end = time.monotonic() + grace
        while time.monotonic() < end and any(self._sitting()):
            for place in self._sitting():
                self._reaped(place)
            time.sleep(TICK / 4)
        killed = list(self._sitting())
        for place in killed:
            self._kill(place)
            os.waitpid(place.pid, 0)
            place.pid, place.before = 0, None
        if killed:
            _put_back([place.token for place in killed])

    def _sitting(self) -> Iterator[Place]:
        return (place for place in self.places if place.pid)


def _kind(code: int) -> str:
    """How a worker ended, in a word for the list of dead jobs."""
    if code == -signal.SIGALRM:
        return "timeout"
    return f"signal {-code}" if code < 0 else f"exit {code}"


def _put_back(tokens: list[str]) -> None:
    """The only connection the supervisor ever opens, with nobody left to inherit it."""
    try:
        queue.put_back(tokens)
    except DatabaseError:
        logger.warning("jobs could not be put back: their lease will", exc_info=True)
    finally:
        connection.close()


def _become_worker(place: Place, parent: int) -> None:
    """Never returns: whatever happens in here ends with the process."""
    code = 1
    try:
        for sign in (signal.SIGINT, signal.SIGHUP):
            signal.signal(sign, signal.SIG_IGN)  # Ctrl-C is the supervisor's to hear
        _die_with(parent)
        code = Worker(place.token, place, express=place.express, before=place.before).serve()
    except Exception:  # the traceback in our log, then the exit code
        logger.exception("a worker broke")
    finally:
        logging.shutdown()
        os._exit(code)


def _die_with(parent: int) -> None:
    """Whoever loses the supervisor finishes its job and leaves (elsewhere than on Linux the
    worker sees by itself that its parent has changed)."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(0)


def from_settings() -> Supervisor:
    return Supervisor(int(settings.Q_CLUSTER["workers"]), float(settings.WORKER_GRACE))
