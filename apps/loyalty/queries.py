"""Reads of the counter and of the programme's page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.phone import mask_phone
from apps.loyalty.models import Card, Movement, MovementKind, Programme, Redemption, Reward
from apps.loyalty.services import UNDO_WINDOW, the_programme

FOUND_AT_MOST = 12
RETURNABLE_AT_MOST = 20
TAKEN_DAYS = 90


@dataclass(frozen=True, slots=True)
class Line:
    """A person as the counter's lists show them; ``undo`` is the stamp that may be undone."""

    contact: Contact
    card: Card | None
    at: datetime | None = None
    undo: Movement | None = None

    @property
    def name(self) -> str:
        return counter_name(self.contact)

    @property
    def initials(self) -> str:
        words = self.contact.full_name.split()
        return "".join(word[0] for word in words[:2]).upper() or self.contact.phone[-2:] or "?"


def counter_name(contact: Contact) -> str:
    """« Camille B. », else the masked number: a helper needs no more to recognise a person."""
    if contact.full_name:
        last = f"{contact.last_name[0]}." if contact.last_name else ""
        return f"{contact.first_name} {last}".strip()
    return mask_phone(contact.phone) if contact.phone else "Sans nom"


def stamped_today(*, by: Actor, lead: bool, now: datetime) -> list[Line]:
    """The last persons stamped since midnight, newest first, each once."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    stamps = Movement.objects.filter(kind=MovementKind.EARN, undone_by=None, at__gte=midnight)
    lines: dict[int, Line] = {}
    for stamp in stamps.select_related("card__contact").order_by("-at", "-pk")[:40]:
        undo = stamp if may_undo(stamp, by=by, lead=lead, now=now) else None
        lines.setdefault(stamp.card_id, Line(stamp.card.contact, stamp.card, stamp.at, undo))
    return list(lines.values())[:FOUND_AT_MOST]


def may_undo(stamp: Movement, *, by: Actor, lead: bool, now: datetime) -> bool:
    """The same rule as ``services.undo_stamp``, for showing the button."""
    own = (stamp.actor_kind, stamp.actor_id) == (by.kind, by.id)
    return (own or lead) and now - stamp.at <= UNDO_WINDOW


def undoable(card: Card, *, by: Actor, lead: bool, now: datetime) -> Movement | None:
    """The card's last stamp, while ``by`` may still undo it."""
    stamps = Movement.objects.filter(card=card, kind=MovementKind.EARN, undone_by=None)
    last = stamps.filter(at__gte=now - UNDO_WINDOW).order_by("-at", "-pk").first()
    return last if last and may_undo(last, by=by, lead=lead, now=now) else None


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit whose goods may come back; ``left_cents`` of its amount have not yet."""

    movement: Movement
    left_cents: int | None


def returnable(card: Card) -> list[Visit]:
    """The person's last visits of which something is left to bring back, newest first."""
    people = Contact.objects.records_of(card.contact_id)
    earned = Movement.objects.filter(kind=MovementKind.EARN, undone_by=None)
    earned = earned.filter(card__contact__in=people).select_related("undone_by")
    if since := the_programme().counted_since:
        earned = earned.filter(at__gte=since)
    returns = Q(followed_by__kind=MovementKind.RETURN)
    earned = earned.annotate(
        back=Count("followed_by", filter=returns),
        back_cents=Coalesce(Sum("followed_by__amount_cents", filter=returns), 0),
    )
    visits = []
    for line in earned.order_by("-at", "-pk")[:RETURNABLE_AT_MOST]:
        left = line.amount_cents - line.back_cents if line.amount_cents else None
        if left or (left is None and not line.back):
            visits.append(Visit(line, left))
    return visits


def find_people(text: str) -> list[Line]:
    """By last digits, name, whole phone or card number; who came last stands first."""
    found = Contact.objects.matching(text)
    if text.isdigit() and len(text) <= 6:
        numbered = Card.objects.filter(number=int(text)).values("contact")
        found = Contact.objects.living().filter(pk__in=found.values("pk").union(numbered))
    found = found.select_related("card")
    found = found.order_by(F("last_visit_at").desc(nulls_last=True), "-pk")[:FOUND_AT_MOST]
    return [Line(c, getattr(c, "card", None), c.last_visit_at) for c in found]


def ready_rewards(card: Card) -> list[Reward]:
    """What may be handed over now, oldest first; costs nothing when there is nothing."""
    if not card.rewards_ready:
        return []
    return list(Reward.objects.ready().filter(card=card).order_by("won_at", "pk"))


def programme_chosen() -> bool:
    """Whether the shop has chosen its rule (a step of the onboarding checklist)."""
    return Programme.objects.exists()


@dataclass(frozen=True, slots=True)
class Figures:
    """The programme in four numbers; the month is the calendar's, in the shop's time."""

    cards: int
    stamps: int
    ready: int
    given: int


def figures(now: datetime) -> Figures:
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    month = midnight.replace(day=1)
    stamps = Movement.objects.filter(kind=MovementKind.EARN, undone_by=None, at__gte=month)
    return Figures(
        cards=Card.objects.filter(contact__merged_into=None).count(),
        stamps=stamps.count(),
        ready=Reward.objects.ready().count(),
        given=Redemption.objects.filter(at__gte=month).count(),
    )


def taken_by_source(now: datetime) -> dict[str, int]:
    """How many people came by each way in the last ``TAKEN_DAYS``."""
    since = now - timedelta(days=TAKEN_DAYS)
    came = Contact.objects.living().filter(created_at__gt=since).values_list("source")
    return dict(came.annotate(many=Count("pk")).order_by())


def standing(kind: MovementKind, contact_id: int | None = None) -> QuerySet[Movement]:
    """Lines of the ledger that no other has undone; one person's, if one is named."""
    found = Movement.objects.filter(kind=kind, undone_by=None)
    return found.filter(card__contact=contact_id) if contact_id else found


def nth(kind: MovementKind, n: int, contact_id: int | None = None) -> QuerySet[Movement]:
    """Of each card's standing lines the ``n``-th."""
    sooner = standing(kind).filter(card=OuterRef("card"))
    sooner = sooner.filter(Q(at__lt=OuterRef("at")) | Q(at=OuterRef("at"), pk__lt=OuterRef("pk")))
    before = sooner.order_by().values("card").annotate(many=Count("pk")).values("many")
    lines = standing(kind, contact_id).annotate(before=Coalesce(Subquery(before), 0))
    return lines.filter(before=n - 1)
