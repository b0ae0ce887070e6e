"""Writing lines: under the card's lock, the balance and the count of rewards in step with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.reading import Row, columns, insert, instance, one, width
from apps.loyalty.facts import RewardTakenBack, RewardWon
from apps.loyalty.models import Card, Movement, MovementKind, Programme, Reward
from apps.loyalty.rule import Win, climbed
from apps.loyalty.services.refusals import CardMerged, TokenSpent


@dataclass(frozen=True, slots=True)
class Gesture:
    """What each line of the ledger says of where it comes from."""

    token: UUID
    by: Actor
    now: datetime

    def also(self, line: str) -> "Gesture":
        """The same gesture's further line, with a token that follows from the first."""
        return Gesture(uuid5(self.token, line), self.by, self.now)

    def line(self, card: Card, kind: MovementKind, stamps: int, **more: Any) -> Movement:
        """Not written yet."""
        return Movement(
            card=card,
            kind=kind,
            stamps=stamps,
            token=self.token,
            actor_kind=self.by.kind,
            actor_id=self.by.id,
            place=self.by.place,
            device=self.by.device,
            at=self.now,
            **more,
        )


@contextmanager
def one_gesture() -> Iterator[None]:
    """One transaction; a token that the database already holds elsewhere is refused."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise TokenSpent() from error


HELD = f"{columns(Card, 'card')}, {columns(Contact, 'person')}"
FROM_CARD = "FROM loyalty_card card JOIN contacts_contact person ON person.id = card.contact_id"
_LOCK = f"SELECT {HELD} {FROM_CARD} WHERE card.id = %s FOR UPDATE OF card"


def held(row: Row | None) -> Card:
    """The card and its person of a row that begins with ``HELD``."""
    if row is None:
        raise Card.DoesNotExist()
    card: Card = instance(Card, row)
    card.contact = instance(Contact, row, width(Card))
    if card.contact.merged_into_id is not None:
        raise CardMerged()
    return card


def locked(card_id: int) -> Card:
    return held(one(_LOCK, [card_id]))


def write(card: Card, kind: MovementKind, stamps: int, gesture: Gesture, **more: Any) -> Movement:
    card.balance += stamps
    line = gesture.line(card, kind, stamps, **more)
    insert(line)
    return line


def keep(card: Card, *more: str) -> None:
    """What the lines have made of the card."""
    card.save(update_fields=["balance", "rewards_ready", *more])


def win(
    card: Card,
    won: Win,
    gesture: Gesture,
    *,
    expires_at: datetime | None,
    kind: MovementKind = MovementKind.REWARD,
    **more: Any,
) -> Reward:
    """A reward that waits to be handed over, and the line that paid for it."""
    reward = Reward(
        card=card,
        won_by=write(card, kind, -won.price, gesture, **more),
        label=won.offer.label,
        is_alcohol=won.offer.is_alcohol,
        step=0 if won.price else won.offer.at,
        won_at=gesture.now,
        expires_at=expires_at,
    )
    insert(reward)
    card.rewards_ready += 1
    return reward


def win_climbed(
    card: Card, programme: Programme, before: int, gesture: Gesture, earned: Movement | None
) -> list[Reward]:
    """What the card wins by having climbed from ``before``: each step once a round, also when
    the balance came down in between."""
    if programme.is_spent:
        return []
    wins = climbed(before, card.balance, programme.further, programme.main)
    had: set[int] = set()
    if any(not won.price for won in wins):
        had = set(steps_won(card).values_list("step", flat=True))
    rewards, expires_at = [], programme.reward_expires(gesture.now)
    for turn, won in enumerate(wins):
        if won.price:
            had.clear()  # the next round begins
        elif won.offer.at in had:
            continue
        also = gesture.also(f"reward:{turn}")
        reward = win(card, won, also, expires_at=expires_at, follows=earned)
        announce(RewardWon(reward_id=reward.pk))
        rewards.append(reward)
    return rewards


def steps_won(card: Card) -> QuerySet[Reward]:
    """The rewards won on the way in the card's present round, also those handed over."""
    rounds = Q(kind=MovementKind.REWARD, undone_by=None)
    rounds |= Q(kind=MovementKind.EXPIRE) | Q(kind=MovementKind.CORRECT)
    ended = Movement.objects.filter(rounds, card=card, stamps__lt=0)
    since = ended.order_by("-pk").values_list("pk", flat=True).first() or 0
    theirs = Reward.objects.filter(won_by__card=card, won_by__gt=since)
    return theirs.filter(step__gt=0, taken_back_at=None)


def break_up(card: Card, reward: Reward, gesture: Gesture, **more: Any) -> Reward:
    """A reward that is ready becomes what was paid for it again."""
    paid = reward.won_by
    undoing = gesture.also(f"back:{paid.pk}")
    write(card, MovementKind.REWARD_BACK, -paid.stamps, undoing, undoes=paid, **more)
    reward.taken_back_at = gesture.now
    reward.save(update_fields=["taken_back_at"])
    card.rewards_ready -= 1
    announce(RewardTakenBack(reward_id=reward.pk))
    return reward


def make_room(card: Card, programme: Programme, units: int, gesture: Gesture) -> list[Reward]:
    """Rewards that are ready broken up, the newest first, until the balance holds ``units`` or
    none is left; not those that were paid in what another rule counted."""
    broken: list[Reward] = []
    if card.balance >= units:
        return broken
    ready = Reward.objects.ready().filter(card=card, won_by__stamps__lt=0)
    if programme.counted_since is not None:
        ready = ready.filter(won_at__gte=programme.counted_since)
    for reward in ready.select_related("won_by").order_by("-won_at", "-pk"):
        if card.balance >= units:
            break
        broken.append(break_up(card, reward, gesture))
    return broken


def take_off(
    card: Card, programme: Programme, units: int, gesture: Gesture, **more: Any
) -> tuple[Movement, list[Reward]]:
    """A RETURN line of ``units``, or of what the balance still has, and the rewards broken up for
    it: what one that was handed over has used is let go."""
    taken = make_room(card, programme, units, gesture)
    line = write(card, MovementKind.RETURN, -min(units, card.balance), gesture, **more)
    taken += drop_steps(card, gesture)
    keep(card)
    return line, taken


def drop_steps(card: Card, gesture: Gesture) -> list[Reward]:
    """What was won on the way and is ready still, above where the balance has come down to."""
    above = steps_won(card).filter(redemption=None, step__gt=card.balance)
    return [break_up(card, reward, gesture) for reward in above.select_related("won_by")]
