"""The list of people, and everything one person did, told from several rooms."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Exists, F, OrderBy, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.audience.criteria import Criteria, describe, people
from apps.catalog.models import Purchase, PurchaseSource, Reservation
from apps.club.box_models import BOX_CAUSE, Box
from apps.contacts import channels
from apps.contacts.models import Channel, ConsentEvent, ConsentState, Contact, Source, Tag
from apps.core.actor import Kind
from apps.core.money import show_euros
from apps.core.templatetags.french import de_mois
from apps.loyalty.models import Movement, MovementKind, Redemption
from apps.loyalty.referral_models import REFERRAL
from apps.loyalty.rule import Kind as LoyaltyKind
from apps.loyalty.services import the_programme
from apps.messaging.models import Kind as MessageKind
from apps.messaging.models import Message, Reply, Status
from apps.shops.models import Shop

SORTS: dict[str, tuple[OrderBy | str, ...]] = {
    "recent": (F("last_visit_at").desc(nulls_last=True), "-pk"),
    "name": ("search", "pk"),
    "new": ("-created_at", "-pk"),
    "stamps": (F("card__balance").desc(nulls_last=True), "search", "pk"),
}


def listed(
    criteria: Criteria,
    *,
    segment: Criteria | None = None,
    text: str = "",
    channel: str = "",
    accord: str = "",
    sort: str = "recent",
) -> "QuerySet[Contact]":
    """People for the list, with card and tags: three queries however many rows.

    ``segment`` must hold too. ``accord`` is a consent's state, on whichever channel.
    """
    found = people(criteria)
    if segment is not None:
        found = found.filter(segment.where(timezone.now()))
    if text.strip():
        found = found & Contact.objects.matching(text)
    if channel:
        found = found & Contact.objects.reachable_by(channel)
    if accord:
        found = found.filter(reduce(or_, (way.consent_is(accord) for way in channels.every())))
    order = SORTS.get(sort, SORTS["recent"])
    return found.select_related("card").prefetch_related("tags").order_by(*order)


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a choice comes to: its sentence, how many, and some of them, who came last first."""

    sentence: str
    count: int
    examples: list[Contact]


def glimpse(criteria: Criteria, now: datetime, examples: int = 10) -> Glimpse:
    """Two queries, whatever the criteria."""
    found = people(criteria, now)
    some = found.select_related("card").order_by(*SORTS["recent"])[:examples]
    return Glimpse(describe(criteria), found.count(), list(some))


def worn_tags() -> "QuerySet[Tag]":
    """The tags that somebody wears; a tag's first wearer is enough."""
    worn = Contact.tags.through.objects.filter(tag=OuterRef("pk"))
    return Tag.objects.filter(Exists(worn))


def names_of(actors: Iterable[tuple[str, int | None]]) -> dict[tuple[str, int | None], str]:
    """How each ``(kind, id)`` is called on the team's screens; one query."""
    wanted = set(actors)
    ids = {pk for kind, pk in wanted if kind in {"team", "staff"} and pk}
    users = {user.pk: str(user) for user in User.objects.filter(pk__in=ids)} if ids else {}
    others: dict[str, str] = {
        "customer": "la personne elle-même",
        "system": "Comptoir, tout seul",
        "staff": "l’assistance Comptoir",
        "team": "une personne partie depuis",
    }
    return {
        (kind, pk): users.get(pk or 0, others["team"]) if kind == "team" else others.get(kind, kind)
        for kind, pk in wanted
    }


