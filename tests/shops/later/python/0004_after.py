from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0003_words")]
    operations = [migrations.AddField("Programme", "motto", models.TextField(db_default=""))]
