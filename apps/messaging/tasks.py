"""What the workers run for this room."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from django.utils import timezone

from apps.core.jobs import enqueue
from apps.core.tenancy import current_schema, in_schema
from apps.messaging import callbacks, outbox
from apps.messaging.models import Callback, Message, Status
from apps.messaging.outcome import NOT_STARTED, Outcome
from apps.messaging.providers import provider_of
from apps.messaging.providers.base import DeliveryFailed, DeliveryUncertain, Outgoing
from apps.shops.models import Shop

THREADS = 16
# Past this no new send begins: the slowest provider's timeouts still fit a job's minute.
NO_NEW_SEND_AFTER = 25.0

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


def _this_shop() -> Shop:
    return Shop.objects.get(schema_name=current_schema())


def _in_threads(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """HTTP and SMTP only in there: the threads never touch the database."""
    with ThreadPoolExecutor(min(THREADS, len(items) or 1)) as pool:
        return list(pool.map(work, items))


def drain() -> None:
    """Send one batch of this shop's outbox, then go to the queue's end while more is due."""
    shop = _this_shop()
    claims = outbox.claim(shop)
    outcomes = _in_threads(_Sender(), [claim.outgoing for claim in claims])
    outbox.record(zip((c.attempt_id for c in claims), outcomes, strict=True), shop)
    # Also after a batch of which nothing might leave: others wait behind it.
    if outbox.more_is_due():
        enqueue(drain)


class _Sender:
    """Sends until time is up; a channel that refuses everything is not asked again."""

    def __init__(self) -> None:
        self.stop_at = time.monotonic() + NO_NEW_SEND_AFTER
        self.refusing: set[str] = set()

    def __call__(self, message: Outgoing) -> Outcome:
        if time.monotonic() > self.stop_at or message.channel in self.refusing:
            return Outcome(Status.CANCELLED, NOT_STARTED)
        try:
            return Outcome.of(provider_of(message.channel).send(message))
        except DeliveryFailed as failure:
            if failure.quota:
                self.refusing.add(message.channel)
            return Outcome.of(failure)
        except DeliveryUncertain as doubt:
            return Outcome.of(doubt)
        except Exception:
            # A fault of ours in one message must not lose the news of the ninety-nine others.
            logger.exception("a send broke")
            return Outcome(Status.UNKNOWN, "no_answer")


def recover() -> None:
    """What a dead worker left: uncertain, then asked for at the provider, never sent again."""
    shop = _this_shop()
    stuck = outbox.give_up_stuck(shop)
    if not stuck:
        return
    found = _in_threads(
        lambda pair: provider_of(pair[0].outgoing.channel).look_up(pair[0].outgoing, pair[1]),
        stuck,
    )
    receipts = [
        (claim.attempt_id, Outcome.of(receipt))
        for (claim, _), receipt in zip(stuck, found, strict=True)
        if receipt
    ]
    outbox.record(receipts, shop)
    if len(stuck) == outbox.BATCH:
        enqueue(recover)


def apply_callback(callback_id: int) -> None:
    """A stored callback, understood."""
    callbacks.apply(callback_id, _this_shop())


def forget_old_callbacks(days: int = 90) -> None:
    """Recurring, in public: an event that was applied long ago proves nothing any more."""
    limit = timezone.now() - timedelta(days=days)
    for shop in Shop.objects.filter(closed_at=None):
        with in_schema(shop.schema_name):
            Callback.objects.filter(received_at__lt=limit).delete()


def sweep() -> None:
    """Recurring, in public: a drain for each shop that has something due or left hanging.

    The outbox wakes itself; this is the net under it (a queue that was emptied by hand).
    """
    for shop in Shop.objects.filter(closed_at=None):
        with in_schema(shop.schema_name):
            if Message.objects.due().exists():
                enqueue(drain)
            if outbox.something_is_stuck():
                enqueue(recover)
