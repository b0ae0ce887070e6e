"""What rooms below the trail announced is written into it."""

import json
from datetime import datetime

from apps.audit.models import Entry


def write(
    at: str,
    by_kind: str,
    by_id: int,
    verb: str,
    object_kind: str,
    object_id: int,
    before: str,
    after: str,
    request_id: str,
) -> None:
    """One ``core.trail.Recorded``. Run twice (a worker died), it is written once."""
    line = {
        "at": datetime.fromisoformat(at),
        "actor_kind": by_kind,
        "actor_id": by_id or None,
        "verb": verb,
        "object_kind": object_kind,
        "object_id": object_id,
        "request_id": request_id,
    }
    if Entry.objects.filter(**line).exists():
        return
    Entry.objects.create(**line, before=json.loads(before), after=json.loads(after))
