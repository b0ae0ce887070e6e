"""Rate limits kept in PostgreSQL: no other server, and all web processes count together."""

from dataclasses import dataclass
from datetime import datetime, timedelta

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


_UPSERT = """
INSERT INTO public.core_ratecounter AS c (key, ends_at, count) VALUES (%s, %s, 1)
ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN c.ends_at <= %s THEN 1 ELSE c.count + 1 END,
  ends_at = CASE WHEN c.ends_at <= %s THEN EXCLUDED.ends_at ELSE c.ends_at END
RETURNING count
"""


def allowed(limit: Limit, *subject: object, now: datetime | None = None) -> bool:
    """Count one more; False when over the limit. Safe under concurrency (one statement).

    The schema is part of the key, so one shop's traffic never spends another's allowance.
    """
    now = now or timezone.now()
    parts = ":".join([current_schema(), limit.name, *map(str, subject)])
    ends_at = now + timedelta(seconds=limit.seconds)
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [keyed_hash("rate", parts), ends_at, now, now])
        (count,) = cursor.fetchone()
    return bool(count <= limit.count)


def spend(limit: Limit, *subject: object, now: datetime | None = None) -> None:
    """Like ``allowed``; raises ``TooMany``."""
    if not allowed(limit, *subject, now=now):
        raise TooMany()


def forget_old_counters() -> None:
    """Recurring: windows that ended say nothing any more."""
    RateCounter.objects.filter(ends_at__lt=timezone.now()).delete()
