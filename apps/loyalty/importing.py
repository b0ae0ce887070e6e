"""Taking over the stamps of a paper card or of another programme."""

from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.loyalty.models import Card, Movement, MovementKind, Reward
from apps.loyalty.services import the_programme

MOST_STAMPS = 500


class TooManyStamps(Refusal):
    message = _("%(stamps)s tampons : c’est plus que les %(most)s qu’une reprise accepte.")
    status = 422


@transaction.atomic
def import_stamps(card: Card, stamps: int, *, token: UUID, by: Actor, now: datetime) -> bool:
    """Put ``stamps`` of another card on this one, once: a card is taken over only one time.

    One movement brings them; each full card among them becomes a reward, the rest stays as
    balance. False, and nothing written, when ``token`` was used or the card already took over
    another. No fact is announced: an import writes to nobody. Raises ``TooManyStamps``.
    """
    if stamps < 1:
        return False
    if stamps > MOST_STAMPS:
        raise TooManyStamps(stamps=stamps, most=MOST_STAMPS)
    card = Card.objects.select_for_update().get(pk=card.pk)
    if card.movements.filter(kind=MovementKind.IMPORT).exists():
        return False
    if Movement.objects.filter(token=token).exists():
        return False
    actor = {"actor_kind": by.kind, "actor_id": by.id, "at": now}
    Movement.objects.create(
        card=card, kind=MovementKind.IMPORT, stamps=stamps, token=token, **actor
    )
    programme = the_programme()
    won = (card.balance + stamps) // programme.goal
    for n in range(won):
        movement = Movement.objects.create(
            card=card,
            kind=MovementKind.REWARD,
            stamps=-programme.goal,
            token=uuid5(token, f"reward:{n}"),
            **actor,
        )
        Reward.objects.create(
            card=card,
            won_by=movement,
            label=programme.reward,
            is_alcohol=programme.reward_is_alcohol,
            won_at=now,
        )
    Card.objects.filter(pk=card.pk).update(
        balance=F("balance") + stamps - won * programme.goal,
        rewards_ready=F("rewards_ready") + won,
    )
    return True
