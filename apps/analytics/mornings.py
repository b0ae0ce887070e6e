"""The days before today, counted at the first look of the day.

Every one of the home's long looks back (who came again within sixty days, the weeks of the
chart) is about days that have ended, in a ledger that is only added to. Read anew at each look
they cost in proportion to the visits; read once a day they cost the home nothing.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.analytics.models import Morning

WEEKS = 12
REGULAR_VISITS = 3  # from the third visit on, a person is a regular
ABSENT_DAYS, LOST_DAYS = 45, 180

_PAST = """
WITH visit AS (
  SELECT m.card_id, (m.at AT TIME ZONE %(zone)s)::date AS day
  FROM loyalty_movement m
  WHERE m.kind = 'earn' AND m.at >= %(since)s AND m.at < %(midnight)s
    AND NOT EXISTS (SELECT FROM loyalty_movement u WHERE u.undoes_id = m.id)
), day AS (
  SELECT card_id, day, lead(day) OVER (PARTITION BY card_id ORDER BY day) - day AS gap
  FROM (SELECT DISTINCT card_id, day FROM visit) AS one_a_day
), cohort AS (
  SELECT DISTINCT ON (card_id, earlier) earlier, coalesce(gap <= 60, false) AS came_back
  FROM (SELECT card_id, day, gap, day < %(today)s::date - 90 AS earlier FROM day
        WHERE day >= %(today)s::date - 120 AND day < %(today)s::date - 60) AS window_days
  ORDER BY card_id, earlier, day
), rhythm AS (
  SELECT (max(d.day) - min(d.day))::float / greatest(count(DISTINCT d.day) - 1, 1) AS days
  FROM contacts_contact p JOIN loyalty_card c ON c.contact_id = p.id
  CROSS JOIN LATERAL (
    SELECT (m.at AT TIME ZONE %(zone)s)::date AS day FROM loyalty_movement m
    WHERE m.card_id = c.id AND m.kind = 'earn' AND m.at >= %(year)s AND m.at < %(midnight)s
      AND NOT EXISTS (SELECT FROM loyalty_movement u WHERE u.undoes_id = m.id)) AS d
  WHERE p.merged_into_id IS NULL AND p.visits >= %(regular)s
    AND p.last_visit_at < %(absent)s AND p.last_visit_at >= %(lost)s
  GROUP BY p.id
)
SELECT
  (SELECT coalesce(max(id), 0) FROM loyalty_movement) AS last_movement,
  (SELECT coalesce(json_object_agg(day, n), '{}') FROM (
    SELECT day, count(*) AS n FROM visit WHERE day >= %(first_monday)s GROUP BY day) AS days)
    AS by_day,
  (SELECT count(DISTINCT card_id) FROM day
    WHERE day >= %(today)s::date - 60 AND day < %(today)s::date - 30) AS active_before,
  (SELECT count(*) FROM cohort WHERE NOT earlier) AS seen,
  (SELECT count(*) FROM cohort WHERE NOT earlier AND came_back) AS returned,
  (SELECT count(*) FROM cohort WHERE earlier) AS seen_before,
  (SELECT count(*) FROM cohort WHERE earlier AND came_back) AS returned_before,
  (SELECT coalesce(round(percentile_cont(0.5) WITHIN GROUP (ORDER BY days)), 0)::int
    FROM rhythm) AS rhythm_days
"""


def midnight(day: date) -> datetime:
    """The first instant of ``day`` by the shop's clock."""
    return datetime.combine(day, time.min, timezone.get_current_timezone())


def first_monday(today: date) -> date:
    """Where the chart begins."""
    return today - timedelta(days=today.weekday(), weeks=WEEKS - 1)


def morning(today: date) -> Morning:
    """What was counted for ``today``; counted now when this is the first look of the day."""
    zone = timezone.get_current_timezone_name()
    return Morning.objects.filter(day=today, zone=zone).first() or count(today)


def count(today: date) -> Morning:
    """Read the days before ``today`` from the ledger and keep what they come to."""
    begins, zone = midnight(today), timezone.get_current_timezone_name()
    with connection.cursor() as cursor:
        cursor.execute(
            _PAST,
            {
                "zone": zone,
                "today": today,
                "midnight": begins,
                "since": midnight(today - timedelta(days=121)),
                "year": midnight(today - timedelta(days=372)),
                "first_monday": first_monday(today),
                "regular": REGULAR_VISITS,
                "absent": midnight(today - timedelta(days=ABSENT_DAYS - 1)),
                "lost": midnight(today - timedelta(days=LOST_DAYS)),
            },
        )
        names = [column.name for column in cursor.description or ()]
        figures: dict[str, Any] = dict(zip(names, cursor.fetchone() or (), strict=True))
    kept = Morning(
        day=today, zone=zone, last_movement=figures.pop("last_movement"), figures=figures
    )
    Morning.objects.bulk_create(
        [kept],
        update_conflicts=True,
        unique_fields=["only"],
        update_fields=["day", "zone", "last_movement", "figures"],
    )
    return kept
