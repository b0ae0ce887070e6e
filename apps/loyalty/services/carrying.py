"""What comes from another card: an import's, or an alias's."""

from datetime import datetime
from uuid import UUID

from apps.audit.services import record
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.loyalty.facts import CardChanged, RewardWon
from apps.loyalty.models import Card, Movement, MovementKind
from apps.loyalty.rule import Win
from apps.loyalty.services.cards import the_programme
from apps.loyalty.services.ledger import Gesture, keep, locked, one_gesture, win, write


def carry_over(
    *, card: Card, stamps: int, kind: MovementKind, token: UUID, by: Actor, now: datetime
) -> Card:
    """Units from another card (``IMPORT``, ``TRANSFER``): no visit, no cooldown; every full
    round among them becomes a ready reward at once, and steps on the way give nothing: they were
    that other card's. The same token again changes nothing.
    """
    gesture = Gesture(token, by, now)
    with one_gesture():
        card = locked(card.pk)
        if stamps <= 0 or Movement.objects.filter(token=token).exists():
            return card
        programme = the_programme()
        write(card, kind, stamps, gesture)
        for turn in range(programme.rounds(card.balance)):
            full = Win(programme.main, programme.goal)
            also, expires_at = gesture.also(f"reward:{turn}"), programme.reward_expires(now)
            reward = win(card, full, also, expires_at=expires_at)
            announce(RewardWon(reward_id=reward.pk))
        keep(card)
        record(by, str(kind), "card", card.pk, after={"balance": card.balance})
        announce(CardChanged(card_id=card.pk))
        return card
