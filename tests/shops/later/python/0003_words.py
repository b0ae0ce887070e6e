from django.db import migrations


def say_it(apps, schema_editor):
    # Without this it would ask the application's connection, which stands elsewhere.
    programmes = apps.get_model("loyalty", "Programme").objects.using(schema_editor.connection.alias)
    programmes.update(reward="Un verre")


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0002_tokens")]
    operations = [migrations.RunPython(say_it, migrations.RunPython.noop)]
