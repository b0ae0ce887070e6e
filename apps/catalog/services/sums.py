"""What each person spent and likes, as it stands on their record."""

from apps.contacts.sums import Sums

# Materialized: without statistics a planner may expect one person, and sum up all for each.
SPENDING = Sums(
    ("spent_cents", "spent_on", "spent_since", "tastes"),
    """
, bought AS (
    SELECT record.person, purchase.id, purchase.amount_cents,
        (purchase.at AT TIME ZONE 'UTC')::date AS day
    FROM record JOIN catalog_purchase AS purchase ON purchase.contact_id = record.id
    WHERE purchase.cancelled_at IS NULL
), spent AS MATERIALIZED (
    SELECT person, sum(amount_cents) AS cents FROM bought GROUP BY 1
), daily AS (
    SELECT person, day, max(day) OVER (PARTITION BY person) AS last,
        sum(sum(amount_cents)) OVER (PARTITION BY person ORDER BY day DESC)::bigint AS cents
    FROM bought GROUP BY 1, 2
), lately AS MATERIALIZED (
    SELECT person, array_agg(day ORDER BY day) AS days, array_agg(cents ORDER BY day) AS cents
    FROM daily WHERE day >= last - 366 GROUP BY 1
), liked AS (
    SELECT person, facet, value, sum(units) AS units
    FROM bought JOIN catalog_purchaseline AS line ON line.purchase_id = bought.id
    CROSS JOIN LATERAL (VALUES
        ('region', line.region), ('colour', line.colour), ('brand', line.brand)
    ) AS said (facet, value)
    WHERE value <> '' GROUP BY 1, 2, 3 HAVING sum(units) > 0
), ranked AS (
    SELECT person, facet, jsonb_agg(value ORDER BY units DESC, value) AS found
    FROM liked GROUP BY 1, 2
), taste AS MATERIALIZED (
    SELECT person, jsonb_object_agg(facet, found) AS tastes FROM ranked GROUP BY 1
)
SELECT record.id, coalesce(spent.cents, 0) AS spent_cents,
    coalesce(lately.days, '{}') AS spent_on, coalesce(lately.cents, '{}') AS spent_since,
    coalesce(taste.tastes, '{}') AS tastes
FROM record LEFT JOIN spent ON spent.person = record.id
LEFT JOIN lately ON lately.person = record.id LEFT JOIN taste ON taste.person = record.id
WHERE record.id = record.person
""",
)
