from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0003_by_balance")]
    operations = [
        migrations.CreateModel(
            "Tier",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=20, unique=True)),
                ("card", models.ForeignKey("loyalty.card", models.CASCADE)),
            ],
        ),
    ]
