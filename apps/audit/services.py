"""Writing the trail."""

from typing import Any

from apps.audit.models import Entry
from apps.core.actor import Actor
from apps.core.logs import request_id
from apps.core.reading import write_later


def record(
    by: Actor,
    verb: str,
    object_kind: str,
    object_id: int | None = None,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """One line in the trail, in the caller's transaction. Ids and settings only."""
    write_later(line(by, verb, object_kind, object_id, before=before, after=after))


def line(
    by: Actor,
    verb: str,
    object_kind: str,
    object_id: int | None = None,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Entry:
    """What ``record`` writes, for whoever writes many at once."""
    return Entry(
        actor_kind=by.kind,
        actor_id=by.id,
        device=by.device,
        verb=verb,
        object_kind=object_kind,
        object_id=object_id,
        before=before,
        after=after,
        request_id=request_id.get(),
    )
