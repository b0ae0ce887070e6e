"""The inbox: who wrote, and what was said on both sides."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, Count, F, Max, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Concat
from django.utils.translation import gettext as _

from apps.contacts.models import Contact
from apps.messaging.models import Kind, Meaning, Message, Reply

LATEST = 60  # of each side, on the page of a conversation


def threads(*, unread_only: bool = False) -> QuerySet[Any, Any]:
    """One row a person, or a strange address: ``last`` reply's id, ``at``, how many ``unread``."""
    address = Concat("channel", Value(":"), "sender", output_field=CharField())
    found = (
        Reply.objects.order_by()
        .values(
            who=Coalesce("contact__merged_into", "contact"),
            stranger=Case(When(contact=None, then=address), default=Value("")),
        )
        .annotate(last=Max("pk"), latest=Max("at"), unread=Count("pk", filter=Q(read_at=None)))
        .order_by("-latest", "-last")
    )
    return found.filter(unread__gt=0) if unread_only else found


def unread() -> int:
    """How many answers nobody has opened yet."""
    return Reply.objects.filter(read_at=None).count()


@dataclass(frozen=True, slots=True)
class Thread:
    """A line of the inbox. ``contact`` is None for an address no record holds."""

    contact: Contact | None
    reply: Reply
    unread: int


def lines(rows: Iterable[dict[str, Any]]) -> list[Thread]:
    """``threads`` with their last words and their people; two queries."""
    rows = list(rows)
    last = Reply.objects.in_bulk([row["last"] for row in rows])
    people = Contact.objects.in_bulk([row["who"] for row in rows if row["who"]])
    return [Thread(people.get(row["who"]), last[row["last"]], row["unread"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Line:
    """One bubble. ``ours``: the shop wrote it; then ``state`` and ``tone`` say how it went."""

    at: datetime
    ours: bool
    channel: str
    text: str
    subject: str = ""
    note: str = ""
    state: str = ""
    tone: str = ""
    why: str = ""


def lines_of(contact: Contact | None, last: Reply | None) -> list[Line]:
    """A conversation in the order it happened, its ``LATEST`` lines; two queries."""
    if contact is None:
        said = Reply.objects.from_same(last) if last else Reply.objects.none()
        return sorted((_theirs(r) for r in said.order_by("-at")[:LATEST]), key=_when)
    said = Reply.objects.of(contact).order_by("-at", "-pk")[:LATEST]
    ours = Message.objects.filter(contact__in=Contact.objects.records_of(contact.pk))
    ours = ours.annotate(moment=Coalesce(F("sent_at"), F("created_at"))).order_by("-moment", "-pk")
    found = [*map(_theirs, said), *map(_ours, ours[:LATEST])]
    return sorted(found, key=_when)[-LATEST:]


def _when(line: Line) -> datetime:
    return line.at


def _theirs(reply: Reply) -> Line:
    notes = {
        Meaning.STOP: _("A demandé à ne plus rien recevoir : c’est fait."),
        Meaning.START: _("A repris sa demande d’arrêt."),
    }
    return Line(
        at=reply.at,
        ours=False,
        channel=reply.channel_name,
        text=reply.body,
        subject=reply.subject,
        note=notes.get(Meaning(reply.meaning), ""),
    )


def _ours(message: Message) -> Line:
    return Line(
        at=message.sent_at or message.created_at,
        ours=True,
        channel=str(message.get_channel_display()),
        text=message.body,
        subject=message.subject,
        note="" if message.kind == Kind.SERVICE else _("Message commercial"),
        state=message.stage,
        tone=message.tone,
        why=message.why,
    )
