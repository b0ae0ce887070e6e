"""A gesture at the counter: units, visit, purchase, and the rewards it wins."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from apps.audit.services import record
from apps.catalog.services.purchases import at_counter
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.reading import columns, instance, one, width
from apps.core.refusal import Refusal
from apps.loyalty.facts import FirstVisit, StampAdded, TierReached
from apps.loyalty.models import Card, Movement, MovementKind, Programme, Reward
from apps.loyalty.rule import Kind
from apps.loyalty.services.cards import default_programme, first_look
from apps.loyalty.services.ledger import (
    FROM_CARD,
    HELD,
    Gesture,
    held,
    keep,
    one_gesture,
    win_climbed,
    write,
)
from apps.loyalty.services.refusals import (
    AmountMissing,
    HourlyLimit,
    StampedJustNow,
    TokenSpent,
    VisitCounted,
)
from apps.loyalty.services.watching import PACE, glance


@dataclass(frozen=True, slots=True)
class Stamped:
    """``card`` is as it stands now; ``rewards`` are what this gesture won, ``bonus`` the units
    that the hour added."""

    movement: Movement
    card: Card
    programme: Programme
    rewards: list[Reward] = field(default_factory=list)
    bonus: int = 0
    repeated: bool = False

    @property
    def reward(self) -> Reward | None:
        """The greatest one won."""
        return self.rewards[-1] if self.rewards else None


def add_stamp(
    *,
    card: Card,
    token: UUID,
    by: Actor,
    now: datetime,
    amount_cents: int | None = None,
    over_cooldown: bool = False,
) -> Stamped:
    """One gesture: its units, the rewards it wins, and the purchase when there is an amount.

    ``over_cooldown`` is a lead's explicit word.

    Raises ``AmountMissing``, ``StampedJustNow``, ``VisitCounted``, ``HourlyLimit``,
    ``CardMerged``, or ``TokenSpent`` when the token stands for another card's gesture.
    """
    gesture = Gesture(token, by, now)
    with one_gesture():
        card, programme, recent = _locked_with_rules(card.pk, gesture)
        stamped_before = card.last_stamp_at
        may_not: Refusal | None = None
        if programme.counts.by_amount and not amount_cents:
            may_not = AmountMissing()
        elif not over_cooldown:
            may_not = _may_not_yet(card, programme, now)
        if may_not is None and recent.hour >= programme.helper_hourly_limit:
            may_not = _hourly_limit(programme.helper_hourly_limit, by, now)
        before, tier = card.balance, card.tier
        movement = None if may_not else _stamp(card, programme, gesture, amount_cents)
        if movement is None:
            return _as_before(card, programme, gesture, may_not)
        bonus = movement.stamps * (programme.times(now) - 1)
        if bonus:
            extra = gesture.also("bonus")
            write(card, MovementKind.BONUS, bonus, extra, follows=movement, cause="hours")
        if amount_cents:
            at_counter(card.contact, amount_cents, token=token, now=now)
        rewards = win_climbed(card, programme, before, gesture, movement)
        if rewards or bonus:
            keep(card)
        if card.tier > tier:
            announce(TierReached(card_id=card.pk, tier=card.tier))
        record(by, "stamp", "card", card.pk, after={"balance": card.balance})
        announce(StampAdded(card_id=card.pk, movement_id=movement.pk))
        glance(movement, programme, stamped_before, recent.by_person, recent.by_device)
        if card.contact.visits == 1:
            announce(FirstVisit(movement_id=movement.pk))
        return Stamped(movement, card, programme, rewards, bonus)


@dataclass(frozen=True, slots=True)
class _Recent:
    """How many stamps there were: the person's within the hour, theirs and the phone's within
    ``PACE``."""

    hour: int
    by_person: int
    by_device: int


# The card, the shop's rule, and what was stamped of late.
_LOCK_WITH_RULES = f"""
SELECT {HELD}, {columns(Programme, "rule")},
    (SELECT ARRAY[count(*), count(*) FILTER (WHERE at > %s)] FROM loyalty_movement
        WHERE kind = 'earn' AND actor_kind = %s AND actor_id = %s AND at > %s),
    (SELECT count(*) FROM loyalty_movement WHERE kind = 'earn' AND device = %s AND at > %s)
{FROM_CARD} LEFT JOIN loyalty_programme rule ON true
WHERE card.id = %s FOR UPDATE OF card
"""


def _locked_with_rules(card_id: int, gesture: Gesture) -> tuple[Card, Programme, _Recent]:
    """The card as it stands now that nobody else holds it; the rest as one saw it before."""
    by, hour_ago, pace_ago = gesture.by, gesture.now - timedelta(hours=1), gesture.now - PACE
    told = [pace_ago, by.kind, by.id, hour_ago, by.device, pace_ago, card_id]
    row = one(_LOCK_WITH_RULES, told)
    card = held(row)
    assert row is not None
    rule = instance(Programme, row, width(Card) + width(Contact))
    *_columns, (hour, by_person), by_device = row
    return card, rule or default_programme(), _Recent(hour, by_person, by_device)


def _as_before(
    card: Card, programme: Programme, gesture: Gesture, otherwise: Refusal | None
) -> Stamped:
    """What this token wrote before; who sends a gesture again is told what came of it."""
    earlier = Movement.objects.filter(token=gesture.token).first()
    if earlier is None:
        assert otherwise is not None
        raise otherwise
    if earlier.card_id != card.pk or earlier.kind != MovementKind.EARN:
        raise TokenSpent()
    won = Reward.objects.filter(won_by__follows=earlier).order_by("pk")
    return Stamped(earlier, card, programme, list(won), repeated=True)


def _may_not_yet(card: Card, programme: Programme, now: datetime) -> Refusal | None:
    """The card rests, or its visit of the day is counted."""
    if card.last_stamp_at is None:
        return None
    gone = (now - card.last_stamp_at).total_seconds() / 60
    if gone < programme.cooldown_minutes:
        wait = max(1, ceil(programme.cooldown_minutes - gone))
        return StampedJustNow(ago=max(0, int(gone)), wait=wait)
    if programme.kind == Kind.VISITS and _same_day(card.last_stamp_at, now):
        return VisitCounted()
    return None


def _same_day(one: datetime, other: datetime) -> bool:
    return timezone.localdate(one) == timezone.localdate(other)


def _stamps_by(by: Actor) -> QuerySet[Movement]:
    return Movement.objects.filter(kind=MovementKind.EARN, actor_kind=by.kind, actor_id=by.id)


def _hourly_limit(limit: int, by: Actor, now: datetime) -> HourlyLimit:
    oldest = _stamps_by(by).order_by("-at").values_list("at", flat=True)[limit - 1]
    wait = (oldest + timedelta(hours=1) - now).total_seconds() / 60
    return HourlyLimit(limit=limit, wait=max(1, ceil(wait)))


# The line, the card and the visit: three rooms of one fact, in one statement.
_STAMP = """
WITH line AS (
    INSERT INTO loyalty_movement
        (card_id, kind, stamps, token, amount_cents, visit_before, actor_kind, actor_id, place,
        device, at)
    VALUES (%(card_id)s, %(kind)s, %(stamps)s, %(token)s, %(amount_cents)s, %(visit_before)s,
        %(actor_kind)s, %(actor_id)s, %(place)s, %(device)s, %(at)s)
    ON CONFLICT (token) DO NOTHING RETURNING id
), visit AS (
    UPDATE contacts_contact person SET visits = visits + 1, last_visit_at = %(at)s,
        first_visit_at = least(first_visit_at, %(at)s)
    FROM line WHERE person.id = %(contact_id)s
)
UPDATE loyalty_card card SET balance = balance + %(stamps)s, last_stamp_at = %(at)s,
    year_visits = year_visits + 1, tier = %(tier)s, tier_at = %(tier_at)s, look_on = %(look_on)s
