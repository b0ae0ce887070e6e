from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0001_initial")]
    operations = [
        migrations.AddIndex("Card", models.Index(fields=["balance"], name="card_by_balance")),
        migrations.AddConstraint(
            "Card",
            models.CheckConstraint(condition=models.Q(balance__lt=1000), name="card_not_endless"),
        ),
    ]
