"""Who follows a pass is told when it changed: claimed, committed, told outside any transaction,
written down.

However often a pass changed meanwhile, it is told once. A claim is a lease: who dies with it
leaves the follower due again when it ends.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from apps.core import due
from apps.core.jobs import enqueue
from apps.shops.models import Shop
from apps.wallet.followers import FOLLOWERS, Followers
from apps.wallet.models import Follower
from apps.wallet.providers.base import Answer, Told
from apps.wallet.services import TELL

logger = logging.getLogger(__name__)

DUE = "wallet"  # in the due-index
LEASE = timedelta(seconds=90)
BUDGET = 20.0  # seconds of a job; then another goes on
RESTS = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 3600))
MEND = timedelta(hours=1)  # keys that are refused are not mended sooner
MOST_TRIES = 48  # then a phone learns when its owner looks at the pass

_CLAIM = """
UPDATE {table} d SET due_at = %(until)s FROM (
    SELECT id FROM {table} WHERE due_at <= %(now)s
    ORDER BY hurried DESC, due_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
) mine WHERE d.id = mine.id RETURNING d.id, d.wanted
"""
# One whose pass changed again while it was told is due at once.
_KNOWS = """
UPDATE {table} d SET tries = 0, hurried = d.hurried AND d.wanted > told.tag,
    due_at = CASE WHEN d.wanted > told.tag THEN %s END
FROM unnest(%s::bigint[], %s::bigint[]) AS told (id, tag) WHERE d.id = told.id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """``tag`` is what it is told of; ``row`` may know of a later one by now."""

    row: Follower
    tag: int


def tell(shop: Shop) -> None:
    """Tell who is due in this shop, until nobody is or time is up."""
    end = time.monotonic() + BUDGET
    while any([_round(shop, some) for some in FOLLOWERS]):
        if time.monotonic() > end:
            enqueue(TELL, bulk=True)
            break
    if (moment := _next_moment()) is not None:
        due.note(DUE, moment)
    due.settle(DUE, _next_moment)


def _round(shop: Shop, some: Followers) -> bool:
    claimed = claim(some, timezone.now())
    if claimed:
        answers = some.ask(shop, [one.row for one in claimed], timezone.now())
        settle(some, claimed, answers, timezone.now())
    return bool(claimed)


def _next_moment() -> datetime | None:
    found = (some.rows().aggregate(first=Min("due_at"))["first"] for some in FOLLOWERS)
    return min((moment for moment in found if moment), default=None)


def claim(some: Followers, now: datetime) -> list[Claimed]:
    """A batch of who is due, ours until the lease ends."""
    statement = _CLAIM.format(table=some.table)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, {"until": now + LEASE, "now": now, "batch": some.batch})
        tags = dict(cursor.fetchall())
    rows = some.rows().filter(pk__in=tags) if tags else []
    return [Claimed(row, tags[row.pk]) for row in rows]


def settle(
    some: Followers, claimed: Sequence[Claimed], answers: Sequence[Answer], now: datetime
) -> None:
    """Write down what came of it."""
    pairs = list(zip(claimed, answers, strict=True))
    with transaction.atomic():
        _note_told(some, [one for one, answer in pairs if answer.told == Told.YES], now)
        for one, answer in pairs:
            if answer.told == Told.GONE:
                some.forget(one.row, answer.gone_at)
            elif answer.told != Told.YES:
                _try_again(some, one.row, answer, now)


def _note_told(some: Followers, told: Sequence[Claimed], now: datetime) -> None:
    if told:
        with connection.cursor() as cursor:
            numbers, tags = [one.row.pk for one in told], [one.tag for one in told]
            cursor.execute(_KNOWS.format(table=some.table), (now, numbers, tags))


def _try_again(some: Followers, row: Follower, answer: Answer, now: datetime) -> None:
    refused = answer.told == Told.REFUSED
    rest = MEND if refused else RESTS[min(row.tries, len(RESTS) - 1)]
    if refused:
        logger.error("%s %s refused: %s", some.table, row.pk, answer.reason)
    again = now + rest if row.tries < MOST_TRIES else None
    some.rows().filter(pk=row.pk).update(due_at=again, tries=row.tries + 1)
