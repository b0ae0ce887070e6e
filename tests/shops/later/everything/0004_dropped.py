from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0003_tables")]
    operations = [
        migrations.RemoveIndex("Card", "by_visits"),
        migrations.RemoveConstraint("Card", "not_endless"),
        migrations.RemoveField("Card", "friend"),
    ]
