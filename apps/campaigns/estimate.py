"""What a drop would do if it left now: whom it reaches, what it weighs, what they would read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from apps.audience.criteria import Chosen, Reach, chosen, reach
from apps.campaigns import rendering
from apps.campaigns.models import Drop, Pick
from apps.campaigns.personal import held_out
from apps.campaigns.splitting import reads
from apps.campaigns.timing import Wave, last_moment
from apps.contacts.channels import Channel, named
from apps.contacts.models import Contact
from apps.core.templatetags.french import euros, nombre
from apps.loyalty.services import the_programme
from apps.messaging.channels import sending
from apps.messaging.channels.sms import stop_reserve
from apps.messaging.clocks import clocks
from apps.messaging.letter import OPENS_NOTHING
from apps.messaging.text import Count, count
from apps.shops.models import Shop

SMS = "sms"


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
class Shown:
    """For whom a text is shown: the people of the shop whose SMS is the shortest and the longest,
    and a reader by each channel."""

    shortest: Sample | None
    longest: Sample | None
    readers: dict[str, Chosen]


@dataclass(frozen=True, slots=True)
class Estimate:
    """``messages`` and ``pieces`` by channel: how many leave, and what the operators bill for
    them; ``cost_tenths`` are tenths of a cent.

    With two texts those who wait for the pick are weighed with the dearer one; ``drawn`` is how
    many would read A, B, and wait; ``rival`` for whom B is shown.
    """

    reach: Reach
    people: int
    held: int  # who would get nothing, to compare
    messages: dict[str, int]
    pieces: dict[str, int]
    cost_tenths: int
    shortest: Sample | None
    longest: Sample | None
    readers: dict[str, Chosen]  # whom each channel's preview is for
    drawn: Mapping[str, int]
    rival: Shown | None
    waves: list[Wave]

    @property
    def segments(self) -> int:
        """All that is billed by the piece."""
        return sum(self.pieces.values())

    @property
    def by_channel(self) -> list[tuple[Channel, int]]:
        return [(named(channel), many) for channel, many in self.messages.items() if many]

    @property
    def cost_cents(self) -> int:
        return round(self.cost_tenths / 10)

    @property
    def sentence(self) -> str:
        """« 412 clients, 496 SMS, environ 34,72 € »."""
        said = [f"{nombre(self.people)} client{'s' if self.people > 1 else ''}"]
        for channel, many in self.messages.items():
            if many:
                said.append(sending(channel).counted(self.pieces.get(channel, many)))
        if self.cost_cents:
            said.append(f"environ {euros(self.cost_cents)}")
        return ", ".join(said)

    def promise(self) -> dict[str, Any]:
        return {
            "people": self.people,
            "segments": self.segments,
            "messages": dict(self.messages),
            "cost_tenths": self.cost_tenths,
        }


def imagined(shop: Shop, channel: str = SMS) -> Chosen:
    """Somebody to show a message to when the audience is empty, and for tests."""
    programme = the_programme()
    goal = programme.told(programme.goal)
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
    """Weighs every message as it would leave when its time comes; nothing is written."""
    criteria, channels = drop.who, drop.channels
    hours = clocks(shop, max(drop.send_at or now, now), last_moment(drop, shop, now))
    reached = reach(criteria, channels, shop, hours.now, hours)
    scales = {pick: _Scale(text, shop) for pick, text in drop.texts.items()}
    drawn: dict[int, str] = {}
    held, cost = set(), 0
    messages, pieces = Counter[str](), Counter[str]()
    readers: dict[str, Chosen] = {}
    waves = Counter[tuple[date, str]]()
    for person in chosen(criteria, channels, drop.both, shop, hours):
        if held_out(drop, person.contact_id):
            held.add(person.contact_id)
            continue
        if person.goes_at and person.contact_id not in drawn:
            waves[person.goes_at.astimezone(shop.zone).date(), person.waits] += 1
        pick = drawn[person.contact_id] = reads(drop, person.contact_id)
        messages[person.channel] += 1
        readers.setdefault(person.channel, person)
        if person.channel != SMS:  # whatever its text, it costs the same
            continue
        weighed = [scales[one].weigh(person) for one in ([pick] if pick else scales)]
        pieces[SMS] += max(sample.count.segments for sample in weighed)
        cost += max(sample.price_tenths for sample in weighed)
    for channel in messages.keys() - {SMS}:
        if each := sending(channel).pieces("", commercial=True):
            pieces[channel] = each * messages[channel]
            cost += pieces[channel] * sending(channel).price_tenths(shop)
    readers = {channel: readers.get(channel) or imagined(shop, channel) for channel in channels}
    shown = {pick: scale.shown(readers) for pick, scale in scales.items()}
    return Estimate(
        reach=reached,
        people=len(drawn),
        held=len(held),
        messages={channel: messages[channel] for channel in channels},
        pieces=dict(pieces),
        cost_tenths=cost,
        shortest=shown[Pick.A].shortest,
        longest=shown[Pick.A].longest,
        readers=readers,
        drawn=Counter(drawn.values()),
        rival=shown.get(Pick.B),
        waves=[Wave(day, waits, many) for (day, waits), many in waves.items()],
    )


class _Scale:
    """Weighs one text for all its readers; those of whom it says the same weigh the same."""

    def __init__(self, words: Drop, shop: Shop) -> None:
        self.words, self.shop, self.nobody = words, shop, reader_without_links()
        self.weighed: dict[tuple[str, str, int, int], Sample] = {}

    def weigh(self, person: Chosen) -> Sample:
        key = (person.first_name, person.last_name, person.balance, person.missing)
        if key not in self.weighed:
            self.weighed[key] = weigh(self.words, person, self.nobody, self.shop)
        return self.weighed[key]

    def shown(self, readers: dict[str, Chosen]) -> Shown:
        if not self.words.use_sms:
            return Shown(None, None, readers)
        if not self.weighed:
            self.weigh(imagined(self.shop))
        by_size = sorted(self.weighed.values(), key=lambda sample: sample.count.units)
        return Shown(by_size[0], by_size[-1], readers)


def weigh(words: rendering.Words, person: Chosen, contact: Contact, shop: Shop) -> Sample:
    """One SMS as it would leave: its size and its price."""
    way = sending(SMS)
    text = rendering.text(words, SMS, person, contact, shop)
    counted = count(text, 0 if words.is_service else stop_reserve())
    return Sample(person, counted, counted.segments * way.price_tenths(shop))
