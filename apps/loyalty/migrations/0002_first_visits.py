from django.db import migrations

# Of the visits that stand, whichever of a person's records has the card.
FIRST_VISITS = """
UPDATE contacts_contact SET first_visit_at = came.first FROM (
    SELECT coalesce(person.merged_into_id, person.id) AS person, min(line.at) AS first
    FROM loyalty_movement AS line
    JOIN loyalty_card AS card ON card.id = line.card_id
    JOIN contacts_contact AS person ON person.id = card.contact_id
    WHERE line.kind = 'earn'
        AND NOT EXISTS (SELECT FROM loyalty_movement AS undo WHERE undo.undoes_id = line.id)
    GROUP BY 1
) AS came WHERE came.person = contacts_contact.id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0003_sums'),
        ('loyalty', '0001_initial'),
    ]

    operations = [
        migrations.RunSQL(FIRST_VISITS, migrations.RunSQL.noop),
    ]
