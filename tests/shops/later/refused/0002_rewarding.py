from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0001_initial")]
    operations = [
        migrations.AddConstraint(
            "Programme",
            models.UniqueConstraint(fields=["reward"], name="one_promise_per_reward"),
        ),
        migrations.AddConstraint(
            "Programme",
            models.CheckConstraint(condition=models.Q(goal__gte=5), name="goal_worth_it"),
        ),
    ]
