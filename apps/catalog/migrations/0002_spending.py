from django.db import migrations

# Of the tickets that stand, whichever of a person's records has them.
SPENDING = """
WITH bought AS (
    SELECT coalesce(record.merged_into_id, record.id) AS person, ticket.id, ticket.amount_cents,
        (ticket.at AT TIME ZONE 'UTC')::date AS day
    FROM catalog_purchase AS ticket JOIN contacts_contact AS record ON record.id = ticket.contact_id
    WHERE ticket.cancelled_at IS NULL
), spent AS (
    SELECT person, sum(amount_cents) AS cents FROM bought GROUP BY 1
), daily AS (
    SELECT person, day, max(day) OVER (PARTITION BY person) AS last,
        sum(sum(amount_cents)) OVER (PARTITION BY person ORDER BY day DESC)::bigint AS cents
    FROM bought GROUP BY 1, 2
), lately AS (
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
), taste AS (
    SELECT person, jsonb_object_agg(facet, found) AS tastes FROM ranked GROUP BY 1
)
UPDATE contacts_contact SET spent_cents = spent.cents, spent_on = lately.days,
    spent_since = lately.cents, tastes = coalesce(taste.tastes, '{}')
FROM spent JOIN lately USING (person) LEFT JOIN taste USING (person)
WHERE spent.person = contacts_contact.id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0001_initial'),
        ('contacts', '0003_sums'),
    ]

    operations = [
        migrations.RunSQL(SPENDING, migrations.RunSQL.noop),
    ]
