from django.db import migrations


class Migration(migrations.Migration):
    """The files brought in stand in ``imports`` now, whose first migration carried them over."""

    dependencies = [
        ('audience', '0001_initial'),
        ('imports', '0001_initial'),
    ]

    operations = [
        migrations.DeleteModel(name='ImportLine'),
        migrations.DeleteModel(name='ImportRun'),
    ]
