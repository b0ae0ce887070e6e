"""Who brought whom, as visitors, customers and the owner see it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from apps.contacts.models import Contact
from apps.core.sheets import BATCH, STYLES, csv_pieces
from apps.core.tenancy import in_schema
from apps.loyalty.first_touch import Memory, Touch, code_of, sponsor_numbered
from apps.loyalty.models import Card
from apps.loyalty.referral_models import Referral, ReferralState
from apps.loyalty.rule import Kind, Promise
from apps.loyalty.services import the_programme

_READ = ("sponsor__contact__merged_into", "friend__contact__merged_into", "visit")
_CLOSED = (ReferralState.KNOWN, ReferralState.REFUSED)


@dataclass(frozen=True, slots=True)
class Offered:
    """What a visitor is offered, and by whom: a first name at most."""

    touch: Touch
    by: str
    promise: Promise

    @property
    def code(self) -> str:
        return code_of(self.touch.sponsor)


def offered(memory: Memory) -> Offered | None:
    """By the link that this browser followed first; no query for a browser that followed none."""
    if memory.touch is None:
        return None
    sponsor, promise = sponsor_numbered(memory.touch.sponsor), the_programme().promise
    if sponsor is None or promise is None:
        return None
    return Offered(memory.touch, sponsor.contact.first_name, promise)


@dataclass(frozen=True, slots=True)
class Brought:
    """How many friends took the card, and how many of them came."""

    joined: int
    came: int


def brought_by(person: Contact) -> Brought:
    theirs = Referral.objects.bringing(person.pk).exclude(state__in=_CLOSED)
    return Brought(**theirs.aggregate(joined=Count("pk"), came=_COUNT_GIVEN))


_COUNT_GIVEN = Count("pk", filter=Q(state=ReferralState.GIVEN))


@dataclass(frozen=True, slots=True)
class Line:
    """One friend who was brought, as the owner sees them."""

    referral: Referral
    sponsor: Contact
    friend: Contact
    kind: Kind

    @property
    def tone(self) -> str:
        """The colour of its chip."""
        tones = {ReferralState.DOUBTED: "warn", ReferralState.GIVEN: "good"}
        return tones.get(ReferralState(self.referral.state), "plain")

    @property
    def sponsor_gets(self) -> str:
        return self.kind.said(self.referral.sponsor_gets)

    @property
    def friend_gets(self) -> str:
        return self.kind.said(self.referral.friend_gets)


def every() -> QuerySet[Referral]:
    """The latest first."""
    return Referral.objects.select_related(*_READ).order_by("-created_at", "-pk")


def lines(found: Iterable[Referral]) -> list[Line]:
    kind = the_programme().counts
    return [_line(one, kind) for one in found]


def _line(one: Referral, kind: Kind) -> Line:
    return Line(one, _today(one.sponsor), _today(one.friend), kind)


def _today(card: Card) -> Contact:
    return card.contact.merged_into or card.contact


@dataclass(frozen=True, slots=True)
class Figures:
    """What it brought: friends who took the card and who came, what they have spent since, what
    was given for it to both, in units, and how many wait for a word."""

    joined: int
    came: int
    spent_cents: int
    given: int
    doubted: int


def figures() -> Figures:
    counted = Referral.objects.aggregate(
        joined=Count("pk", filter=~Q(state__in=_CLOSED)),
        came=_COUNT_GIVEN,
        doubted=Count("pk", filter=Q(state=ReferralState.DOUBTED)),
        given=Coalesce(
            Sum(F("sponsor_gets") + F("friend_gets"), filter=Q(state=ReferralState.GIVEN)), 0
        ),
    )
    came = Referral.objects.filter(state=ReferralState.GIVEN)
    friend = Coalesce("friend__contact__merged_into", "friend__contact")
    people = Contact.objects.filter(pk__in=came.values_list(friend))
    spent = people.aggregate(cents=Coalesce(Sum("spent_cents"), 0))["cents"]
    return Figures(spent_cents=spent, **counted)


COLUMNS = (
    "Parrain",
    "Carte du parrain",
    "Ami",
    "Carte de l’ami",
    "Lien suivi le",
    "Carte prise le",
    "Venu le",
    "État",
    "Doute",
    "Cadeau du parrain",
    "Cadeau de l’ami",
    "Dépensé par l’ami",
)


def as_csv(schema: str) -> Iterator[bytes]:
    """All of them, for a French Excel."""
    with in_schema(schema):
        yield from csv_pieces(COLUMNS, _rows(), STYLES["excel"])


def _rows() -> Iterator[tuple[Any, ...]]:
    kind = the_programme().counts
    for one in every().iterator(chunk_size=BATCH):
        line = _line(one, kind)
        yield (
            line.sponsor.full_name,
            one.sponsor.number,
            line.friend.full_name,
            one.friend.number,
            one.followed_at,
            one.created_at,
            one.visit.at if one.visit else None,
            one.get_state_display(),
            one.get_doubt_display(),
            line.sponsor_gets,
            line.friend_gets,
            Decimal(line.friend.spent_cents) / 100,
        )
