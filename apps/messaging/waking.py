"""Who works off the outbox, and when: one drain for a moment, however many ask for it; and one
job for all the news that wait to be understood."""

from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from apps.core.jobs import enqueue
from apps.messaging.models import Kind, Wake

# Named, not imported: tasks stand above.
DRAIN = "apps.messaging.tasks.drain"
HURRY = "apps.messaging.tasks.hurry"
LISTEN = "apps.messaging.tasks.apply_callbacks"

_NOW = datetime(2000, 1, 1, tzinfo=UTC)  # « a drain is queued, and has not begun »
_NEWS = datetime(2999, 1, 1, tzinfo=UTC)  # « somebody will listen »: no drain takes it away
_STEP = 5  # seconds: moments this near are one
# So long the first news wait for others: a batch costs little more than one.
GATHER = timedelta(seconds=0.3)
_BELIEVED = timedelta(seconds=30)  # a mark older than that may stand for a job that was lost
_MARK = """
INSERT INTO messaging_wake AS old (at, asked_at) VALUES (%s, %s) ON CONFLICT (at) DO UPDATE
SET asked_at = CASE WHEN old.asked_at < %s THEN EXCLUDED.asked_at ELSE old.asked_at END
RETURNING asked_at = %s
"""
# As part of a statement that stores news: shared by as many as like, and who takes the mark away
# waits until all of them have committed.
HEARD_OF = "SELECT FROM {s}.messaging_wake WHERE at = %s AND asked_at > %s FOR KEY SHARE"


def wake(at: datetime | None = None) -> None:
    """A drain of this shop's outbox not before ``at``, or as soon as a worker is free.

    Inside the caller's transaction, whose rows the drain will see: it clears the mark first,
    and waits for whoever holds it.
    """
    now = timezone.now()
    moment = (
        _NOW if at is None else datetime.fromtimestamp(-(-at.timestamp() // _STEP) * _STEP, UTC)
    )
    with transaction.atomic(savepoint=False):
        if _marks(moment, now):
            enqueue(DRAIN, at=None if at is None else moment, bulk=True)


def _marks(moment: datetime, now: datetime) -> bool:
    """Whether nobody had, or was lost since: a job is then to be queued."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [moment, now, now - _BELIEVED, now])
        (is_new,) = cursor.fetchone()
    return bool(is_new)


def heard_of(now: datetime) -> list[datetime]:
    """The values of ``HEARD_OF``."""
    return [_NEWS, now - _BELIEVED]


def have_heard(now: datetime) -> None:
    """A job that listens to what this transaction stored, unless one will anyway."""
    if _marks(_NEWS, now):
        enqueue(LISTEN, at=now + GATHER)


def listening() -> None:
    """It begins: what is stored from here on needs another."""
    Wake.objects.filter(at=_NEWS).delete()


def wake_for(kind: str, at: datetime | None = None) -> None:
    """``wake`` for one message: somebody waits for a service message, nobody for an offer."""
    if kind == Kind.SERVICE:
        enqueue(HURRY, at=at, urgent=True)
    else:
        wake(at)


def awake(now: datetime) -> None:
    """A drain begins: who comes from here on needs another."""
    Wake.objects.filter(at__lte=now).delete()
