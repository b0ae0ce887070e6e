"""Rate limits kept in PostgreSQL: no other server, and all web processes count together."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import RateCounter
from apps.core.refusal import Refusal
from apps.core.tenancy import current_schema
from apps.core.tokens import keyed_hash


class TooMany(Refusal):
    message = _("Trop d’essais en peu de temps. Patientez un moment, puis réessayez.")
    status = 429


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` times per ``seconds`` for one ``name`` and subject."""

    name: str
    count: int
    seconds: int


_STEP = """step{n} AS (
INSERT INTO public.core_ratecounter AS c (key, ends_at, count)
SELECT %s, %s, 1 {after}
ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN c.ends_at <= %s THEN 1 ELSE c.count + 1 END,
  ends_at = CASE WHEN c.ends_at <= %s THEN EXCLUDED.ends_at ELSE c.ends_at END
RETURNING c.count <= %s AS within)"""


@cache
def _counting(steps: int) -> str:
    """Counts one step after the other, as far as the first that is over its limit."""
    afters = ["", *(f"FROM step{n} WHERE within" for n in range(steps - 1))]
    counted = ", ".join(_STEP.format(n=n, after=after) for n, after in enumerate(afters))
    told = " UNION ALL ".join(f"SELECT within FROM step{n}" for n in range(steps))
    return f"WITH {counted} {told}"


def first_over(*asked: tuple[Limit, str], now: datetime | None = None) -> Limit | None:
    """Count one more of each (limit, subject) in turn; the limit that stopped it, if one did.

    What comes after a spent limit is not counted: whoever is stopped by their own takes nothing
    of everybody's. One statement, safe under concurrency; no two of ``asked`` are the same. The
    schema is part of the key, so one shop's traffic never spends another's allowance.
    """
    now, schema = now or timezone.now(), current_schema()
    values: list[str | datetime | int] = []
    for limit, subject in asked:
        parts = ":".join([schema, limit.name, *([subject] if subject else [])])
        ends_at = now + timedelta(seconds=limit.seconds)
        values += [keyed_hash("rate", parts), ends_at, now, now, limit.count]
    with connection.cursor() as cursor:
        cursor.execute(_counting(len(asked)), values)
        within = sum(found for (found,) in cursor.fetchall())
    return asked[within][0] if within < len(asked) else None


def allowed(limit: Limit, *subject: object, now: datetime | None = None) -> bool:
    """Count one more; False when over the limit."""
    return first_over((limit, ":".join(map(str, subject))), now=now) is None


def spend(limit: Limit, *subject: object, now: datetime | None = None) -> None:
    """Like ``allowed``; raises ``TooMany``."""
    spend_each((limit, ":".join(map(str, subject))), now=now)


def spend_each(*asked: tuple[Limit, str], now: datetime | None = None) -> None:
    """Like ``first_over``; raises ``TooMany``."""
    if first_over(*asked, now=now):
        raise TooMany()


_ROOM = 1.1  # what leaves evenly may arrive less so
_TURN = """
INSERT INTO public.core_ratecounter AS c (key, ends_at, count)
VALUES (%(key)s, clock_timestamp() + %(gap)s * interval '1 second', 1)
ON CONFLICT (key) DO UPDATE
SET ends_at = greatest(c.ends_at, clock_timestamp()) + %(gap)s * interval '1 second'
RETURNING extract(epoch FROM ends_at - clock_timestamp()) - %(gap)s
"""


def turn(limit: Limit, *subject: object) -> float:
    """Take the next place in a line where ``limit`` is never passed, and tell in how many seconds
    it is. Places lie evenly apart, by the database's clock: whatever window the other side counts
    by, and however many processes stand in the line, it sees no more. Outside any transaction."""
    key = keyed_hash("rate", ":".join([current_schema(), limit.name, *map(str, subject)]))
    gap = _ROOM * limit.seconds / limit.count
    with connection.cursor() as cursor:
        cursor.execute(_TURN, {"key": key, "gap": gap})
        return max(0.0, float(cursor.fetchone()[0]))


def forget_old_counters() -> None:
    """Recurring: windows that ended say nothing any more."""
    RateCounter.objects.filter(ends_at__lt=timezone.now()).delete()
