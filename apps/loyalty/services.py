"""Cards, stamps and rewards: the verbs of the counter.

Every verb takes the ``token`` that the phone made for the gesture: the same token again
returns the same result and changes nothing, however many requests carry it at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.catalog.services.purchases import at_counter, cancel_at_counter
from apps.contacts.age import check_proof
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.reading import Row, columns, insert, instance, one, width
from apps.core.refusal import Refusal
from apps.core.tokens import new_token
from apps.loyalty.facts import (
    RewardRedeemed,
    RewardTakenBack,
    RewardWon,
    StampAdded,
    StampUndone,
)
from apps.loyalty.models import Card, Movement, MovementKind, Programme, Redemption, Reward
from apps.loyalty.visits import VISITS

FIRST_NUMBER = 1001
UNDO_WINDOW = timedelta(minutes=10)


class CardMerged(Refusal):
    message = _("Cette carte a été réunie avec une autre. Cherchez la personne par son nom.")


class TokenSpent(Refusal):
    message = _("Cette page a déjà servi pour un autre geste. Rechargez-la, puis recommencez.")


class StampedJustNow(Refusal):
    message = _(
        "Carte déjà tamponnée il y a %(ago)s min. Prochain tampon possible dans %(wait)s min."
    )


class HourlyLimit(Refusal):
    message = _(
        "Vous avez donné %(limit)s tampons en une heure, la limite de la boutique. "
        "Vous pourrez tamponner dans %(wait)s min."
    )


class UndoTooLate(Refusal):
    message = _("Un tampon s’annule dans les dix minutes. Celui-ci est plus ancien.")


class NotYourStamp(Refusal):
    message = _("Seule la personne qui a tamponné, ou un responsable, peut annuler ce tampon.")
    status = 403


class RewardAlreadyGiven(Refusal):
    message = _("La récompense gagnée avec ce tampon a déjà été offerte : il ne s’annule plus.")


class RewardSpent(Refusal):
    message = _("Cette récompense a déjà été offerte.")


class RewardGone(Refusal):
    message = _("Cette récompense a été retirée : le tampon qui la donnait a été annulé.")


@dataclass(frozen=True, slots=True)
class Stamped:
    """``card`` is as it stands now; ``reward`` is what this stamp won, if it won one."""

    movement: Movement
    card: Card
    programme: Programme
    reward: Reward | None
    repeated: bool


@dataclass(frozen=True, slots=True)
class Undone:
    """``movement`` is the ledger's UNDO line; ``taken_back`` the reward broken up for it."""

    movement: Movement
    card: Card
    taken_back: Reward | None
    repeated: bool


@dataclass(frozen=True, slots=True)
class Redeemed:
    redemption: Redemption
    card: Card
    repeated: bool


@dataclass(frozen=True, slots=True)
class _Gesture:
    """What each line of the ledger says of where it comes from."""

    token: UUID
    by: Actor
    now: datetime

    def also(self, line: str) -> "_Gesture":
        """The same gesture's further line, with a token that follows from the first."""
        return _Gesture(uuid5(self.token, line), self.by, self.now)


def default_programme() -> Programme:
    """What a shop that has not chosen yet stamps for; not stored."""
    return Programme(reward="Une surprise")


def the_programme() -> Programme:
    """The shop's rule; a shop that has not chosen yet stamps ten for « Une surprise »."""
    return Programme.objects.first() or default_programme()


def card_of(contact: Contact) -> Card:
    """The person's card, made with the next number when there is none. Safe in parallel."""
    return Card.objects.filter(contact=contact).first() or first_card_of(contact)


_NEXT_CARD = f"""
INSERT INTO loyalty_card AS card (contact_id, number, token, balance, rewards_ready, created_at)
SELECT %s, coalesce(max(number) + 1, {FIRST_NUMBER}), %s, 0, 0, %s FROM loyalty_card
ON CONFLICT DO NOTHING RETURNING {columns(Card, "card")}
"""


def first_card_of(contact: Contact) -> Card:
    """``card_of`` somebody who has none yet, as far as one knows."""
    for _attempt in range(20):
        row = one(_NEXT_CARD, [contact.pk, new_token(), timezone.now()])
        if row is not None:
            made: Card = instance(Card, row)
            made.contact = contact
            return made
        # Who was faster has committed: they took the number, or made this person's card.
        found = Card.objects.filter(contact=contact).first()
        if found is not None:
            return found
    raise RuntimeError("no card number was free twenty times in a row")


