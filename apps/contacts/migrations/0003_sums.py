import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0002_ways'),
    ]

    operations = [
        migrations.AddField(
            model_name='contact',
            name='first_visit_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='contact',
            name='spent_cents',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='contact',
            name='spent_on',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.DateField(), db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='contact',
            name='spent_since',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='contact',
            name='tastes',
            field=models.JSONField(db_default={}, default=dict),
        ),
    ]
