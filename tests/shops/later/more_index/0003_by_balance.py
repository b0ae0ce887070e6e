from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0002_a_note")]
    operations = [
        migrations.AddIndex("Card", models.Index(fields=["balance"], name="card_by_balance")),
    ]
