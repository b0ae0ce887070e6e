"""The trail, for rooms that stand below the one that keeps it: said as a fact, written by a job."""

import json
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.logs import request_id


@dataclass(frozen=True, slots=True)
class Recorded:
    """One act, for ``audit.tasks.write``; ``before`` and ``after`` are JSON."""

    at: str
    by_kind: str
    by_id: int
    verb: str
    object_kind: str
    object_id: int
    before: str
    after: str
    request_id: str


def record(
    by: Actor,
    verb: str,
    object_kind: str,
    object_id: int,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Like ``audit.services.record``, in the caller's transaction and the current schema."""
    announce(
        Recorded(
            timezone.now().isoformat(),
            by.kind,
            by.id or 0,
            verb,
            object_kind,
            object_id,
            json.dumps(before, default=str),
            json.dumps(after, default=str),
            request_id.get(),
        )
    )
