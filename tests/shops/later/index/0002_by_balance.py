from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0001_initial")]
    operations = [
        migrations.AddIndex("Card", models.Index(fields=["balance"], name="card_by_balance")),
        migrations.AlterField(
            "Card", "last_stamp_at", models.DateTimeField(default="2026-01-01T00:00Z")
        ),
        migrations.AddConstraint(
            "Card",
            models.CheckConstraint(condition=models.Q(balance__lt=1000), name="card_not_endless"),
        ),
    ]
