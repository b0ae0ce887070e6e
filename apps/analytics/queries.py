"""What the owner's home says: the days before today as counted this morning, and now itself.

Undone stamps are no visits.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.analytics.models import Morning
from apps.analytics.mornings import (
    ABSENT_DAYS,
    LOST_DAYS,
    REGULAR_VISITS,
    WEEKS,
    count,
    first_monday,
    midnight,
    morning,
)
from apps.core.reading import one


@dataclass(frozen=True, slots=True)
class Week:
    """``start`` is the Monday; ``visits`` counts stamps that stand."""

    start: date
    visits: int


@dataclass(frozen=True, slots=True)
class Home:
    """The figures of the home screen, each with what it was before.

    ``returned`` of ``seen`` people came back within 60 days of a visit in the month that ended
    60 days ago; ``*_before`` is the month before that one. ``at_risk``: regulars who have not
    come for ``ABSENT_DAYS`` (and not longer than ``LOST_DAYS``), whose median rhythm was
    ``rhythm_days``; ``newly_at_risk`` of them crossed that line this week. ``usual_week`` is
    the mean of the four weeks before this one, each up to the same hour of the same day.
    """

    version: str  # see ``version``
    people: bool  # whether anybody is known
    pending: int
    active: int
    active_before: int
    seen: int
    returned: int
    seen_before: int
    returned_before: int
    at_risk: int
    newly_at_risk: int
    rhythm_days: int
    redeemed: int
    redeemed_before: int
    ready_people: int
    alerts: int
    boxes: int
    boxes_ready: int
    this_week: int
    usual_week: float
    weeks: tuple[Week, ...]

    @property
    def has_visits(self) -> bool:
        return any(week.visits for week in self.weeks)


# Sums grow with every new row, also with one whose transaction ends after that of a later one,
# as a highest number would not; thirty-two counters are more than any shop has.
_NEWEST = "(SELECT sum(id) FROM (SELECT id FROM {} ORDER BY id DESC LIMIT 32) newest)"
_TABLES = ("loyalty_movement", "loyalty_redemption", "contacts_contact")
_VERSION = f"concat_ws('.', {', '.join(map(_NEWEST.format, _TABLES))})"
_NOW = f"""
WITH risk AS (
  SELECT last_visit_at > %(newly)s AS newly FROM contacts_contact
  WHERE merged_into_id IS NULL AND visits >= %(regular)s
    AND last_visit_at < %(absent)s AND last_visit_at >= %(lost)s
), box AS (
  SELECT b.state FROM club_box b JOIN club_period p ON p.id = b.period_id
  JOIN club_member m ON m.id = b.member_id
  WHERE b.round_id = ANY (ARRAY(
      SELECT id FROM club_round WHERE closed_at IS NULL AND chosen_at IS NOT NULL))
    AND (b.state IN ('packed', 'handed', 'shipped')
      OR b.state = 'open' AND p.state = 'paid' AND m.state NOT IN ('late', 'paused'))
)
SELECT
  {_VERSION} AS version,
  EXISTS (
    SELECT FROM loyalty_movement m LEFT JOIN loyalty_movement u ON u.id = m.undoes_id
    WHERE m.id > %(last_movement)s
      AND (m.kind = 'earn' AND m.at < %(midnight)s OR m.kind = 'undo' AND u.at < %(midnight)s)
  ) AS late,
  EXISTS (SELECT FROM contacts_contact WHERE merged_into_id IS NULL) AS people,
  (SELECT count(*) FROM contacts_contact WHERE merged_into_id IS NULL
    AND (sms_consent = 'pending' OR email_consent = 'pending')) AS pending,
  (SELECT count(*) FROM contacts_contact WHERE merged_into_id IS NULL
    AND last_visit_at >= %(month)s) AS active,
  (SELECT count(*) FROM risk) AS at_risk,
  (SELECT count(*) FROM risk WHERE newly) AS newly_at_risk,
  (SELECT count(*) FROM loyalty_redemption WHERE at >= %(month_start)s AND at < %(now)s)
    AS redeemed,
  (SELECT count(*) FROM loyalty_redemption WHERE at >= %(last_month)s AND at < %(last_until)s)
    AS redeemed_before,
  (SELECT count(*) FROM loyalty_card WHERE rewards_ready > 0) AS ready_people,
  (SELECT count(*) FROM messaging_alert WHERE dismissed_at IS NULL) AS alerts,
  (SELECT count(*) FROM box) AS boxes,
  (SELECT count(*) FROM box WHERE state <> 'open') AS boxes_ready,
  ARRAY(SELECT (SELECT count(*) FROM loyalty_movement m
      WHERE m.kind = 'earn' AND m.at >= spans.start AND m.at < spans.stop
        AND NOT EXISTS (SELECT FROM loyalty_movement u WHERE u.undoes_id = m.id))
    FROM unnest(%(starts)s::timestamptz[], %(stops)s::timestamptz[]) WITH ORDINALITY
      AS spans (start, stop, turn) ORDER BY turn) AS so_far
