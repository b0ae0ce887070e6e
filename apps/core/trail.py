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
    """One act, for ``audit.tasks.write``: the columns of its entry as JSON."""

    entry: str


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
    entry = {
        "at": timezone.now().isoformat(),
        "actor_kind": by.kind,
        "actor_id": by.id,
        "device": by.device,
        "verb": verb,
        "object_kind": object_kind,
        "object_id": object_id,
        "before": before,
        "after": after,
        "request_id": request_id.get(),
    }
    announce(Recorded(json.dumps(entry, default=str)))
