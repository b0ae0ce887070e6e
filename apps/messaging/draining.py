"""A drain: takes what is due, hands it to the provider, writes what came of it.

Threads do the HTTP and SMTP; this thread alone touches the database. While some tries are under
way others are claimed, so that no thread waits for a commit.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from apps.core.jobs import Lane
from apps.core.queue import key_of, others_wait
from apps.messaging import budget, outbox, reconciling
from apps.messaging.models import Kind, Status
from apps.messaging.outcome import NOT_STARTED, Outcome
from apps.messaging.providers import provider_of
from apps.messaging.providers.base import (
    NEVER_CAME,
    DeliveryFailed,
    DeliveryUncertain,
    Outgoing,
    Receipt,
)
from apps.messaging.waking import awake, wake
from apps.shops.models import Shop

THREADS = 32
HELD = 2 * THREADS  # tries claimed and not yet recorded: what a crash leaves in doubt at most
TURN = 1.0  # seconds that a drain has before it makes way for another shop's
BUDGET = 20.0  # seconds of claiming; with the slowest answers it fits a job's minute
BEGIN_WITHIN = 5.0  # seconds from claim to request: ``outbox.STUCK`` counts on it
LINGER = 0.1  # how long the first news waits for others to be written with
WRITE_BY = 50.0  # seconds from the beginning: so long a database that is away is waited for
GUARD_EVERY = 10.0

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """HTTP and SMTP only in there: the threads never touch the database."""
    with ThreadPoolExecutor(min(THREADS, len(items) or 1)) as pool:
        return list(pool.map(work, items))


def drain(shop: Shop, kinds: Sequence[str] = outbox.ALL) -> None:
    """Work off the outbox until nothing is due, time is up or another shop waits."""
    with transaction.atomic():
        now = timezone.now()
        awake(now)
        budget.look_again(shop, now)
        moment = outbox.next_moment(now)
        if outbox.more_is_due(shop, now) or (moment and moment <= now):
            _guard()
        elif moment:
            wake(moment)
    reconcile(shop)
    _Drain(shop, kinds).run()
    if outbox.more_is_due(shop):
        wake()
    elif moment := outbox.next_moment(timezone.now()):
        wake(moment)


def _guard() -> None:
    """Whatever dies in the next seconds: somebody looks at what it held."""
    wake(timezone.now() + outbox.STUCK + timedelta(seconds=GUARD_EVERY))


def reconcile(shop: Shop, now: datetime | None = None) -> None:
    """Ask the providers for the tries whose answer was lost."""
    while doubts := reconciling.take_doubts(shop, now):
        answers = list(zip(doubts, in_threads(reconciling.ask, doubts), strict=True))
        missing = [doubt for doubt, found in answers if found is NEVER_CAME]
        proven = [
            books
            for books in {doubt.books for doubt in missing}
            if (known := reconciling.witness([d for d in missing if d.books == books], shop))
            and isinstance(reconciling.ask(known), Receipt)
        ]
        reconciling.conclude(answers, proven, shop, now)


def hand_over(message: Outgoing) -> Outcome:
    """To its provider, and what came of it."""
    try:
        return Outcome.of(provider_of(message.channel).send(message))
    except (DeliveryFailed, DeliveryUncertain) as trouble:
        return Outcome.of(trouble)
    except Exception:
        # A fault of ours in one message must not lose the news of the others.
        logger.exception("a send broke")
        return Outcome(Status.UNKNOWN, "no_answer")


class _Drain:
    def __init__(self, shop: Shop, kinds: Sequence[str]) -> None:
        self.shop, self.kinds = shop, kinds
        lane = Lane.BULK if Kind.COMMERCIAL in kinds else Lane.URGENT
        self.key = key_of(lane, shop.schema_name)
        self.began = time.monotonic()
        self.guarded = self.began
        self.flying, self.took = 0, False
        self.landed: SimpleQueue[tuple[int, Outcome]] = SimpleQueue()
        self.refusing: set[str] = set()  # channels that refuse everything: not asked again

    def run(self) -> None:
        with ThreadPoolExecutor(THREADS, "send") as threads:
            try:
                while self._claim(threads) or self.flying:
                    self._record(self._gather())
            finally:
                # The database went away in the middle: what left is still to be written.
                while self.flying:
                    self._record(self._gather())

    def _claim(self, threads: ThreadPoolExecutor) -> bool:
        """Whether something was taken; the threads have it now."""
        room = HELD - self.flying
        if room < outbox.BATCH or self.refusing or not self._may_go_on():
            return False
        if time.monotonic() > self.guarded + GUARD_EVERY:
            self.guarded = time.monotonic()
            _guard()
        claims = outbox.claim(self.shop, kinds=self.kinds, many=room)
        begin_by = time.monotonic() + BEGIN_WITHIN
        for claim in claims:
            threads.submit(self._send, claim.attempt_id, claim.outgoing, begin_by)
        self.flying += len(claims)
        if not self.took and len(claims) == room:
            wake()  # a backlog: another worker may help, and goes on at once if this one dies
        self.took = True
        return bool(claims)

    def _may_go_on(self) -> bool:
        """Always a first batch; then as long as nobody else waits for this worker."""
        spent = time.monotonic() - self.began
        return not self.took or (spent < BUDGET and not others_wait(self.key, urgent=spent < TURN))

    def _send(self, attempt_id: int, message: Outgoing, begin_by: float) -> None:
        self.landed.put((attempt_id, self._outcome(message, begin_by)))

    def _outcome(self, message: Outgoing, begin_by: float) -> Outcome:
        if time.monotonic() > begin_by or message.channel in self.refusing:
            return Outcome(Status.CANCELLED, NOT_STARTED)
        outcome = hand_over(message)
        if outcome.quota:
            self.refusing.add(message.channel)
        return outcome

    def _gather(self) -> list[tuple[int, Outcome]]:
        """The news that came, a batch at most; waits for the first."""
        news = [self.landed.get()]
        until = time.monotonic() + LINGER
        while len(news) < min(outbox.BATCH, self.flying):
            try:
                news.append(self.landed.get(timeout=max(0.0, until - time.monotonic())))
            except Empty:
                break
        return news

    def _record(self, news: Sequence[tuple[int, Outcome]]) -> None:
        """Write the news, also to a database that was away for a moment."""
        self.flying -= len(news)
        while True:
            try:
                outbox.record(news, self.shop)
                return
            except (DatabaseError, InterfaceError):
                if connection.in_atomic_block or time.monotonic() > self.began + WRITE_BY:
                    raise
                logger.warning("the database is away; the news waits")
                connection.close()
                time.sleep(0.5)
