"""What was given in error or for goods that came back: the undo and the return.

| what the gesture gave        | undo, within ten minutes      | return, later                  |
|------------------------------|-------------------------------|--------------------------------|
| units on the balance         | taken off                     | taken off                      |
| a bonus beside them          | taken off with them           | taken off with them            |
| a reward that is ready       | broken up                     | broken up                      |
| a reward handed over, then   | refused                       | kept; what the balance lacks   |
| or on another visit          |                               | is let go                      |
| goods brought back in part   | —                             | their share, rounded down; the |
|                              |                               | last part takes the rest       |
| the visit, the purchase      | did not happen                | stands; a purchase below zero  |
| a tier reached by the visit  | falls back                    | stands with the visit          |
| the gift of a friend who was | taken off with the gesture    | its share; the last part takes |
| brought, at the first visit  |                               | the rest                       |
| the gift of who brought them | taken off, as by a return; it | stands while any part does;    |
|                              | waits for a visit that stands | the last part takes it off     |
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Sum

from apps.audit.services import record
from apps.catalog.models import PurchaseSource
from apps.catalog.services.purchases import cancel_at_counter, record_purchase
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.money import show_euros
from apps.loyalty.facts import CardChanged, StampReturned, StampUndone
from apps.loyalty.models import Card, Movement, MovementKind, Programme, Redemption, Reward
from apps.loyalty.rule import share
from apps.loyalty.services.cards import the_programme
from apps.loyalty.services.ledger import (
    Gesture,
    drop_steps,
    keep,
    locked,
    make_room,
    one_gesture,
    take_off,
    write,
)
from apps.loyalty.services.refusals import (
    CountedOtherwise,
    NothingToReturn,
    NotYourStamp,
    ReturnTooMuch,
    RewardAlreadyGiven,
    TokenSpent,
    UndoTooLate,
)
from apps.loyalty.visits import VISITS

UNDO_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Undone:
    """``movement`` is the ledger's UNDO line; ``taken_back`` the rewards broken up for it."""

    movement: Movement
    card: Card
    taken_back: list[Reward] = field(default_factory=list)
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Returned:
    """``movement`` is the RETURN line; ``let_go`` the units that the balance no longer had."""

    movement: Movement
    card: Card
    taken_back: list[Reward] = field(default_factory=list)
    let_go: int = 0
    repeated: bool = False


def undo_stamp(
    *,
    movement: Movement,
    token: UUID,
    by: Actor,
    now: datetime,
    lead: bool = False,
    within: timedelta = UNDO_WINDOW,
) -> Undone:
    """Take a gesture back within ten minutes: its author, or a ``lead`` for anyone's; ``within``
    longer where somebody has looked at it.

    What stands after is what the gestures that stand have won (the table above). The visit and
    the purchase are taken back too. Undone twice is undone once.
    Raises ``UndoTooLate``, ``NotYourStamp``, ``RewardAlreadyGiven``, ``CountedOtherwise``.
    """
    gesture = Gesture(token, by, now)
    with one_gesture():
        card = locked(movement.card_id)
        done = Movement.objects.filter(undoes=movement).first()
        if done is not None:
            return Undone(done, card, repeated=True)
        if movement.kind != MovementKind.EARN or now - movement.at > within:
            raise UndoTooLate()
        if not lead and (movement.actor_kind, movement.actor_id) != (by.kind, by.id):
            raise NotYourStamp()
        if Movement.objects.filter(follows=movement, kind=MovementKind.RETURN).exists():
            raise NothingToReturn()
        programme = the_programme()
        _refuse_counted_otherwise(movement, programme)
        lines = _given(movement)
        units = sum(line.stamps for line in lines)
        taken = make_room(card, programme, units, gesture)
        if card.balance < units or _handed_over(movement):
            raise RewardAlreadyGiven()
        undo = write(card, MovementKind.UNDO, -movement.stamps, gesture, undoes=movement)
        for bonus in lines[1:]:
            also = gesture.also(f"bonus:{bonus.pk}")
            write(card, MovementKind.UNDO, -bonus.stamps, also, undoes=bonus)
        taken += drop_steps(card, gesture)
        _forget_visit(card, movement, programme)
        if movement.amount_cents:
            cancel_at_counter(movement.token, by=by, now=now)
        keep(card, "last_stamp_at", "year_visits", "tier")
        record(by, "undo_stamp", "card", card.pk, after={"balance": card.balance})
        announce(StampUndone(card_id=card.pk, movement_id=movement.pk))
        return Undone(undo, card, taken)


