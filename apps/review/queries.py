"""The list as it is shown: each line in words, with the names of whoever it is about."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import Device, User
from apps.contacts.models import Contact
from apps.core.phone import mask_phone
from apps.core.sheets import BATCH
from apps.core.tenancy import current_schema
from apps.review import kinds
from apps.review.models import Case


@dataclass(frozen=True, slots=True)
class Line:
    """A case in words; ``undoing`` is what its button says, ``decision`` what was decided, each
    empty where there is none."""

    case: Case
    kind: kinds.Kind
    sentence: str
    undoing: kinds.Words
    decision: kinds.Words
    address: str
    decided_by: str


def how_many() -> int:
    """What waits for somebody's word."""
    return Case.objects.open().count()


def cases(*, decided: bool, kind: str = "", actor_id: int | None = None) -> QuerySet[Case]:
    """Open ones by their moment, decided ones by that of the decision, the newest first."""
    found = Case.objects.exclude(decided_at=None) if decided else Case.objects.open()
    found = found.filter(kind__in=[kind] if kind else kinds.every())
    if actor_id is not None:
        found = found.filter(actor_id=actor_id)
    first = "-decided_at" if decided else "-at"
    return found.select_related("contact__merged_into").order_by(first, "-pk")


def lines(page: Iterable[Case], now: datetime) -> list[Line]:
    """In two queries, however many."""
    shown = list(page)
    users = _users(shown)
    numbers = {case.device for case in shown if case.device}
    devices = Device.objects.filter(shop_id=current_schema(), number__in=numbers) if numbers else ()
    phones = {device.number: device.name for device in devices}
    return [_line(case, users, phones, now) for case in shown]


def every_line(found: QuerySet[Case], now: datetime) -> Iterator[Line]:
    """All of them, a batch at a time."""
    waiting = found.iterator(chunk_size=BATCH)
    while batch := list(islice(waiting, BATCH)):
        yield from lines(batch, now)


def those_named() -> list[tuple[int, str]]:
    """Whom of the team the list names, for its filter."""
    named = Case.objects.exclude(actor_id=None).order_by().values_list("actor_id", flat=True)
    people = User.objects.in_bulk(set(named.distinct())).values()
    return sorted(((user.pk, str(user)) for user in people), key=lambda one: one[1])


def kinds_present() -> list[kinds.Kind]:
    present = set(Case.objects.order_by().values_list("kind", flat=True).distinct())
    return [kind for name, kind in kinds.every().items() if name in present]


def _users(shown: list[Case]) -> dict[int, User]:
    wanted = {pk for case in shown for pk in (case.actor_id, case.decided_by) if pk}
    return User.objects.in_bulk(wanted) if wanted else {}


def _line(case: Case, users: dict[int, User], phones: dict[int, str], now: datetime) -> Line:
    kind = kinds.every()[case.kind]
    who, decider = users.get(case.actor_id or 0), users.get(case.decided_by or 0)
    names = kinds.Names(
        who=who.get_short_name() if who else _("Quelqu’un de l’équipe"),
        whom=_called(case.contact),
        phone=phones.get(case.device or 0, ""),
    )
    return Line(
        case=case,
        kind=kind,
        sentence=kind.sentence(case, names),
        undoing="" if case.decision else kind.undoing(case, now),
        decision=kind.decision(case),
        address=kind.address(case),
        decided_by=decider.get_short_name() if decider else "",
    )


def _called(contact: Contact | None) -> str:
    if contact is None:
        return ""
    person = contact.merged_into or contact
    return person.full_name or mask_phone(person.phone) or _("quelqu’un sans nom")


def rows(found: Iterable[Line]) -> Iterator[tuple[Any, ...]]:
    """What is taken out of the list (``COLUMNS``)."""
    for line in found:
        case = line.case
        yield (
            case.at,
            line.kind.label,
            line.sentence,
            line.decision,
            case.decided_at,
            line.decided_by,
        )


COLUMNS = ("Le", "Genre", "Ce qui s’est passé", "Décision", "Décidé le", "Par")
