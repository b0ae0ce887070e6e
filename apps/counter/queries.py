"""What a phone keeps of the shop's cards, and what of its queue the team must see to."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from apps.accounts.models import User
from apps.contacts.models import Contact
from apps.core.french import search_key
from apps.counter.models import Gesture, Lease
from apps.loyalty.models import Programme, Reward
from apps.loyalty.queries import counter_name
from apps.loyalty.services import the_programme

KEPT_FOR = timedelta(days=90)
MOST = 5000
WORD = 4  # letters of each name by which a card is found
SHOWN_AT_MOST = 100


def _code(token: str) -> str:
    """A card's code as phones keep it: a scan is recognised, the code is not given away."""
    return hashlib.sha256(token.encode()).hexdigest()[:20]


def kept_cards(now: datetime) -> dict[str, Any]:
    """Who came in the last 90 days, no more of each than a helper sees: name and initial, the
    first letters to search by, the last four digits."""
    recent = Q(last_visit_at__gte=now - KEPT_FOR) | Q(card__created_at__gte=now - KEPT_FOR)
    people = Contact.objects.living().filter(recent, card__isnull=False).select_related("card")
    found = list(people.order_by(F("last_visit_at").desc(nulls_last=True), "-pk")[:MOST])
    ready: dict[int, list[tuple[int, str, bool]]] = {}
    with_reward = [one.card.pk for one in found if one.card.rewards_ready]
    if with_reward:
        rewards = Reward.objects.ready().filter(card__in=with_reward).order_by("won_at", "pk")
        for reward in rewards:
            kept = (reward.pk, reward.label, reward.is_alcohol)
            ready.setdefault(reward.card_id, []).append(kept)
    programme = the_programme()
    told, said = programme.told, programme.counts.said
    return {
        "kind": programme.kind,
        "by_amount": programme.counts.by_amount,
        "offers": [(told(one.at), said(one.at), one.label) for one in programme.offers],
        "goal": told(programme.goal),
        "goal_told": said(programme.goal),
        "reward": programme.reward,
        "rest": programme.cooldown_minutes,
        "cards": [_kept(one, programme, ready.get(one.card.pk, [])) for one in found],
    }


def _kept(
    contact: Contact, programme: Programme, rewards: list[tuple[int, str, bool]]
) -> dict[str, Any]:
    card = contact.card
    words = search_key(contact.full_name).split()
    return {
        "id": card.pk,
        "number": card.number,
        "code": _code(card.token),
        "name": counter_name(contact),
        "words": " ".join(word[:WORD] for word in words),
        "digits": contact.phone[-4:],
        "balance": programme.told(card.balance),
        "told": programme.counts.said(card.balance),
        "last": int(card.last_stamp_at.timestamp() * 1000) if card.last_stamp_at else 0,
        "rewards": rewards,
    }


@dataclass(frozen=True, slots=True)
class Refused:
    """A gesture to see to, with the names of who did it and for whom."""

    gesture: Gesture
    by: str
    whom: str


def refused() -> list[Refused]:
    """What phones sent and the rules refused, newest first."""
    gestures = Gesture.objects.to_settle().select_related("card__contact", "reward")
    found = list(gestures.order_by("-at")[:SHOWN_AT_MOST])
    people = User.objects.in_bulk({one.actor_id for one in found if one.actor_id})
    return [
        Refused(
            one,
            by=people[one.actor_id].get_short_name() if one.actor_id in people else "",
            whom=counter_name(one.card.contact) if one.card else one.asks("first_name"),
        )
        for one in found
    ]


def how_many_refused() -> int:
    return Gesture.objects.to_settle().count()


def standing_lease() -> Lease | None:
    return Lease.objects.standing().first()
