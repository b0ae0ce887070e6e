"""The due-index: which shops have something to do by the clock, known without opening any.

Each shop's own transactions keep its row (``note``, ``settle``), behind the wall of its schema;
the sweep in public reads the rows of all by one index and queues a job where a moment has come.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from apps.core.jobs import enqueue
from apps.core.models import Due
from apps.core.tenancy import across_shops, current_schema, database, in_schema

# A job that was queued for a moment and has not ended by then was lost.
LOST_AFTER = timedelta(minutes=10)

_NOTE = """
INSERT INTO public.core_due AS old (schema, what, at) SELECT %s, %s, %s {where}
ON CONFLICT (schema, what) DO UPDATE SET at = least(old.at, EXCLUDED.at)
WHERE old.at IS NULL OR old.at > EXCLUDED.at
"""
_TAKE = """
UPDATE public.core_due SET asked_at = %(now)s
WHERE what = %(what)s AND at <= %(now)s AND (asked_at IS NULL OR asked_at < %(lost)s)
RETURNING schema
"""


def note(what: str, at: datetime) -> None:
    """Something of this shop is due at ``at``, or sooner as was known; with the caller's commit."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE.format(where=""), [current_schema(), what, at])


def note_later(what: str, at: datetime, where: str = "") -> None:
    """Like ``note``, with this transaction's next statement, or with its COMMIT; only ``where``
    that SQL finds it so. Between two of one name there must be a statement."""
    database().write_later(_NOTE.format(where=where), [current_schema(), what, at])


@transaction.atomic
def settle(what: str, next_moment: Callable[[], datetime | None]) -> None:
    """What was due is done: ``next_moment`` says when there is more. Under the row's lock, so
    that who notes an earlier moment meanwhile waits and is heard after."""
    row = Due.objects.select_for_update().filter(schema=current_schema(), what=what).first()
    if row is not None:
        row.at, row.asked_at = next_moment(), None
        row.save(update_fields=["at", "asked_at"])


def take(what: str, now: datetime) -> list[str]:
    """In public: the schemas whose moment has come, each once until it settles or is lost."""
    with across_shops(), connection.cursor() as cursor:
        cursor.execute(_TAKE, {"what": what, "now": now, "lost": now - LOST_AFTER})
        return sorted(schema for (schema,) in cursor.fetchall())


def look(what: str, task: Callable[[], object], *, bulk: bool = False) -> None:
    """In public: a job for each shop in which ``what`` is due; the others are not opened."""
    for schema in take(what, timezone.now()):
        with in_schema(schema):
            enqueue(task, bulk=bulk)