"""


def version(_of: int = 0) -> str:
    """Another text after each stamp, undo, hand-over and new person: what the home may show."""
    row = one(f"SELECT {_VERSION}", [])
    return str(row[0]) if row else ""


def _month_bounds(now: datetime) -> tuple[datetime, datetime, datetime]:
    """This month's first instant, last month's, and last month's twin of ``now``."""
    here = timezone.localtime(now)
    start = here.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last_day = start - timedelta(days=1)
    last_start = last_day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    twin = min(last_start + (here - start), start)
    return start, last_start, twin


def home(now: datetime) -> Home:
    """All figures of the home at ``now``: two statements, one more at the first look of the day."""
    today = timezone.localdate(now)
    past = morning(today)
    row = _now(past, now)
    if row.pop("late"):  # a till or a phone brought visits of days that had been counted
        past = count(today)
        row = _now(past, now)
        row.pop("late")
    figures = dict(past.figures)
    by_day, (so_far, *same_days) = figures.pop("by_day"), row.pop("so_far")
    monday, weekday = today - timedelta(days=today.weekday()), today.weekday()

    def visits(start: date, days: int) -> int:
        return sum(by_day.get(str(start + timedelta(days=n)), 0) for n in range(days))

    starts = [first_monday(today) + timedelta(weeks=n) for n in range(WEEKS)]
    weeks = [Week(start, visits(start, 7)) for start in starts[:-1]]
    weeks.append(Week(monday, visits(monday, weekday) + so_far))
    usual = sum(same_days) + sum(visits(start, weekday) for start in starts[-5:-1])
    return Home(
        weeks=tuple(weeks), this_week=weeks[-1].visits, usual_week=usual / 4, **figures, **row
    )


def _now(past: Morning, now: datetime) -> dict[str, Any]:
    """What may change at any moment, and whether ``past`` has been overtaken (``late``)."""
    month_start, last_month, last_until = _month_bounds(now)
    today, here = past.day, timezone.localtime(now)
    same_days = [today - timedelta(weeks=n) for n in range(5)]
    asked: dict[str, Any] = {
        "now": now,
        "last_movement": past.last_movement,
        "midnight": midnight(today),
        "month": now - timedelta(days=30),
        "month_start": month_start,
        "last_month": last_month,
        "last_until": last_until,
        "regular": REGULAR_VISITS,
        "absent": now - timedelta(days=ABSENT_DAYS),
        "newly": now - timedelta(days=ABSENT_DAYS + 7),
        "lost": now - timedelta(days=LOST_DAYS),
        "starts": [midnight(day) for day in same_days],
        "stops": [datetime.combine(day, here.time(), here.tzinfo) for day in same_days],
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOW, asked)
        names = [column.name for column in cursor.description or ()]
        return dict(zip(names, cursor.fetchone() or (), strict=True))