def add_stamp(
    *,
    card: Card,
    token: UUID,
    by: Actor,
    now: datetime,
    amount_cents: int | None = None,
    over_cooldown: bool = False,
) -> Stamped:
    """One stamp, the reward it wins, and the purchase when there is an amount.

    ``over_cooldown`` is a lead's explicit word.

    Raises ``StampedJustNow``, ``HourlyLimit``, ``CardMerged``, or ``TokenSpent`` when the
    token stands for another card's gesture.
    """
    gesture = _Gesture(token, by, now)
    with _one_gesture():
        held, programme, recent = _locked_with_rules(card.pk, gesture)
        may_not = _may_not_stamp(held, programme, recent, gesture, over_cooldown)
        movement = None if may_not else _stamp(held, gesture, amount_cents)
        if movement is None:
            return _as_before(held, programme, gesture, may_not)
        reward = None
        if amount_cents:
            at_counter(held.contact, amount_cents, token=token, now=now)
        if held.balance >= programme.goal:
            reward = _win(held, programme, gesture.also("reward:0"))
            _keep(held)
        record(by, "stamp", "card", held.pk, after={"balance": held.balance})
        announce(StampAdded(card_id=held.pk, movement_id=movement.pk))
        return Stamped(movement, held, programme, reward, repeated=False)


def undo_stamp(
    *, movement: Movement, token: UUID, by: Actor, now: datetime, lead: bool = False
) -> Undone:
    """Take a stamp back within ten minutes: its author, or a ``lead`` for anyone's.

    When the balance cannot give the stamp back, the newest reward that is still ready is
    broken up into its stamps again, so that what stands is what the stamps that stand have
    won. The visit and the purchase are taken back too. Undone twice is undone once.
    Raises ``UndoTooLate``, ``NotYourStamp``, ``RewardAlreadyGiven``.
    """
    gesture = _Gesture(token, by, now)
    with _one_gesture():
        card = _locked(movement.card_id)
        done = Movement.objects.filter(undoes=movement).first()
        if done is not None:
            return Undone(done, card, None, repeated=True)
        if movement.kind != MovementKind.EARN or now - movement.at > UNDO_WINDOW:
            raise UndoTooLate()
        if not lead and (movement.actor_kind, movement.actor_id) != (by.kind, by.id):
            raise NotYourStamp()
        taken = _break_up(card, gesture) if card.balance == 0 else None
        undo = _write(card, MovementKind.UNDO, -1, gesture, undoes=movement)
        _forget_visit(card, movement)
        if movement.amount_cents:
            cancel_at_counter(movement.token, by=by, now=now)
        _keep(card, "last_stamp_at")
        record(by, "undo_stamp", "card", card.pk, after={"balance": card.balance})
        announce(StampUndone(card_id=card.pk, movement_id=movement.pk))
        return Undone(undo, card, taken, repeated=False)


def redeem(
    *, reward: Reward, token: UUID, by: Actor, now: datetime, id_checked: bool = False
) -> Redeemed:
    """Hand a reward over, once. Alcohol needs a proof of age seen by the helper (CSP L3342-1;
    french-rules §2: a free bottle is a gift, same rule).

    Raises ``RewardSpent``, ``RewardGone``, ``IdNotChecked``, ``Minor``.
    """
    with _one_gesture():
        card = _locked(reward.card_id)
        reward = Reward.objects.select_related("redemption").get(pk=reward.pk)
        given = getattr(reward, "redemption", None)
        if given is not None:
            if given.token != token:
                raise RewardSpent()
            return Redeemed(given, card, repeated=True)
        if reward.taken_back_at is not None:
            raise RewardGone()
        if reward.is_alcohol:
            check_proof(card.contact, id_checked, timezone.localdate(now))
        given = Redemption.objects.create(
            reward=reward,
            token=token,
            id_checked=id_checked,
            actor_kind=by.kind,
            actor_id=by.id,
            at=now,
        )
        card.rewards_ready -= 1
        _keep(card)
        record(by, "redeem", "reward", reward.pk, after={"id_checked": id_checked})
        announce(RewardRedeemed(reward_id=reward.pk))
        return Redeemed(given, card, repeated=False)


