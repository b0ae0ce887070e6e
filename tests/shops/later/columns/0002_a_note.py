from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0001_initial")]
    operations = [
        migrations.AddField("Card", "note", models.CharField(max_length=20, db_default="")),
    ]