def give_back(
    *,
    card: Card,
    movement: Movement,
    token: UUID,
    by: Actor,
    now: datetime,
    amount_cents: int | None = None,
) -> Returned:
    """Goods of an earlier gesture came back: all that is left of them, or ``amount_cents``.

    ``card`` is the one that bears the gesture today (a merge may have moved it on). What the
    gesture gave comes off in proportion (the table above). The same token again changes nothing.
    Raises ``NothingToReturn``, ``ReturnTooMuch``, ``CountedOtherwise``.
    """
    gesture = Gesture(token, by, now)
    with one_gesture():
        card = locked(card.pk)
        earlier = Movement.objects.filter(token=token).first()
        if earlier is not None:
            if earlier.follows_id != movement.pk:
                raise TokenSpent()
            return Returned(earlier, card, repeated=True)
        if movement.kind != MovementKind.EARN or hasattr(movement, "undone_by"):
            raise NothingToReturn()
        programme = the_programme()
        _refuse_counted_otherwise(movement, programme)
        part = _part(movement, amount_cents)
        due = part.of(sum(line.stamps for line in _given(movement)))
        line, taken = take_off(
            card, programme, due, gesture, follows=movement, amount_cents=part.cents
        )
        _buy_less(card, part.cents, gesture)
        record(by, "return", "card", card.pk, after={"balance": card.balance})
        announce(CardChanged(card_id=card.pk))
        if part.is_last:
            announce(StampReturned(movement_id=movement.pk))
        return Returned(line, card, taken, let_go=due + line.stamps)


def stands(movement: Movement) -> bool:
    """Neither undone nor wholly brought back."""
    try:
        _part(movement, None)
    except NothingToReturn:
        return False
    return not Movement.objects.filter(undoes=movement).exists()


def _buy_less(card: Card, cents: int | None, gesture: Gesture) -> None:
    """A return is a purchase below zero."""
    if cents:
        record_purchase(
            contact=card.contact,
            amount_cents=-cents,
            at=gesture.now,
            source=PurchaseSource.COUNTER,
            reference=f"retour:{gesture.token}",
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """What comes back now of a gesture worth ``whole``; a gesture without an amount is whole."""

    before: int
    now: int
    whole: int
    cents: int | None

    @property
    def is_last(self) -> bool:
        return self.before + self.now == self.whole

    def of(self, units: int) -> int:
        """The share of ``units`` that goes now, so that all parts together take them all."""
        after = share(units, self.before + self.now, self.whole)
        return after - share(units, self.before, self.whole)


def _part(movement: Movement, amount_cents: int | None) -> _Part:
    returns = Movement.objects.filter(follows=movement, kind=MovementKind.RETURN)
    whole = movement.amount_cents
    if not whole:
        if returns.exists():
            raise NothingToReturn()
        return _Part(0, 1, 1, None)
    before = returns.aggregate(sum=Sum("amount_cents"))["sum"] or 0
    left = whole - before
    if not left:
        raise NothingToReturn()
    now = left if amount_cents is None else amount_cents
    if not 0 < now <= left:
        raise ReturnTooMuch(left=show_euros(left))
    return _Part(before, now, whole, now)


def _given(movement: Movement) -> list[Movement]:
    """The gesture's line, and each bonus that it brought and that was not taken back alone."""
    bonus = Movement.objects.filter(follows=movement, kind=MovementKind.BONUS)
    return [movement, *bonus.exclude(followed_by__kind=MovementKind.RETURN)]


def _handed_over(movement: Movement) -> bool:
    return Redemption.objects.filter(reward__won_by__follows=movement).exists()


def _refuse_counted_otherwise(movement: Movement, programme: Programme) -> None:
    since = programme.counted_since
    if since is not None and movement.at < since:
        raise CountedOtherwise()


def _forget_visit(card: Card, stamp: Movement, programme: Programme) -> None:
    """The visit of an undone stamp did not happen: what was known before it is known again."""
    earned = Movement.objects.filter(card=card, kind=MovementKind.EARN)
    standing = earned.filter(undone_by=None).order_by("-at").first()
    card.last_stamp_at = standing.at if standing else None
    contact = card.contact
    last = contact.last_visit_at
    # Walk back over stamps that were undone before this one.
    undone = {m.at: m for m in earned.exclude(undone_by=None)}
    while last in undone:
        last = undone.pop(last).visit_before
    card.year_visits = max(0, card.year_visits - 1)
    card.tier = min(card.tier, programme.tier_of(card.year_visits))
    Contact.objects.filter(pk=contact.pk).update(last_visit_at=last)
    VISITS.keep([contact.pk])
    contact.refresh_from_db(fields=["visits", "first_visit_at", "last_visit_at"])
