from django.db import migrations, models

from apps.core.tokens import new_token


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0001_initial")]
    operations = [
        # Made anew for each shop, so it is no SQL for all.
        migrations.AddField(
            "Programme", "secret", models.CharField(max_length=22, default=new_token)
        ),
    ]