@dataclass(frozen=True, slots=True)
class Proof:
    """One line of the consent ledger, as shown."""

    state: str
    label: str
    source: str
    wording: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What a channel stands at for a person, and how it came to be."""

    channel: str
    label: str
    kind: str  # of address, « phone » or « email »
    bears_address: bool  # the one of its kind that is told
    address: str
    state: str
    proven_at: datetime | None
    bad_at: datetime | None
    landline: bool
    proofs: list[Proof] = field(default_factory=list)

    @property
    def state_label(self) -> str:
        return str(ConsentState(self.state).label)

    @property
    def may_ask(self) -> bool:
        """Whether the team may write down a yes."""
        return bool(self.address) and self.state in {ConsentState.NONE, ConsentState.PENDING}

    @property
    def may_stop(self) -> bool:
        return self.state in {ConsentState.GRANTED, ConsentState.PENDING}


def channel_states(contact: Contact, shop: Shop) -> list[ChannelState]:
    """Each channel of a person with its whole ledger, newest line first."""
    events = list(contact.consent_events.order_by("-at", "-pk")[:200])
    names = names_of((event.actor_kind, event.actor_id) for event in events)
    states = []
    for state in ways_of(contact, shop):
        proofs = [_proof(e, names) for e in events if e.channel == state.channel]
        states.append(replace(state, proofs=proofs))
    return states


def ways_of(contact: Contact, shop: Shop) -> list[ChannelState]:
    """The same without the ledger; no query."""
    return [
        ChannelState(
            channel=way.name,
            label=str(way),
            kind=way.address,
            bears_address=way.name in set(Channel),
            address=way.address_of(contact),
            state=way.consent_of(contact),
            proven_at=way.proven_at(contact),
            bad_at=way.bad_at(contact),
            landline=way.mobile_only and bool(contact.phone) and not contact.phone_mobile,
        )
        for way in channels.of(contact, shop)
    ]


def _proof(event: ConsentEvent, names: dict[tuple[str, int | None], str]) -> Proof:
    return Proof(
        state=event.state,
        label=str(ConsentState(event.state).label),
        source=str(Source(event.source).label),
        wording=event.wording,
        at=event.at,
        by=names[event.actor_kind, event.actor_id],
    )


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened to a person. ``tone`` is a chip's colour."""

    at: datetime
    title: str
    detail: str = ""
    tone: str = "plain"
    actor: tuple[Kind | str, int | None] | None = None
    by: str = ""


def timeline(contact: Contact, *, page: int = 1, size: int = 30) -> tuple[list[Moment], bool]:
    """Everything a person did or got, newest first, and whether there is more; eleven queries.

    Also what they did under a record that was merged into this one.
    """
    most = page * size + 1
    moments = [
        *_movements(contact, most),
        *_redemptions(contact, most),
        *_purchases(contact, most),
        *_reservations(contact, most),
        *_boxes(contact, most),
        *_messages(contact, most),
        *_replies(contact, most),
        *_consents(contact, most),
        Moment(contact.created_at, "Arrivée dans le fichier", str(Source(contact.source).label)),
    ]
    moments.sort(key=lambda moment: moment.at, reverse=True)
    cut = moments[(page - 1) * size : page * size]
    names = names_of(moment.actor for moment in cut if moment.actor)
    told = [
        Moment(m.at, m.title, m.detail, m.tone, m.actor, names[m.actor] if m.actor else "")
        for m in cut
    ]
    return told, len(moments) > page * size


def _theirs(contact: Contact, path: str) -> Q:
    """What lies at ``path`` from this record or from one that was merged into it.

    The records first: an OR over the join would read every card and every message.
    """
    records = Contact.objects.filter(Q(pk=contact.pk) | Q(merged_into=contact))
    return Q(**{f"{path}__in": records.values("pk")})


def _movements(contact: Contact, most: int) -> list[Moment]:
    rows = (
        Movement.objects.filter(_theirs(contact, "card__contact"))
        .select_related("reward", "undone_by")
        .order_by("-at", "-pk")[:most]
    )
    counts = the_programme().counts
    return [_movement(row, counts) for row in rows]


def _movement(row: Movement, counts: LoyaltyKind) -> Moment:
    units = counts.said(abs(row.stamps))
    title, detail, tone = str(row.get_kind_display()), "", "plain"
    if row.kind == MovementKind.EARN:
        title, detail = units, show_euros(row.amount_cents) if row.amount_cents else ""
        if hasattr(row, "undone_by"):
            title += ", annulé ensuite"
        else:
            tone = "accent"
    elif row.kind in {MovementKind.IMPORT, MovementKind.TRANSFER}:
        verb = "repris" if row.stamps > 0 else "passés à une autre carte"
        title, detail, tone = f"{units} {verb}", title, "accent"
    elif hasattr(row, "reward"):
        title = "Cadeau d’anniversaire" if row.cause == "birthday" else "Récompense gagnée"
        detail, tone = row.reward.label, "good"
    elif row.cause == REFERRAL:
        title = "Parrainage" if row.stamps > 0 else "Parrainage repris"
        detail, tone = (
            f"{'+' if row.stamps > 0 else '−'} {units}",
            "good" if row.stamps > 0 else tone,
        )
    elif row.kind == MovementKind.EXPIRE and not row.stamps:
        title = "Récompense expirée"
    elif row.kind not in {MovementKind.UNDO, MovementKind.REWARD_BACK}:
        detail = f"{'+' if row.stamps > 0 else '−'} {units}"
    return Moment(row.at, title, detail, tone, (row.actor_kind, row.actor_id))


