"""What the owner's home says, read in one statement. Undone stamps are no visits."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.utils import timezone

WEEKS = 12
REGULAR_VISITS = 3  # from the third visit on, a person is a regular
ABSENT_DAYS, LOST_DAYS = 45, 180


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

    people: int
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
    ready_rewards: int
    alerts: int
    this_week: int
    usual_week: float
    weeks: tuple[Week, ...]

    @property
    def has_visits(self) -> bool:
        return any(week.visits for week in self.weeks)


_HOME = """
WITH visit AS (
  SELECT m.card_id, m.at, (m.at AT TIME ZONE %(zone)s) AS here
  FROM loyalty_movement m
  WHERE m.kind = 'earn' AND m.at >= %(year)s AND m.at < %(now)s
    AND NOT EXISTS (SELECT 1 FROM loyalty_movement u WHERE u.undoes_id = m.id)
), clock AS (
  SELECT n AS here, date_trunc('week', n) AS monday
  FROM (SELECT %(now)s::timestamptz AT TIME ZONE %(zone)s AS n) AS local
), day AS (
  SELECT card_id, day, lead(day) OVER (PARTITION BY card_id ORDER BY day) - day AS gap
  FROM (SELECT DISTINCT card_id, here::date AS day FROM visit) AS one_a_day
), cohort AS (
  SELECT DISTINCT ON (card_id, earlier) earlier, coalesce(gap <= 60, false) AS came_back
  FROM (SELECT card_id, day, gap, day < %(today)s::date - 90 AS earlier FROM day
        WHERE day >= %(today)s::date - 120 AND day < %(today)s::date - 60) AS window_days
  ORDER BY card_id, earlier, day
), risk AS (
  SELECT p.last_visit_at > %(newly)s AS newly,
    (max(d.day) - min(d.day))::float / greatest(count(*) - 1, 1) AS rhythm
  FROM contacts_contact p JOIN loyalty_card c ON c.contact_id = p.id
  LEFT JOIN day d ON d.card_id = c.id
  WHERE p.merged_into_id IS NULL AND p.visits >= %(regular)s
    AND p.last_visit_at < %(absent)s AND p.last_visit_at >= %(lost)s
  GROUP BY p.id
), week AS (
  SELECT (clock.monday::date - date_trunc('week', v.here)::date) / 7 AS ago,
    count(*) AS visits,
    count(*) FILTER (
      WHERE v.here - date_trunc('week', v.here) < clock.here - clock.monday) AS so_far
  FROM visit v CROSS JOIN clock GROUP BY 1
)
SELECT
  (SELECT count(*) FROM contacts_contact WHERE merged_into_id IS NULL) AS people,
  (SELECT count(*) FROM contacts_contact WHERE merged_into_id IS NULL
    AND 'pending' IN (sms_consent, email_consent)) AS pending,
  (SELECT count(DISTINCT card_id) FROM visit WHERE at >= %(month)s) AS active,
  (SELECT count(DISTINCT card_id) FROM visit WHERE at >= %(two_months)s AND at < %(month)s)
    AS active_before,
  (SELECT count(*) FROM cohort WHERE NOT earlier) AS seen,
  (SELECT count(*) FROM cohort WHERE NOT earlier AND came_back) AS returned,
  (SELECT count(*) FROM cohort WHERE earlier) AS seen_before,
  (SELECT count(*) FROM cohort WHERE earlier AND came_back) AS returned_before,
  (SELECT count(*) FROM risk) AS at_risk,
  (SELECT count(*) FROM risk WHERE newly) AS newly_at_risk,
  (SELECT coalesce(round(percentile_cont(0.5) WITHIN GROUP (ORDER BY rhythm)), 0)::int
    FROM risk) AS rhythm_days,
  (SELECT count(*) FROM loyalty_redemption WHERE at >= %(month_start)s AND at < %(now)s)
    AS redeemed,
  (SELECT count(*) FROM loyalty_redemption WHERE at >= %(last_month)s AND at < %(last_until)s)
    AS redeemed_before,
  (SELECT count(*) FROM loyalty_card WHERE rewards_ready > 0) AS ready_people,
  (SELECT coalesce(sum(rewards_ready), 0) FROM loyalty_card WHERE rewards_ready > 0)
    AS ready_rewards,
  (SELECT count(*) FROM messaging_alert WHERE dismissed_at IS NULL) AS alerts,
  (SELECT coalesce(sum(visits), 0) FROM week WHERE ago = 0) AS this_week,
  (SELECT coalesce(sum(so_far), 0) / 4.0 FROM week WHERE ago BETWEEN 1 AND 4) AS usual_week,
  (SELECT coalesce(json_object_agg(ago, visits), '{}') FROM week WHERE ago < %(weeks)s) AS by_week
"""


def _month_bounds(now: datetime) -> tuple[datetime, datetime, datetime]:
    """This month's first instant, last month's, and last month's twin of ``now``."""
    here = timezone.localtime(now)
    start = here.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last_day = start - timedelta(days=1)
    last_start = last_day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    twin = min(last_start + (here - start), start)
    return start, last_start, twin


def home(now: datetime) -> Home:
    """All figures of the home at ``now``, in one statement."""
    month_start, last_month, last_until = _month_bounds(now)
    today = timezone.localdate(now)
    with connection.cursor() as cursor:
        cursor.execute(
            _HOME,
            {
                "zone": timezone.get_current_timezone_name(),
                "now": now,
                "today": today,
                "year": now - timedelta(days=372),
                "month": now - timedelta(days=30),
                "two_months": now - timedelta(days=60),
                "month_start": month_start,
                "last_month": last_month,
                "last_until": last_until,
                "regular": REGULAR_VISITS,
                "absent": now - timedelta(days=ABSENT_DAYS),
                "newly": now - timedelta(days=ABSENT_DAYS + 7),
                "lost": now - timedelta(days=LOST_DAYS),
                "weeks": WEEKS,
            },
        )
        names = [column.name for column in cursor.description or ()]
        row = dict(zip(names, cursor.fetchone() or (), strict=True))
    by_week = row.pop("by_week")
    monday = today - timedelta(days=today.weekday())
    weeks = tuple(
        Week(monday - timedelta(weeks=ago), by_week.get(str(ago), 0))
        for ago in reversed(range(WEEKS))
    )
    usual = float(row.pop("usual_week"))
    return Home(weeks=weeks, usual_week=usual, **{k: int(v) for k, v in row.items()})
