from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0002_columns"), ("contacts", "0001_initial")]
    operations = [
        migrations.CreateModel(
            "Tier",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=20, unique=True)),
                ("card", models.ForeignKey("loyalty.card", models.CASCADE)),
                ("people", models.ManyToManyField("contacts.contact")),
            ],
        ),
        migrations.AddIndex("Card", models.Index(fields=["visits", "-balance"], name="by_visits")),
        migrations.AddIndex(
            "Card",
            models.Index("note", name="noted", condition=~models.Q(note="")),
        ),
        migrations.AddConstraint(
            "Card",
            models.UniqueConstraint(
                fields=["number", "visits"],
                name="one_note_per_visit",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ),
        migrations.AddConstraint(
            "Card",
            models.UniqueConstraint(Lower("alias"), name="one_alias_whatever_its_case"),
        ),
        migrations.AddConstraint(
            "Card",
            models.CheckConstraint(condition=models.Q(visits__lt=1000), name="not_endless"),
        ),
        migrations.AlterField(
            "Card", "level", models.ForeignKey("loyalty.tier", models.PROTECT, null=True)
        ),
        migrations.RunSQL("COMMENT ON TABLE loyalty_tier IS 'rangs'", "SELECT 1"),
    ]
