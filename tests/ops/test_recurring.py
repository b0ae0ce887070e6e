"""Recurring work is what the table says, no more and no less."""

import pytest
from django.utils.module_loading import import_string
from django_q.models import Schedule

from apps.ops.recurring import write_schedules
from config.schedules import RECURRING

pytestmark = pytest.mark.django_db


def test_the_rows_follow_the_table():
    Schedule.objects.create(name="parti", func="apps.core.jobs.run", minutes=5)
    write_schedules()
    rows = {row.name: row for row in Schedule.objects.all()}
    assert set(rows) == {work.name for work in RECURRING}
    for work in RECURRING:
        assert rows[work.name].minutes == work.minutes
        assert rows[work.name].args == repr(("public", work.task))


def test_a_restart_does_not_run_everything_at_once():
    write_schedules()
    before = dict(Schedule.objects.values_list("name", "next_run"))
    write_schedules()
    assert dict(Schedule.objects.values_list("name", "next_run")) == before


@pytest.mark.parametrize("work", RECURRING, ids=lambda work: work.name)
def test_each_task_exists_and_runs(work):
    import_string(work.task)()
