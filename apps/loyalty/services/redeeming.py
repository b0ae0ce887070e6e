"""Handing rewards over, won or bought. A reward earns nothing."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format

from apps.audit.services import record
from apps.contacts.age import check_proof
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.loyalty.facts import RewardRedeemed
from apps.loyalty.models import Card, Redemption, Reward
from apps.loyalty.rule import Offer, Win
from apps.loyalty.services.cards import the_programme
from apps.loyalty.services.ledger import Gesture, keep, locked, one_gesture, win
from apps.loyalty.services.refusals import (
    OfferGone,
    RewardExpired,
    RewardGone,
    RewardSpent,
    TokenSpent,
    TooFewPoints,
)


@dataclass(frozen=True, slots=True)
class Redeemed:
    redemption: Redemption
    card: Card
    repeated: bool


def redeem(
    *, reward: Reward, token: UUID, by: Actor, now: datetime, id_checked: bool = False
) -> Redeemed:
    """Hand a reward over, once. Alcohol needs a proof of age seen by the helper (CSP L3342-1;
    french-rules §2: a free bottle is a gift, same rule).

    Raises ``RewardSpent``, ``RewardExpired``, ``RewardGone``, ``IdNotChecked``, ``Minor``.
    """
    with one_gesture():
        card = locked(reward.card_id)
        reward = Reward.objects.select_related("redemption").get(pk=reward.pk)
        given = getattr(reward, "redemption", None)
        if given is not None:
            if given.token != token:
                raise RewardSpent()
            return Redeemed(given, card, repeated=True)
        if reward.expires_at is not None and reward.expires_at <= now:
            raise RewardExpired(day=date_format(timezone.localtime(reward.expires_at), "j F"))
        if reward.taken_back_at is not None:
            raise RewardGone()
        return _hand_over(card, reward, Gesture(token, by, now), id_checked)


def buy(
    *, card: Card, offer: Offer, token: UUID, by: Actor, now: datetime, id_checked: bool = False
) -> Redeemed:
    """Pay ``offer`` with the card's points and hand it over, in one gesture; the same token
    again is the same purchase. Nobody is told that a reward waits: it does not.

    Raises ``OfferGone`` when the rule has changed, ``TooFewPoints``, ``IdNotChecked``, ``Minor``.
    """
    gesture = Gesture(token, by, now)
    with one_gesture():
        card = locked(card.pk)
        given = Redemption.objects.select_related("reward").filter(token=token).first()
        if given is not None:
            if given.reward.card_id != card.pk:
                raise TokenSpent()
            return Redeemed(given, card, repeated=True)
        programme = the_programme()
        if not programme.is_spent or offer not in programme.offers:
            raise OfferGone()
        if card.balance < offer.at:
            raise TooFewPoints()
        price, bought = Win(offer, offer.at), gesture.also("bought")
        reward = win(card, price, bought, expires_at=None, cause="bought")
        return _hand_over(card, reward, gesture, id_checked)


def _hand_over(card: Card, reward: Reward, gesture: Gesture, id_checked: bool) -> Redeemed:
    if reward.is_alcohol:
        check_proof(card.contact, id_checked, timezone.localdate(gesture.now))
    given = Redemption.objects.create(
        reward=reward,
        token=gesture.token,
        id_checked=id_checked,
        actor_kind=gesture.by.kind,
        actor_id=gesture.by.id,
        at=gesture.now,
    )
    card.rewards_ready -= 1
    keep(card)
    record(gesture.by, "redeem", "reward", reward.pk, after={"id_checked": id_checked})
    announce(RewardRedeemed(reward_id=reward.pk))
    return Redeemed(given, card, repeated=False)
