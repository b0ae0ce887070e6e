"""What a drop would do if it left now: whom it reaches, what it weighs, what they would read."""

from dataclasses import dataclass
from datetime import datetime

from apps.audience.criteria import Chosen, Criteria, Reach, chosen, reach
from apps.campaigns import rendering
from apps.campaigns.models import Drop
from apps.campaigns.personal import held_out
from apps.contacts.models import Channel, Contact
from apps.core.templatetags.french import euros, nombre
from apps.loyalty.services import the_programme
from apps.messaging.letter import OPENS_NOTHING
from apps.messaging.services import weigh_sms
from apps.messaging.text import Count
from apps.shops.models import Shop


@dataclass(frozen=True, slots=True)
class Sample:
    """An SMS for a real person of the audience (or an imagined one, when there is none)."""

    person: Chosen
    count: Count
    price_tenths: int

    @property
    def name(self) -> str:
        return (
            f"{self.person.first_name} {self.person.last_name}".strip() or "une personne sans nom"
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """``segments`` is what the operator bills as SMS; ``cost_tenths`` are tenths of a cent."""

    reach: Reach
    people: int
    held: int  # who would get nothing, to compare
    sms: int
    emails: int
    segments: int
    cost_tenths: int
    shortest: Sample | None
    longest: Sample | None
    reader: Chosen | None  # whom the mail's preview is for

    @property
    def cost_cents(self) -> int:
        return round(self.cost_tenths / 10)

    @property
    def sentence(self) -> str:
        """« 412 clients, 496 SMS, environ 34,72 € »."""
        said = [f"{nombre(self.people)} client{'s' if self.people > 1 else ''}"]
        if self.sms:
            said.append(f"{nombre(self.segments)} SMS")
        if self.emails:
            said.append(f"{nombre(self.emails)} e-mail{'s' if self.emails > 1 else ''}")
        if self.cost_cents:
            said.append(f"environ {euros(self.cost_cents)}")
        return ", ".join(said)

    def promise(self) -> dict[str, int]:
        return {
            "people": self.people,
            "segments": self.segments,
            "emails": self.emails,
            "cost_tenths": self.cost_tenths,
        }


def imagined(shop: Shop, channel: str = Channel.SMS) -> Chosen:
    """Somebody to show a message to when the audience is empty, and for tests."""
    goal = the_programme().goal
    return Chosen(
        contact_id=0,
        channel=channel,
        address="",
        first_name="Camille",
        last_name="Martin",
        balance=min(7, goal - 1),
        missing=goal - min(7, goal - 1),
        rewards_ready=0,
        card_token="",
    )


def reader_without_links() -> Contact:
    """For what is shown or tried out: links as long as real ones, that open nobody's page."""
    return Contact(link_token=OPENS_NOTHING)


def estimate(drop: Drop, shop: Shop, now: datetime) -> Estimate:
    """Weighs every message as it would leave; nothing is written."""
    criteria, channels = Criteria.read(drop.criteria), drop.channels
    reached = reach(criteria, channels, shop, now)
    nobody = reader_without_links()
    weighed: dict[tuple[str, str, int, int], Sample] = {}
    people, held, sms, emails, segments, cost = set(), set(), 0, 0, 0, 0
    reader = None
    for person in chosen(criteria, channels, drop.both, shop, now):
        if held_out(drop, person.contact_id):
            held.add(person.contact_id)
            continue
        people.add(person.contact_id)
        if person.channel == Channel.EMAIL:
            emails += 1
            reader = reader or person
            continue
        sms += 1
        key = (person.first_name, person.last_name, person.balance, person.missing)
        if key not in weighed:
            weighed[key] = weigh(drop, person, nobody, shop)
        segments += weighed[key].count.segments
        cost += weighed[key].price_tenths
    if drop.use_sms and not weighed:
        weighed["", "", 0, 0] = weigh(drop, imagined(shop), nobody, shop)
    by_size = sorted(weighed.values(), key=lambda sample: sample.count.units)
    return Estimate(
        reach=reached,
        people=len(people),
        held=len(held),
        sms=sms,
        emails=emails,
        segments=segments,
        cost_tenths=cost,
        shortest=by_size[0] if by_size else None,
        longest=by_size[-1] if by_size else None,
        reader=reader or (imagined(shop, Channel.EMAIL) if drop.use_email else None),
    )


def weigh(words: rendering.Words, person: Chosen, contact: Contact, shop: Shop) -> Sample:
    """One SMS as it would leave: its size and its price."""
    counted, price = weigh_sms(rendering.sms_body(words, person, shop), contact, shop)
    return Sample(person, counted, price)
