"""What the public card shows, read in few statements: it is the page that is opened most."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from apps.contacts.models import Channel, Contact
from apps.core.reading import columns as sql_columns
from apps.core.reading import instance, one
from apps.loyalty import card_code
from apps.loyalty.merging import living
from apps.loyalty.models import Card, Joining, Programme
from apps.loyalty.rule import Kind, Offer, Promise
from apps.loyalty.services import default_programme
from apps.shops.models import Shop

# Where five in a row would leave a lonely stamp.
_COLUMNS = {2: 2, 3: 3, 4: 4, 5: 5, 6: 3, 7: 4, 8: 4, 11: 4, 12: 4, 16: 4}


@dataclass(frozen=True, slots=True)
class Hole:
    """One place on the card; a ``gift`` waits there."""

    number: int
    stamped: bool
    gift: bool


@dataclass(frozen=True, slots=True)
class Prize:
    """A reward of the programme, beside a balance."""

    offer: Offer
    told: str  # what it asks for
    reached: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a balance stands in the shop's rule, as a card draws it: by holes where gestures are
    counted, by a meter where amounts are. Values alone: parts of pages are kept by it."""

    kind: Kind
    main: Offer
    offers: tuple[Offer, ...]
    balance: int

    @classmethod
    def of(cls, programme: Programme, balance: int) -> "Standing":
        return cls(programme.counts, programme.main, tuple(programme.offers), balance)

    @property
    def goal(self) -> int:
        """The end of the round; where points are spent, the nearest reward out of reach."""
        if self.kind.is_spent:
            ahead = (offer.at for offer in self.offers if offer.at > self.balance)
            return next(ahead, self.offers[-1].at)
        return self.main.at

    @property
    def shown(self) -> int:
        return min(self.balance, self.goal)

    @property
    def left(self) -> int:
        return self.goal - self.shown

    @property
    def percent(self) -> int:
        return 100 * self.shown // self.goal

    @property
    def balance_told(self) -> str:
        return self.kind.said(self.balance)

    @property
    def shown_told(self) -> str:
        return self.kind.said(self.shown)

    @property
    def goal_told(self) -> str:
        return self.kind.said(self.goal)

    @property
    def main_told(self) -> str:
        return self.kind.said(self.main.at)

    @property
    def aim(self) -> str:
        """The reward that ``goal`` is the way to."""
        return next(offer.label for offer in self.offers if offer.at == self.goal)

    @property
    def left_told(self) -> str:
        return self.kind.said(self.left)

    @property
    def holes(self) -> tuple[Hole, ...]:
        if self.kind.by_amount:
            return ()
        return holes(self.goal, self.shown, tuple(offer.at for offer in self.offers))

    @property
    def columns(self) -> int:
        return columns(self.goal)

    @property
    def prizes(self) -> list[Prize]:
        said = self.kind.said
        return [Prize(offer, said(offer.at), offer.at <= self.balance) for offer in self.offers]


