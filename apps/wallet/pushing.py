"""Phones that are due are told: claimed, committed, told outside any transaction, written down.

However often a pass changed meanwhile, its phone is told once. A claim is a lease: who dies with
it leaves the phone due again when it ends.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from apps.core import due
from apps.core.jobs import enqueue
from apps.shops.models import Shop
from apps.wallet.identities import identity_for
from apps.wallet.models import Device
from apps.wallet.providers import pusher
from apps.wallet.providers.base import Answer, Told
from apps.wallet.services import TELL

logger = logging.getLogger(__name__)

DUE = "wallet"  # in the due-index
BATCH = 500
LEASE = timedelta(seconds=90)
BUDGET = 20.0  # seconds of a job; then another goes on
RESTS = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 3600))
MEND = timedelta(hours=1)  # keys that Apple refuses are not mended sooner
MOST_TRIES = 48  # then it learns when its owner looks at the pass

_CLAIM = """
UPDATE wallet_device d SET due_at = %(until)s FROM (
    SELECT id FROM wallet_device WHERE due_at <= %(now)s
    ORDER BY hurried DESC, due_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
) mine WHERE d.id = mine.id
RETURNING d.pass_type, d.id, d.push_token, d.wanted, d.tries
"""
# A phone whose pass changed again while it was told is due at once.
_KNOWS = """
UPDATE wallet_device d SET tries = 0, hurried = d.hurried AND d.wanted > told.tag,
    due_at = CASE WHEN d.wanted > told.tag THEN %s END
FROM unnest(%s::bigint[], %s::bigint[]) AS told (id, tag) WHERE d.id = told.id
"""


@dataclass(frozen=True, slots=True)
class _Claimed:
    pass_type: str
    device: int
    token: str
    wanted: int
    tries: int


def tell(shop: Shop) -> None:
    """Tell the phones of this shop that are due, until none is or time is up."""
    end = time.monotonic() + BUDGET
    while claimed := _claim(timezone.now()):
        for pass_type, some in groupby(claimed, key=lambda one: one.pass_type):
            mine = list(some)
            _settle(mine, _answers(shop, pass_type, mine), timezone.now())
        if time.monotonic() > end:
            enqueue(TELL, bulk=True)
            break
    if (moment := _next_moment()) is not None:
        due.note(DUE, moment)
    due.settle(DUE, _next_moment)


def _next_moment() -> datetime | None:
    found: datetime | None = Device.objects.aggregate(first=Min("due_at"))["first"]
    return found


def _claim(now: datetime) -> list[_Claimed]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"until": now + LEASE, "now": now, "batch": BATCH})
        return sorted((_Claimed(*row) for row in cursor.fetchall()), key=lambda one: one.pass_type)


def _answers(shop: Shop, pass_type: str, claimed: Sequence[_Claimed]) -> list[Answer]:
    identity = identity_for(shop, pass_type)
    if identity is None:
        return [Answer(Told.REFUSED, "no key")] * len(claimed)
    return pusher().push(identity, [one.token for one in claimed])


def _settle(claimed: Sequence[_Claimed], answers: Sequence[Answer], now: datetime) -> None:
    pairs = list(zip(claimed, answers, strict=True))
    with transaction.atomic():
        _note_told([one for one, answer in pairs if answer.told == Told.YES], now)
        for one, answer in pairs:
            if answer.told == Told.GONE:
                _forget(one, answer)
            elif answer.told != Told.YES:
                _try_again(one, answer, now)


def _note_told(told: Sequence[_Claimed], now: datetime) -> None:
    if told:
        with connection.cursor() as cursor:
            numbers, tags = [one.device for one in told], [one.wanted for one in told]
            cursor.execute(_KNOWS, (now, numbers, tags))


def _forget(one: _Claimed, answer: Answer) -> None:
    """The pass is on that phone no more. Registered again since, with a new token or after the
    moment Apple names, it stays."""
    gone = Device.objects.filter(pk=one.device, push_token=one.token)
    if answer.gone_at is not None:
        gone = gone.filter(registered_at__lte=answer.gone_at)
    if not gone.delete()[0]:
        Device.objects.filter(pk=one.device).update(due_at=None)


def _try_again(one: _Claimed, answer: Answer, now: datetime) -> None:
    refused = answer.told == Told.REFUSED
    rest = MEND if refused else RESTS[min(one.tries, len(RESTS) - 1)]
    if refused:
        logger.error("push of type %s refused: %s", one.pass_type, answer.reason)
    again = now + rest if one.tries < MOST_TRIES else None
    Device.objects.filter(pk=one.device).update(due_at=again, tries=one.tries + 1)
