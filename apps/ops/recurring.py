"""``config/schedules.py`` written into django-q2's own table, which its scheduler reads."""

from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule

from config.schedules import RECURRING


@transaction.atomic
def write_schedules() -> None:
    """The rows follow the table: new ones run at once, changed ones keep their next time,
    and what left the table is forgotten."""
    for work in RECURRING:
        wanted = {
            "func": "apps.core.jobs.run",
            "args": repr(("public", work.task)),
            "schedule_type": Schedule.MINUTES,
            "minutes": work.minutes,
            "repeats": -1,
        }
        row, _ = Schedule.objects.get_or_create(
            name=work.name, defaults={**wanted, "next_run": timezone.now()}
        )
        Schedule.objects.filter(pk=row.pk).update(**wanted)
    Schedule.objects.exclude(name__in=[work.name for work in RECURRING]).delete()
