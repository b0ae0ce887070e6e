"""How often each person came and since when, as it stands on their record."""

from apps.contacts.sums import Sums

# A stamp keeps them in step by itself, in its one statement.
VISITS = Sums(
    ("visits", "first_visit_at"),
    """
, came AS MATERIALIZED (
    SELECT record.person, count(*) AS visits, min(line.at) AS first
    FROM record JOIN loyalty_card AS card ON card.contact_id = record.id
    JOIN loyalty_movement AS line ON line.card_id = card.id
    WHERE line.kind = 'earn'
        AND NOT EXISTS (SELECT FROM loyalty_movement AS undo WHERE undo.undoes_id = line.id)
    GROUP BY 1
)
SELECT record.id, coalesce(came.visits, 0) AS visits, came.first AS first_visit_at
FROM record LEFT JOIN came ON came.person = record.id
WHERE record.id = record.person
""",
)