def carry_over(
    *, card: Card, stamps: int, kind: MovementKind, token: UUID, by: Actor, now: datetime
) -> Card:
    """Stamps from another card (``IMPORT``, ``TRANSFER``): no visit, no cooldown; every full
    card among them becomes a ready reward at once. The same token again changes nothing.
    """
    gesture = _Gesture(token, by, now)
    with _one_gesture():
        held = _locked(card.pk)
        if stamps <= 0 or Movement.objects.filter(token=token).exists():
            return held
        programme = the_programme()
        _write(held, kind, stamps, gesture)
        for turn in range(held.balance // programme.goal):
            _win(held, programme, gesture.also(f"reward:{turn}"))
        _keep(held)
        record(by, str(kind), "card", held.pk, after={"balance": held.balance})
        return held


@contextmanager
def _one_gesture() -> Iterator[None]:
    """One transaction; a token that the database already holds elsewhere is refused."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise TokenSpent() from error


_HELD = f"{columns(Card, 'card')}, {columns(Contact, 'person')}"
_FROM_CARD = "FROM loyalty_card card JOIN contacts_contact person ON person.id = card.contact_id"
_LOCK = f"SELECT {_HELD} {_FROM_CARD} WHERE card.id = %s FOR UPDATE OF card"
# The shop's rule and how many stamps the person gave within the hour, with the same statement.
_LOCK_WITH_RULES = f"""
SELECT {_HELD}, {columns(Programme, "rule")},
    (SELECT count(*) FROM loyalty_movement WHERE kind = 'earn'
        AND actor_kind = %s AND actor_id = %s AND at > %s)
{_FROM_CARD} LEFT JOIN loyalty_programme rule ON true
WHERE card.id = %s FOR UPDATE OF card
"""


def _held(row: Row | None) -> Card:
    if row is None:
        raise Card.DoesNotExist()
    card: Card = instance(Card, row)
    card.contact = instance(Contact, row, width(Card))
    if card.contact.merged_into_id is not None:
        raise CardMerged()
    return card


def _locked(card_id: int) -> Card:
    return _held(one(_LOCK, [card_id]))


def _locked_with_rules(card_id: int, gesture: _Gesture) -> tuple[Card, Programme, int]:
    """The card as it stands now that nobody else holds it; the rest as one saw it before."""
    by, hour_ago = gesture.by, gesture.now - timedelta(hours=1)
    row = one(_LOCK_WITH_RULES, [by.kind, by.id, hour_ago, card_id])
    card = _held(row)
    assert row is not None
    rule = instance(Programme, row, width(Card) + width(Contact))
    return card, rule or default_programme(), row[-1]


def _stamps_by(by: Actor) -> QuerySet[Movement]:
    return Movement.objects.filter(kind=MovementKind.EARN, actor_kind=by.kind, actor_id=by.id)


def _as_before(
    card: Card, programme: Programme, gesture: _Gesture, otherwise: Refusal | None
) -> Stamped:
    """What this token wrote before; who sends a gesture again is told what came of it."""
    earlier = Movement.objects.filter(token=gesture.token).first()
    if earlier is None:
        assert otherwise is not None
        raise otherwise
    if earlier.card_id != card.pk or earlier.kind != MovementKind.EARN:
        raise TokenSpent()
    won = Reward.objects.filter(won_by__token=uuid5(earlier.token, "reward:0")).first()
    return Stamped(earlier, card, programme, won, repeated=True)


def _may_not_stamp(
    card: Card, programme: Programme, recent: int, gesture: _Gesture, over_cooldown: bool
) -> Refusal | None:
    if not over_cooldown and card.last_stamp_at is not None:
        gone = (gesture.now - card.last_stamp_at).total_seconds() / 60
        if gone < programme.cooldown_minutes:
            wait = max(1, ceil(programme.cooldown_minutes - gone))
            return StampedJustNow(ago=max(0, int(gone)), wait=wait)
    if recent >= programme.helper_hourly_limit:
        return _hourly_limit(programme.helper_hourly_limit, gesture.by, gesture.now)
    return None


def _hourly_limit(limit: int, by: Actor, now: datetime) -> HourlyLimit:
    oldest = _stamps_by(by).order_by("-at").values_list("at", flat=True)[limit - 1]
    wait = (oldest + timedelta(hours=1) - now).total_seconds() / 60
    return HourlyLimit(limit=limit, wait=max(1, ceil(wait)))


def _write(card: Card, kind: MovementKind, stamps: int, gesture: _Gesture, **more: Any) -> Movement:
    card.balance += stamps
    line = Movement(
        card=card,
        kind=kind,
        stamps=stamps,
        token=gesture.token,
        actor_kind=gesture.by.kind,
        actor_id=gesture.by.id,
        at=gesture.now,
        **more,
    )
    insert(line)
    return line


def _win(card: Card, programme: Programme, gesture: _Gesture) -> Reward:
    reward = Reward(
        card=card,
        won_by=_write(card, MovementKind.REWARD, -programme.goal, gesture),
        label=programme.reward,
        is_alcohol=programme.reward_is_alcohol,
        won_at=gesture.now,
    )
    insert(reward)
    card.rewards_ready += 1
    announce(RewardWon(reward_id=reward.pk))
    return reward


def _break_up(card: Card, gesture: _Gesture) -> Reward:
    ready = Reward.objects.ready().filter(card=card).select_related("won_by")
    reward = ready.order_by("-won_at", "-pk").first()
    if reward is None:
        raise RewardAlreadyGiven()
    paid = reward.won_by
    _write(card, MovementKind.REWARD_BACK, -paid.stamps, gesture.also("back"), undoes=paid)
    reward.taken_back_at = gesture.now
    reward.save(update_fields=["taken_back_at"])
    card.rewards_ready -= 1
    announce(RewardTakenBack(reward_id=reward.pk))
    return reward


def _keep(card: Card, *more: str) -> None:
    card.save(update_fields=["balance", "rewards_ready", *more])


# The line, the card and the visit: three rooms of one fact, in one statement.
_STAMP = """
WITH line AS (
    INSERT INTO loyalty_movement
        (card_id, kind, stamps, token, amount_cents, visit_before, actor_kind, actor_id, at)
    VALUES (%(card_id)s, %(kind)s, %(stamps)s, %(token)s, %(amount_cents)s, %(visit_before)s,
        %(actor_kind)s, %(actor_id)s, %(at)s)
    ON CONFLICT (token) DO NOTHING RETURNING id
), visit AS (
    UPDATE contacts_contact person SET visits = visits + 1, last_visit_at = %(at)s,
        first_visit_at = least(first_visit_at, %(at)s)
    FROM line WHERE person.id = %(contact_id)s
)
UPDATE loyalty_card card SET balance = balance + %(stamps)s, last_stamp_at = %(at)s
FROM line WHERE card.id = %(card_id)s RETURNING line.id
"""


def _stamp(card: Card, gesture: _Gesture, amount_cents: int | None) -> Movement | None:
    """The ledger's line, the balance and the visit of one stamp; None, and nothing is written,
    when the token has a line already."""
    contact = card.contact
    line = Movement(
        card=card,
        kind=MovementKind.EARN,
        stamps=1,
        token=gesture.token,
        amount_cents=amount_cents,
        visit_before=contact.last_visit_at,
        actor_kind=gesture.by.kind,
        actor_id=gesture.by.id,
        at=gesture.now,
    )
    row = one(_STAMP, {**vars(line), "contact_id": contact.pk})
    if row is None:
        return None
    (line.pk,) = row
    line._state.adding = False
    card.balance += 1
    card.last_stamp_at = contact.last_visit_at = gesture.now
    contact.first_visit_at = min(contact.first_visit_at or gesture.now, gesture.now)
    contact.visits += 1
    return line


def _forget_visit(card: Card, stamp: Movement) -> None:
    """The visit of an undone stamp did not happen: what was known before it is known again."""
    earned = Movement.objects.filter(card=card, kind=MovementKind.EARN)
    standing = earned.filter(undone_by=None).order_by("-at").first()
    card.last_stamp_at = standing.at if standing else None
    contact = card.contact
    last = contact.last_visit_at
    # Walk back over stamps that were undone before this one.
    undone = {
        m.at: m for m in earned.exclude(undone_by=None).filter(at__gte=stamp.at - UNDO_WINDOW)
    }
    while last in undone:
        last = undone.pop(last).visit_before
    Contact.objects.filter(pk=contact.pk).update(last_visit_at=last)
    VISITS.keep([contact.pk])
    contact.refresh_from_db(fields=["visits", "first_visit_at", "last_visit_at"])
