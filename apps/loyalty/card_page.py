"""What the public card shows, read in few statements: it is the page that is opened most."""

from dataclasses import dataclass

import segno
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from apps.contacts.models import Channel, Contact
from apps.loyalty.merging import living
from apps.loyalty.models import Card, Joining, Programme, Reward
from apps.loyalty.services import the_programme
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

    card: Card
    programme: Programme
    rewards: list[str]
    waiting: list[Joining]

    @property
    def contact(self) -> Contact:
        return self.card.contact

    @property
    def stamped(self) -> int:
        return min(self.card.balance, self.programme.goal)

    @property
    def left(self) -> int:
        return self.programme.goal - self.stamped

    @property
    def columns(self) -> int:
        return columns(self.programme.goal)

    @property
    def holes(self) -> list[Hole]:
        return holes(self.programme.goal, self.stamped)


def columns(goal: int) -> int:
    """How many stamps stand in a row."""
    return _COLUMNS.get(goal, 5)


def holes(goal: int, stamped: int) -> list[Hole]:
    return [Hole(n, n <= stamped, n == goal) for n in range(1, goal + 1)]


def card_with(token: str) -> Card | None:
    """The card a token opens, its person beside it; an alias's token opens the right card."""
    card = Card.objects.select_related("contact").filter(token=token).first()
    if card is not None and card.contact.merged_into_id:
        return Card.objects.select_related("contact").get(contact=living(card.contact))
    return card


def face_of(token: str) -> Face | None:
    """The face of the card with this token (one statement), and the programme (another)."""
    ready = Reward.objects.ready().filter(card=OuterRef("pk"))
    waits = Joining.objects.filter(contact=OuterRef("contact"), confirmed_at=None).order_by("pk")
    said = JSONObject(**{name: name for name in ("channel", "address", "agreed")})
    card = (
        Card.objects.select_related("contact")
        .annotate(
            ready_labels=ArraySubquery(ready.order_by("won_at").values("label")),
            waits=ArraySubquery(waits.values(said=said)),
        )
        .filter(token=token)
        .first()
    )
    if card is None:
        return None
    waiting = {said["channel"]: Joining(**said) for said in card.waits}
    return Face(card, the_programme(), card.ready_labels, list(waiting.values()))


def waiting_for(contact: Contact) -> list[Joining]:
    """The latest joining of each address that its holder has not confirmed yet."""
    found = Joining.objects.filter(contact=contact, confirmed_at=None).order_by("pk")
    return list({joining.channel: joining for joining in found}.values())


def addresses_of(contact: Contact) -> list[tuple[str, str]]:
    """(channel, address) as the holder sees them: on the record, or typed and not confirmed.

    The same for a new person and for one the shop knew, whose record is still without it.
    """
    typed = {joining.channel: joining.address for joining in waiting_for(contact)}
    found = ((c, contact.address(c) or typed.get(c, "")) for c in Channel.values)
    return [(channel, address) for channel, address in found if address]


def card_url(shop: Shop, card: Card) -> str:
    return f"{shop.url}/c/{card.token}/"


def qr(url: str) -> str:
    """The QR of ``url`` as inline SVG that fills its box: dark on white in every theme."""
    code = segno.make(url, error="m", micro=False)
    return str(code.svg_inline(omitsize=True, border=0, dark="#231a17", svgclass=None))
