"""Taking over the stamps of a paper card or of another programme."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.core.rows import insert_rows, update_rows
from apps.loyalty.models import Card, Movement, MovementKind, Reward
from apps.loyalty.services import give_cards, the_programme
from apps.loyalty.services.ledger import Gesture

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
    Card.objects.select_for_update().get(pk=card.pk)
    takeovers = Takeovers([card.contact_id], [token], by=by, now=now)
    done = takeovers.take(card.contact, stamps, token)
    takeovers.write()
    return done


class Takeovers:
    """Many people's stamps of another card, each taken as ``import_stamps`` takes one.

    For whoever holds their cards locked. ``take`` judges; ``write`` does it, with the cards of
    those who have none yet.
    """

    def __init__(
        self, contacts: Collection[int], tokens: Collection[UUID], *, by: Actor, now: datetime
    ) -> None:
        """``contacts``: who is known; ``tokens``: all that will be taken with."""
        imports = Movement.objects.filter(kind=MovementKind.IMPORT, card__contact__in=contacts)
        self._had = set(imports.values_list("card__contact", flat=True))
        used = Movement.objects.filter(token__in=tokens) if tokens else Movement.objects.none()
        self._used = set(used.values_list("token", flat=True))
        self._by, self._now = by, now
        self._taken: dict[int, tuple[Contact, int, UUID]] = {}  # by the object: some have no key

    def take(self, contact: Contact, stamps: int, token: UUID) -> bool:
        """The contact may be one that is not written yet. Raises ``TooManyStamps``."""
        if stamps < 1:
            return False
        if stamps > MOST_STAMPS:
            raise TooManyStamps(stamps=stamps, most=MOST_STAMPS)
        if token in self._used or contact.pk in self._had or id(contact) in self._taken:
            return False
        self._taken[id(contact)] = contact, stamps, token
        return True

    def write(self) -> None:
        """Once the contacts are written."""
        if not self._taken:
            return
        programme = the_programme()
        people = [contact.pk for contact, *_rest in self._taken.values()]
        give_cards(people, self._now)
        held = Card.objects.select_for_update().filter(contact__in=people).order_by("pk")
        cards = {card.contact_id: card for card in held}
        brought, won, rewards = [], [], []
        for contact, stamps, token in self._taken.values():
            card = cards[contact.pk]
            units = stamps * programme.counts.unit
            brought.append(self._line(card, MovementKind.IMPORT, units, token))
            card.balance += units
            full = programme.rounds(card.balance)
            card.balance -= full * programme.goal
            card.rewards_ready += full
            won += [
                self._line(card, MovementKind.REWARD, -programme.goal, uuid5(token, f"reward:{n}"))
                for n in range(full)
            ]
        insert_rows([*brought, *won])
        for line in won:
            rewards.append(
                Reward(
                    card_id=line.card_id,
                    won_by=line,
                    label=programme.reward,
                    is_alcohol=programme.reward_is_alcohol,
                    won_at=self._now,
                    expires_at=programme.reward_expires(self._now),
                )
            )
        insert_rows(rewards)
        update_rows(cards.values(), "balance", "rewards_ready")

    def _line(self, card: Card, kind: MovementKind, stamps: int, token: UUID) -> Movement:
        return Gesture(token, self._by, self._now).line(card, kind, stamps)
