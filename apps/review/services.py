"""Putting a line on the list, and deciding what becomes of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit.services import record
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.reading import insert_once
from apps.review import kinds
from apps.review.models import Case, Decision


def note(
    kind: str,
    key: object,
    *,
    at: datetime,
    contact: Contact | None = None,
    actor_id: int | None = None,
    device: int | None = None,
    **facts: Any,
) -> bool:
    """A line in the list, with the caller's transaction; False when it stands there already.

    ``facts`` are ids and numbers: rows outlive the names they would hold.
    """
    case = Case(
        kind=kind,
        key=str(key),
        contact=contact,
        actor_id=actor_id,
        device=device,
        facts=facts,
        at=at,
    )
    return insert_once(case)


@transaction.atomic
def gather(
    kind: str,
    key: object,
    stamps: Iterable[int],
    *,
    at: datetime,
    actor_id: int | None = None,
    device: int | None = None,
    **numbers: int,
) -> None:
    """Like ``note``, for what comes many at a time: the line of ``key`` grows while it is open,
    each of ``stamps`` stands once in all its lines, and ``numbers`` keep their greatest.
    """
    while True:
        lines = Case.objects.select_for_update().filter(kind=kind, key__startswith=f"{key}/")
        told = list(lines.order_by("pk"))
        known = {stamp for line in told for stamp in line.facts["stamps"]}
        new = [stamp for stamp in stamps if stamp not in known]
        if not new:
            return
        if told and not told[-1].decision:
            _lengthen(told[-1], new, at, numbers)
            return
        facts: dict[str, Any] = {"stamps": new, **numbers}
        turn = f"{key}/{len(told) + 1}"
        if note(kind, turn, at=at, actor_id=actor_id, device=device, **facts):
            return  # else another job was faster: its line grows by ours


def _lengthen(case: Case, new: list[int], at: datetime, numbers: dict[str, int]) -> None:
    case.facts["stamps"] += new
    for name, value in numbers.items():
        case.facts[name] = max(value, case.facts[name])
    case.at = max(case.at, at)
    case.save(update_fields=["facts", "at"])


@transaction.atomic
def find_fine(case_id: int, *, by: Actor, now: datetime) -> str:
    """« C’est normal »: the line leaves the list, and what it is about stands; what had waited
    for that, in a sentence.

    Raises the ``Refusal`` of what cannot be done: the line stays.
    """
    case = _held(case_id)
    if case.decision:
        return ""
    told = kinds.every()[case.kind].accept(case, by=by, now=now)
    _decide(case, Decision.FINE, by, now)
    return told


@transaction.atomic
def undo(case_id: int, *, by: Actor, now: datetime) -> str:
    """What the line is about is undone; what was done, in a sentence, empty for a second tap.

    Raises the ``Refusal`` of what cannot be undone: the line stays.
    """
    case = _held(case_id)
    if case.decision:
        return ""
    told = kinds.every()[case.kind].undo(case, by=by, now=now)
    _decide(case, Decision.UNDONE, by, now)
    return told


def _held(case_id: int) -> Case:
    """Two taps at once: the second waits here, and finds it decided."""
    return Case.objects.select_for_update().get(pk=case_id)


def _decide(case: Case, decision: Decision, by: Actor, now: datetime) -> None:
    case.decision, case.decided_at, case.decided_by = decision, now, by.id
    case.save(update_fields=["decision", "decided_at", "decided_by"])
    record(by, f"review.{decision}", "case", case.pk, after={"kind": case.kind})
