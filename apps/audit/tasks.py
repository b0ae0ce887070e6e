"""What rooms below the trail announced is written into it."""

import json

from apps.audit.models import Entry


def write(entry: str) -> None:
    """One ``core.trail.Recorded``. Run twice (a worker died), it is written once."""
    columns = json.loads(entry)
    same = {name: columns[name] for name in ("at", "verb", "object_kind", "object_id")}
    if not Entry.objects.filter(**same).exists():
        Entry.objects.create(**columns)
