"""What the public card shows, read in few statements: it is the page that is opened most."""

from dataclasses import dataclass
from functools import lru_cache

from django.utils.safestring import SafeString, mark_safe

from apps.contacts.models import Channel, Contact
from apps.core.reading import one
from apps.loyalty import card_code
from apps.loyalty.merging import living
from apps.loyalty.models import Card, Joining
from apps.loyalty.services import default_programme
from apps.shops.models import Shop

# Where five in a row would leave a lonely stamp.
_COLUMNS = {2: 2, 3: 3, 4: 4, 5: 5, 6: 3, 7: 4, 8: 4, 11: 4, 12: 4, 16: 4}


@dataclass(frozen=True, slots=True)
class Hole:
    """One place on the card."""

    number: int
    stamped: bool
    last: bool


@dataclass(frozen=True, slots=True)
class Face:
    """A card as its holder sees it. ``waiting`` are the addresses still to be confirmed."""

    token: str
    number: int
    balance: int
    first_name: str
    visits: int
    link_token: str
    merged: bool
    goal: int
    reward: str
    rewards: list[str]
    waiting: list[Joining]

    @property
    def stamped(self) -> int:
        return min(self.balance, self.goal)

    @property
    def left(self) -> int:
        return self.goal - self.stamped

    @property
    def columns(self) -> int:
        return columns(self.goal)

    @property
    def holes(self) -> tuple[Hole, ...]:
        return holes(self.goal, self.stamped)


def columns(goal: int) -> int:
    """How many stamps stand in a row."""
    return _COLUMNS.get(goal, 5)


@lru_cache(maxsize=512)
def holes(goal: int, stamped: int) -> tuple[Hole, ...]:
    return tuple(Hole(n, n <= stamped, n == goal) for n in range(1, goal + 1))


def card_with(token: str) -> Card | None:
    """The card a token opens, its person beside it; an alias's token opens the right card."""
    card = Card.objects.select_related("contact").filter(token=token).first()
    if card is not None and card.contact.merged_into_id:
        return Card.objects.select_related("contact").get(contact=living(card.contact))
    return card


# Of each table the few columns that the page shows.
_FACE = """
SELECT card.number, card.balance, person.first_name, person.visits, person.link_token,
    person.merged_into_id IS NOT NULL, rule.goal, rule.reward,
    ARRAY(SELECT won.label FROM loyalty_reward won WHERE won.card_id = card.id
        AND won.taken_back_at IS NULL AND NOT EXISTS (
            SELECT FROM loyalty_redemption given WHERE given.reward_id = won.id)
        ORDER BY won.won_at),
    ARRAY(SELECT json_build_object('channel', channel, 'address', address, 'agreed', agreed)
        FROM loyalty_joining WHERE contact_id = person.id AND confirmed_at IS NULL ORDER BY id)
FROM loyalty_card card JOIN contacts_contact person ON person.id = card.contact_id
    LEFT JOIN loyalty_programme rule ON true
WHERE card.token = %s
"""


def face_of(token: str) -> Face | None:
    """The face of the card with this token, in one statement."""
    row = one(_FACE, [token])
    if row is None:
        return None
    *known, goal, reward, rewards, typed = row
    if goal is None:
        unchosen = default_programme()
        goal, reward = unchosen.goal, unchosen.reward
    waiting = {said["channel"]: Joining(**said) for said in typed}
    found = [token, *known, goal, reward, rewards, list(waiting.values())]
    return Face(*found)


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


def code_of(shop: Shop, token: str) -> SafeString:
    """The QR of the card's address as inline SVG."""
    return mark_safe(card_code.svg(f"{shop.url}/c/", token))  # noqa: S308  our own drawing
