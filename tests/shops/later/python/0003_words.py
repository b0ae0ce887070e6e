from django.db import migrations


def say_it(apps, schema_editor):
    apps.get_model("loyalty", "Programme").objects.update(reward="Un verre")


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0002_tokens")]
    operations = [migrations.RunPython(say_it, migrations.RunPython.noop)]
