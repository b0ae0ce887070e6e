"""Work off the request: one way in (``enqueue``), one way to run (``run``).

A job belongs to the schema it was enqueued in and carries ids only. Its row is written by
the caller's transaction, so a rolled-back cause takes its job with it.
"""

import enum
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.utils.module_loading import import_string
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.tasks import async_task

from apps.core.logs import job_context
from apps.core.tenancy import by_the_clock_of, current_schema, in_schema, use_public

logger = logging.getLogger(__name__)

JobArgument = int | str


class JobFailed(Exception):
    """What django-q2 stores and logs of a failure: its kind alone, since an exception's own
    text may quote a row. The frames are in our log, under the same job id."""


class _LaterBroker(ORM):
    """django-q2's database broker, for a job that may not start before ``at``.

    The broker hands out rows whose ``lock`` is past; a lock in the future is a delay.
    """

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self.at = at

    def enqueue(self, task: Any) -> int:
        package = self.get_connection().create(
            key=self.list_key or Conf.CLUSTER_NAME, payload=task, lock=self.at
        )
        return int(package.pk)


class Lane(enum.IntEnum):
    """Which jobs go first; between shops of one lane each gets its turn."""

    URGENT = 0  # codes, receipts, handovers: what a person waits for
    ORDINARY = 1
    BULK = 2  # what may take an hour: commercial sends, imports


def enqueue(
    task: Callable[..., object] | str,
    *ids: JobArgument,
    at: datetime | None = None,
    urgent: bool = False,
    bulk: bool = False,
) -> None:
    """Queue ``task(*ids)`` for the current schema, not before ``at`` when given.

    ``task`` is a module-level function or its dotted path. ``urgent``: somebody waits for it;
    ``bulk``: nobody does, everything else goes first.
    """
    lane = Lane.URGENT if urgent else Lane.BULK if bulk else Lane.ORDINARY
    path = task if isinstance(task, str) else f"{task.__module__}.{task.__qualname__}"
    options: dict[str, Any] = {"task_name": path.removeprefix("apps.")[:100]}
    if at is not None:
        options["broker"] = _LaterBroker(at)
    options["group"] = lane.name.lower()
    job = uuid4().hex[:12]
    async_task("apps.core.jobs.run", current_schema(), path, *ids, job=job, **options)


def run(schema: str, path: str, *ids: JobArgument, job: str = "") -> None:
    """Called by the worker: open the schema, run the task, leave nothing behind."""
    use_public()
    name = f"{path}#{job}".rstrip("#")
    try:
        with in_schema(schema), by_the_clock_of(schema), job_context(schema, name):
            try:
                import_string(path)(*ids)
            except Exception as error:
                logger.exception("job failed")
                raise JobFailed(type(error).__name__) from None
    finally:
        use_public()
