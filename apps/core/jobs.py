"""Work off the request: one way in (``enqueue``), one way to run (``run``).

A job belongs to the schema it was enqueued in and carries ids only. Its row is written by
the caller's transaction, so a rolled-back cause takes its job with it. How rows are taken:
``core.queue``; who takes them: ``core.worker``.
"""

import enum
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.signing import SignedPackage

from apps.core import queue
from apps.core.logs import job_context, request_id
from apps.core.tenancy import by_the_clock_of, current_schema, in_schema, use_public

logger = logging.getLogger(__name__)

JobArgument = int | str
RUN = "apps.core.jobs.run"
# A new worker that meets a schema ``migrate_shops`` has not reached tries again then.
AGAIN_WHEN_UPDATED = timedelta(seconds=20)


class JobFailed(Exception):
    """What is stored and logged of a failure: its kind alone, since an exception's own text
    may quote a row. The frames are in our log, under the same job id."""


class Lane(enum.IntEnum):
    """Which jobs go first; between shops of one lane each gets its turn."""

    URGENT = 0  # codes, receipts, handovers: what a person waits for
    ORDINARY = 1
    BULK = 2  # what may take an hour: imports, closing, tidying


def enqueue(
    task: Callable[..., object] | str,
    *ids: JobArgument,
    at: datetime | None = None,
    urgent: bool = False,
    bulk: bool = False,
) -> None:
    """Queue ``task(*ids)`` for the current schema, not before ``at`` when given.

    ``task`` is a module-level function or its dotted path. ``urgent``: somebody waits for it;
    ``bulk``: nobody does, everything else goes first. A job may run more than once (its
    worker dies between the work and its note), so its service must bear that.
    """
    lane = Lane.URGENT if urgent else Lane.BULK if bulk else Lane.ORDINARY
    path = task if isinstance(task, str) else f"{task.__module__}.{task.__qualname__}"
    schema, job = current_schema(), uuid4().hex
    package = {
        "id": job,
        "name": path.removeprefix("apps.")[:100],
        "func": RUN,
        "args": (schema, path, *ids),
        "kwargs": {"job": job[:12], "request": request_id.get()},
        "started": timezone.now(),
    }
    queue.put(SignedPackage.dumps(package), queue.key_of(lane, schema), at)


def run(schema: str, path: str, *ids: JobArgument, job: str = "", request: str = "") -> None:
    """Called by the worker: open the schema, run the task, leave nothing behind."""
    use_public()
    name = f"{path}#{job}".rstrip("#")
    try:
        with (
            in_schema(schema),
            by_the_clock_of(schema) as shop,
            job_context(schema, name, request),
        ):
            if not import_string(settings.MAY_WORK)(shop):
                logger.warning("job put back: the schema is behind the code")
                enqueue(path, *ids, at=timezone.now() + AGAIN_WHEN_UPDATED)
                return
            try:
                import_string(path)(*ids)
            except Exception as error:
                logger.exception("job failed")
                raise JobFailed(type(error).__name__) from None
    finally:
        use_public()