@dataclass(frozen=True, slots=True)
class Won:
    """A reward that waits, until the day ``until`` if it expires."""

    label: str
    until: date | None

    @classmethod
    def told(cls, label: str, expires_at: str | None) -> "Won":
        """As the database tells it in JSON."""
        if expires_at is None:
            return cls(label, None)
        end = timezone.localdate(datetime.fromisoformat(expires_at))
        return cls(label, end - timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Face:
    """A card as its holder sees it. ``waiting`` are the addresses still to be confirmed."""

    token: str
    holder: int
    number: int
    first_name: str
    visits: int
    link_token: str
    merged: bool
    version: str
    takes_news: bool
    standing: Standing
    promise: Promise | None
    tier: str
    rewards: list[Won]
    waiting: list[Joining]


def columns(goal: int) -> int:
    """How many stamps stand in a row."""
    return _COLUMNS.get(goal, 5)


@lru_cache(maxsize=512)
def holes(goal: int, stamped: int, steps: tuple[int, ...] = ()) -> tuple[Hole, ...]:
    """The places of a card; at its end, and at each of ``steps``, a gift."""
    gifts = {goal, *steps}
    return tuple(Hole(n, n <= stamped, n in gifts) for n in range(1, goal + 1))


def card_with(token: str) -> Card | None:
    """The card a token opens, its person beside it; an alias's token opens the right card."""
    card = Card.objects.select_related("contact").filter(token=token).first()
    if card is not None and card.contact.merged_into_id:
        return Card.objects.select_related("contact").get(contact=living(card.contact))
    return card


# Of the rows the page shows: PostgreSQL writes a new one, under a new number, for every change.
_VERSION = "concat_ws('.', card.xmin, person.xmin, rule.xmin)"
_FROM = """FROM loyalty_card card JOIN contacts_contact person ON person.id = card.contact_id
    LEFT JOIN loyalty_programme rule ON true"""
# Of person and card the few columns that the page shows, then the shop's rule.
_FACE = f"""
SELECT person.id, card.number, card.balance, person.first_name, person.visits, person.link_token,
    person.merged_into_id IS NOT NULL, {_VERSION},
    coalesce(person.push <> '' AND person.ways->'push'->>'consent' = 'granted', false),
    card.tier,
    ARRAY(SELECT json_build_array(won.label, won.expires_at) FROM loyalty_reward won
        WHERE won.card_id = card.id AND won.taken_back_at IS NULL AND NOT EXISTS (
            SELECT FROM loyalty_redemption given WHERE given.reward_id = won.id)
        ORDER BY won.won_at),
    ARRAY(SELECT json_build_object('channel', channel, 'address', address, 'agreed', agreed)
        FROM loyalty_joining WHERE contact_id = person.id AND confirmed_at IS NULL ORDER BY id),
    {sql_columns(Programme, "rule")}
{_FROM} WHERE card.token = %s
"""
_RULE_AT = 12  # columns before the rule's
_NOW = f"SELECT {_VERSION} {_FROM} WHERE card.number = %s"


def face_of(token: str) -> Face | None:
    """The face of the card with this token, in one statement."""
    row = one(_FACE, [token])
    if row is None:
        return None
    holder, number, balance, first_name, visits, link_token, merged, *more = row[:_RULE_AT]
    version, news, tier, won, typed = more
    programme = instance(Programme, row, _RULE_AT) or default_programme()
    waiting = {said["channel"]: Joining(**said) for said in typed}
    return Face(
        token,
        holder,
        number,
        first_name,
        visits,
        link_token,
        merged,
        version,
        news,
        Standing.of(programme, balance),
        programme.promise,
        programme.tier_name(tier),
        [Won.told(*each) for each in won],
        list(waiting.values()),
    )


def version(number: int) -> str:
    """Another text after each change of what the card with this number shows."""
    row = one(_NOW, [number])
    return str(row[0]) if row else ""


def waiting_for(contact: Contact) -> list[Joining]:
    """The latest joining of each address that its holder has not confirmed yet."""
    found = Joining.objects.filter(contact=contact, confirmed_at=None).order_by("pk")
    return list({joining.channel: joining for joining in found}.values())


def addresses_of(contact: Contact) -> list[tuple[str, str]]:
    """(channel, address) as the holder sees them: on the record, or typed and not confirmed.

    The same for a new person and for one the shop knew, whose record is still without it.
    """
    typed = {joining.channel: joining.address for joining in waiting_for(contact)}
    found = ((c, contact.address(c) or typed.get(c, "")) for c in Channel)
    return [(channel, address) for channel, address in found if address]


def code_of(shop: Shop, token: str, door: str = "c") -> SafeString:
    """The QR of the card's address, or of what another door opens, as inline SVG."""
    return mark_safe(card_code.svg(f"{shop.url}/{door}/", token))  # noqa: S308  our own drawing
