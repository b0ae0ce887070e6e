from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0001_initial")]
    operations = [
        migrations.AddField("Card", "note", models.CharField(max_length=20, default="")),
        migrations.AddField("Card", "visits", models.PositiveIntegerField(default=3)),
        migrations.AddField(
            "Card", "alias", models.CharField(max_length=20, null=True, unique=True)
        ),
        migrations.AddField(
            "Card", "level", models.PositiveSmallIntegerField(null=True, unique=True)
        ),
        migrations.AddField(
            "Card", "friend", models.ForeignKey("loyalty.card", models.PROTECT, null=True)
        ),
        migrations.AlterField(
            "Card", "last_stamp_at", models.DateTimeField(default="2026-01-01T00:00Z")
        ),
        migrations.AlterField("Joining", "wording", models.CharField(max_length=60, db_index=True)),
        migrations.AlterField("Joining", "address", models.CharField(max_length=254, unique=True)),
        migrations.RenameField("Reward", "label", "title"),
        migrations.RemoveField("Joining", "key"),
    ]
