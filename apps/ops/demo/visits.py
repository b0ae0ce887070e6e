"""Two years of visits, written as the counter would have written them: a ledger that adds up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.utils import timezone

from apps.contacts.models import Contact
from apps.loyalty.models import Card, Movement, MovementKind, Programme, Redemption, Reward
from apps.loyalty.services import FIRST_NUMBER
from apps.loyalty.visits import VISITS

# Days between two visits: the regulars, those who come now and then, those who hardly do.
_RHYTHMS = (9, 11, 16, 24, 32, 38, 45, 55, 80, 110, 160, 220)
_STAY = 0.972  # of a hundred visits, about three are a person's last


@dataclass(frozen=True, slots=True)
class Hours:
    """When people come: weekday → weight (Monday first), hours of the day → weight."""

    days: tuple[int, ...]
    hours: dict[int, int]

    def open(self, random: Random, at: datetime) -> datetime:
        """The same day or soon after, at an hour when the shop is open."""
        local = timezone.localtime(at)
        while random.random() * max(self.days) > self.days[local.weekday()]:
            local += timedelta(days=1)
        hour = random.choices(list(self.hours), list(self.hours.values()))[0]
        minute, second = random.randrange(60), random.randrange(60)
        return local.replace(hour=hour, minute=minute, second=second, microsecond=0)


@dataclass
class Ledger:
    """What one card's visits come to."""

    card: Card
    earned: list[Movement] = field(default_factory=list)
    paid: list[Movement] = field(default_factory=list)
    undone: list[Movement] = field(default_factory=list)
    redeemed_at: dict[int, datetime] = field(default_factory=dict)  # index in paid → when


class Ledgers:
    """Writes cards, movements, rewards and redemptions of a shop's people."""

    def __init__(
        self,
        seed: str,
        *,
        programme: Programme,
        helpers: Sequence[int],
        hours: Hours,
        basket_cents: tuple[int, int],
        now: datetime,
    ) -> None:
        self.random, self.now, self.programme = Random(f"{seed}-visits"), now, programme
        self.helpers, self.hours, self.basket = helpers, hours, basket_cents

    def write(self, people: Sequence[Contact]) -> None:
        cards = Card.objects.bulk_create(
            [
                Card(contact=contact, number=FIRST_NUMBER + place, created_at=contact.created_at)
                for place, contact in enumerate(people)
            ],
            batch_size=500,
        )
        ledgers = [self._live(card) for card in cards]
        lines = sorted(
            (line for ledger in ledgers for line in (*ledger.earned, *ledger.paid)),
            key=lambda line: line.at,
        )
        Movement.objects.bulk_create(lines, batch_size=1000)
        self._undo(ledgers)
        self._reward(ledgers)
        self._sum(ledgers)

    def _visits(self, since: datetime) -> Iterator[datetime]:
        """The day of joining, then as this person's rhythm and the shop's hours have it."""
        random = self.random
        pace = random.choice(_RHYTHMS)
        at = since
        while at <= self.now:
            yield at
            if random.random() > _STAY:
                return
            season = 0.6 if at.month == 12 else 1.0
            wait = timedelta(days=max(1, random.gauss(pace, pace / 4) * season))
            at = self.hours.open(random, at + wait)

    def _line(self, card: Card, kind: str, stamps: int, at: datetime) -> Movement:
        amount = None
        if kind == MovementKind.EARN and self.random.random() < 0.6:
            amount = self.random.randrange(*self.basket, 10)
        return Movement(
            card=card,
            kind=kind,
            stamps=stamps,
            token=UUID(int=self.random.getrandbits(128), version=4),
            amount_cents=amount,
            actor_kind="team",
            actor_id=self.random.choice(self.helpers),
            at=at,
        )

    def _live(self, card: Card) -> Ledger:
        ledger, goal = Ledger(card), self.programme.goal
        balance, waiting = 0, None
        for at in self._visits(card.created_at):
            if waiting is not None and self.random.random() < 0.8:
                ledger.redeemed_at[waiting] = at - timedelta(minutes=1)
                waiting = None
            line = self._line(card, MovementKind.EARN, 1, at)
            line.visit_before = card.last_stamp_at
            ledger.earned.append(line)
            if self.random.random() < 0.006:
                ledger.undone.append(line)
                continue
            balance += 1
            card.last_stamp_at = at
            if balance == goal:
                waiting = len(ledger.paid)
                ledger.paid.append(self._line(card, MovementKind.REWARD, -goal, at))
                balance = 0
        card.balance = balance
        card.rewards_ready = len(ledger.paid) - len(ledger.redeemed_at)
        return ledger

    def _undo(self, ledgers: Sequence[Ledger]) -> None:
        lines = []
        for ledger in ledgers:
            for earned in ledger.undone:
                line = self._line(ledger.card, MovementKind.UNDO, -1, earned.at)
                line.at += timedelta(minutes=self.random.randint(1, 8))
                line.undoes = earned
                lines.append(line)
        Movement.objects.bulk_create(lines, batch_size=1000)

    def _reward(self, ledgers: Sequence[Ledger]) -> None:
        pairs = [
            (
                Reward(
                    card=ledger.card,
                    won_by=line,
                    label=self.programme.reward,
                    is_alcohol=self.programme.reward_is_alcohol,
                    won_at=line.at,
                ),
                ledger.redeemed_at.get(place),
            )
            for ledger in ledgers
            for place, line in enumerate(ledger.paid)
        ]
        Reward.objects.bulk_create([reward for reward, _ in pairs], batch_size=1000)
        spent = [
            Redemption(
                reward=reward,
                token=UUID(int=self.random.getrandbits(128), version=4),
                actor_kind="team",
                actor_id=self.random.choice(self.helpers),
                at=at,
            )
            for reward, at in pairs
            if at
        ]
        Redemption.objects.bulk_create(spent, batch_size=1000)

    def _sum(self, ledgers: Sequence[Ledger]) -> None:
        """What the counter keeps on the card and on the person, in step with the ledger."""
        for ledger in ledgers:
            contact = ledger.card.contact
            contact.last_visit_at = ledger.card.last_stamp_at
        cards = [ledger.card for ledger in ledgers]
        Card.objects.bulk_update(cards, ["balance", "rewards_ready", "last_stamp_at"], 500)
        people = [card.contact for card in cards]
        Contact.objects.bulk_update(people, ["last_visit_at"], 500)
        VISITS.mend([contact.pk for contact in people])