def _redemptions(contact: Contact, most: int) -> list[Moment]:
    theirs = _theirs(contact, "reward__card__contact")
    rows = Redemption.objects.filter(theirs).select_related("reward")
    return [
        Moment(
            row.at, "Récompense remise", row.reward.label, "good", (row.actor_kind, row.actor_id)
        )
        for row in rows.order_by("-at")[:most]
    ]


def _purchases(contact: Contact, most: int) -> list[Moment]:
    """From the till and from files: what was typed at the counter stands with its stamp."""
    rows = Purchase.objects.filter(_theirs(contact, "contact"), cancelled_at=None)
    rows = rows.exclude(source=PurchaseSource.COUNTER).prefetch_related("lines")
    moments = []
    for row in rows.order_by("-at", "-pk")[:most]:
        what = "Retour" if row.amount_cents < 0 else "Achat"
        articles = ", ".join(
            f"{line.units} × {line.label}" if line.units != 1 else line.label
            for line in row.lines.all()
        )
        title = f"{what} de {show_euros(abs(row.amount_cents))}"
        moments.append(Moment(row.at, title, articles, "accent"))
    return moments


def _reservations(contact: Contact, most: int) -> list[Moment]:
    """Asked, and what became of it; a box's bottles are told with their box."""
    rows = Reservation.objects.filter(_theirs(contact, "contact"))
    rows = rows.exclude(cause__startswith=BOX_CAUSE)
    rows = rows.select_related("variant__product").order_by("-at", "-pk")[:most]
    moments = []
    for row in rows:
        what = f"{row.units} × {row.variant.full_name}"
        moments.append(Moment(row.at, "Réservation", what, "accent"))
        if row.ended_at:
            title = f"Réservation {row.get_ending_display().lower()}"
            fetched = row.ending == Reservation.Ending.COLLECTED
            moments.append(Moment(row.ended_at, title, what, "good" if fetched else "plain"))
    return moments


def _boxes(contact: Contact, most: int) -> list[Moment]:
    """Each box of the club, where it stands."""
    rows = Box.objects.filter(_theirs(contact, "member__contact"))
    rows = rows.select_related("round", "member__plan").order_by("-made_at", "-pk")[:most]
    moments = []
    for row in rows:
        title = f"Box {de_mois(row.round.month)} {row.get_state_display()}"
        at = row.ended_at or row.packed_at or row.made_at
        moments.append(Moment(at, title, row.member.plan.name, row.tone or "accent"))
    return moments


_TONES = {
    Status.DELIVERED: "good",
    Status.FAILED: "bad",
    Status.CANCELLED: "warn",
    Status.UNKNOWN: "warn",
}


def _messages(contact: Contact, most: int) -> list[Moment]:
    rows = Message.objects.filter(_theirs(contact, "contact")).order_by("-created_at", "-pk")
    rows = rows.only("channel", "kind", "subject", "body", "status", "created_at", "sent_at")
    moments = []
    for row in rows[:most]:
        what = "commercial" if row.kind == MessageKind.COMMERCIAL else "de service"
        status = Status(row.status)
        title = f"{row.get_channel_display()} {what}, {status.label}"
        detail = row.subject or row.body[:140]
        at = row.sent_at or row.created_at
        moments.append(Moment(at, title, detail, _TONES.get(status, "plain")))
    return moments


def _replies(contact: Contact, most: int) -> list[Moment]:
    rows = Reply.objects.filter(_theirs(contact, "contact")).order_by("-at", "-pk")[:most]
    own = ("customer", contact.pk)
    return [
        Moment(row.at, f"A écrit par {row.channel_name}", row.body[:140], "accent", own)
        for row in rows
    ]


def _consents(contact: Contact, most: int) -> list[Moment]:
    tones = {ConsentState.GRANTED: "good", ConsentState.WITHDRAWN: "bad"}
    moments = []
    rows = ConsentEvent.objects.filter(_theirs(contact, "contact")).order_by("-at", "-pk")
    for row in rows[:most]:
        state = ConsentState(row.state)
        title = f"Accord {row.get_channel_display()} : {state.label}"
        detail = str(Source(row.source).label)
        tone = tones.get(state, "plain")
        moments.append(Moment(row.at, title, detail, tone, (row.actor_kind, row.actor_id)))
    return moments