FROM line WHERE card.id = %(card_id)s RETURNING line.id
"""


def _kept_of_the_year(card: Card, programme: Programme, now: datetime) -> dict[str, Any]:
    """The tier with one visit more, and the day on which the clock changes something here: a
    later visit never makes it sooner, so it is written once (and its index left alone)."""
    tier = max(card.tier, programme.tier_of(card.year_visits + 1))
    look_on = card.look_on
    if look_on is None and programme.needs_nights:
        look_on = first_look(programme, now)
    return {
        "tier": tier,
        "tier_at": now if tier > card.tier else card.tier_at,
        "look_on": look_on,
    }


def _stamp(
    card: Card, programme: Programme, gesture: Gesture, amount_cents: int | None
) -> Movement | None:
    """The ledger's line, the balance and the visit of one gesture; None, and nothing is written,
    when the token has a line already."""
    contact = card.contact
    line = gesture.line(
        card,
        MovementKind.EARN,
        programme.worth(amount_cents),
        amount_cents=amount_cents,
        visit_before=contact.last_visit_at,
    )
    kept = _kept_of_the_year(card, programme, gesture.now)
    row = one(_STAMP, {**vars(line), **kept, "contact_id": contact.pk})
    if row is None:
        return None
    vars(card).update(kept, year_visits=card.year_visits + 1)
    (line.pk,) = row
    line._state.adding = False
    card.balance += line.stamps
    card.last_stamp_at = contact.last_visit_at = gesture.now
    contact.first_visit_at = min(contact.first_visit_at or gesture.now, gesture.now)
    contact.visits += 1
    return line
