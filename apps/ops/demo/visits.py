"""Two years of visits, written as the counter would have written them: a ledger that adds up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.utils import timezone

from apps.contacts.models import Contact
from apps.loyalty.models import Card, Movement, MovementKind, Programme, Redemption, Reward
from apps.loyalty.rule import Win, climbed
from apps.loyalty.services import FIRST_NUMBER
from apps.loyalty.services.cards import first_look
from apps.loyalty.visits import VISITS

# Days between two visits: the regulars, those who come now and then, those who hardly do.
_RHYTHMS = (9, 11, 16, 24, 32, 38, 45, 55, 80, 110, 160, 220)
_KEPT = ["balance", "rewards_ready", "last_stamp_at", "year_visits", "tier", "tier_at", "look_on"]
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
    won: list[Win] = field(default_factory=list)  # beside ``paid``
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

    def live(self, people: Sequence[Contact]) -> list[Ledger]:
        """Everybody's card, and what its visits come to; nothing but cards is written yet."""
        cards = Card.objects.bulk_create(
            [
                Card(contact=contact, number=FIRST_NUMBER + place, created_at=contact.created_at)
                for place, contact in enumerate(people)
            ],
            batch_size=500,
        )
        return [self._live(card) for card in cards]

    def write(self, ledgers: Sequence[Ledger]) -> None:
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
        return Movement(
            card=card,
            kind=kind,
            stamps=stamps,
            token=UUID(int=self.random.getrandbits(128), version=4),
            actor_kind="team",
            actor_id=self.random.choice(self.helpers),
            place="counter",
            at=at,
        )

    def _visit(self, card: Card, at: datetime) -> Movement:
        amount = None
        if self.programme.counts.by_amount or self.random.random() < 0.6:
            amount = self.random.randrange(*self.basket, 10)
        line = self._line(card, MovementKind.EARN, self.programme.worth(amount), at)
        line.amount_cents, line.visit_before = amount, card.last_stamp_at
        return line

    def _live(self, card: Card) -> Ledger:
        ledger = Ledger(card)
        waiting: list[int] = []
        for at in self._visits(card.created_at):
            if waiting and self.random.random() < 0.8:
                fetched = at - timedelta(minutes=1)
                ledger.redeemed_at |= dict.fromkeys(waiting, fetched)
                waiting = []
            line = self._visit(card, at)
            ledger.earned.append(line)
            if self.random.random() < 0.006:
                ledger.undone.append(line)
                continue
            before, card.last_stamp_at = card.balance, at
            card.balance += line.stamps
            for won in self._won(ledger, before):
                waiting.append(len(ledger.paid))
                ledger.paid.append(self._line(card, MovementKind.REWARD, -won.price, at))
                ledger.won.append(won)
                card.balance -= won.price
                if self.programme.is_spent:
                    ledger.redeemed_at[waiting.pop()] = at
        card.rewards_ready = len(ledger.paid) - len(ledger.redeemed_at)
        return ledger

    def _won(self, ledger: Ledger, before: int) -> Sequence[Win]:
        """What the balance has won; of points, what the person feels like spending."""
        rule, balance = self.programme, ledger.card.balance
        if not rule.is_spent:
            return climbed(before, balance, rule.further, rule.main)
        within = [offer for offer in rule.offers if offer.at <= balance]
        wishes = within and self.random.random() < 0.35
        return [Win(within[-1], within[-1].at)] if wishes else []

    def _undo(self, ledgers: Sequence[Ledger]) -> None:
        lines = []
        for ledger in ledgers:
            for earned in ledger.undone:
                line = self._line(ledger.card, MovementKind.UNDO, -earned.stamps, earned.at)
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
                    label=won.offer.label,
                    is_alcohol=won.offer.is_alcohol,
                    step=0 if won.price else won.offer.at,
                    won_at=line.at,
                ),
                ledger.redeemed_at.get(place),
            )
            for ledger in ledgers
            for place, (line, won) in enumerate(zip(ledger.paid, ledger.won, strict=True))
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
            self._place(ledger)
        cards = [ledger.card for ledger in ledgers]
        Card.objects.bulk_update(cards, _KEPT, 500)
        people = [card.contact for card in cards]
        Contact.objects.bulk_update(people, ["last_visit_at"], 500)
        VISITS.mend([contact.pk for contact in people])

    def _place(self, ledger: Ledger) -> None:
        """The tier of the last twelve months, and when it was reached."""
        card, undone = ledger.card, {line.token for line in ledger.undone}
        since = self.now - timedelta(days=365)
        year = [m.at for m in ledger.earned if m.at >= since and m.token not in undone]
        card.year_visits, card.tier = len(year), self.programme.tier_of(len(year))
        if card.tier:
            card.tier_at = year[self.programme.ladder[card.tier - 1].at - 1]
        if year:
            card.look_on = first_look(self.programme, year[0])
