"""What the clock does to cards, once a night by the shop's own: tiers lapse, rewards and balances
expire, birthdays bring a gift. Each card is a transaction of its own, under its lock; a night that
runs twice, or two at once, change nothing more.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from datetime import time as clock
from uuid import UUID, uuid4, uuid5

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from apps.contacts.birthdays import born_on
from apps.contacts.models import Contact
from apps.core import due
from apps.core.actor import SYSTEM
from apps.core.facts import announce
from apps.core.jobs import enqueue
from apps.loyalty.facts import CardChanged, TierReached
from apps.loyalty.models import Card, Movement, MovementKind, Programme, Redemption, Reward
from apps.loyalty.rule import Offer, Win, months_later
from apps.loyalty.services.cards import the_programme
from apps.loyalty.services.ledger import Gesture, keep, locked, win, write
from apps.loyalty.services.refusals import CardMerged
from apps.shops.services import shop_here

DUE = "nights"  # this room's name in the due-index
RUN = "apps.loyalty.tasks.run_night"
HOUR = clock(4)  # of the shop's clock
BUDGET_SECONDS = 25.0  # a job lives one minute at most: past this the rest is another job
GIFT_DAYS = 30  # a birthday's gift waits so long where rewards wait for ever
_BIRTHDAYS = UUID("7f1d3c86-52a9-4b0e-9c57-1f0f4b7de0a2")


def look_at_all(now: datetime) -> None:
    """The rule of ageing changed: every card is looked at as soon as a worker comes."""
    Card.objects.filter(contact__merged_into=None).update(look_on=timezone.localdate(now))
    due.note(DUE, now)


def run(now: datetime | None = None) -> None:
    """All that is due in this shop, and when there is more."""
    now, shop = now or timezone.now(), shop_here()
    with timezone.override(shop.zone):
        began = time.monotonic()
        for task, pks in () if shop.closed_at else _due(now):
            for pk in pks:
                task(pk, now)
                if time.monotonic() - began > BUDGET_SECONDS:
                    enqueue(RUN)
                    return
        due.settle(DUE, lambda: next_night(now))


def next_night(now: datetime) -> datetime | None:
    """The shop's next ``HOUR``, where nights change anything."""
    waits = Reward.objects.ready().filter(expires_at__isnull=False)
    if shop_here().closed_at or not (the_programme().needs_nights or waits.exists()):
        return None
    today = timezone.localdate(now)
    days = (today, today + timedelta(days=1))
    nights = (timezone.make_aware(datetime.combine(day, HOUR)) for day in days)
    return next(night for night in nights if night > now)


def _due(now: datetime) -> list[tuple[Callable[[int, datetime], object], Iterable[int]]]:
    today = timezone.localdate(now)
    overdue = Reward.objects.ready().filter(expires_at__lte=now).order_by("pk")
    cards = Card.objects.filter(look_on__lte=today, contact__merged_into=None).order_by("pk")
    found: list[tuple[Callable[[int, datetime], object], Iterable[int]]] = [
        (expire_reward, list(overdue.values_list("pk", flat=True))),
        (review, list(cards.values_list("pk", flat=True))),
    ]
    if the_programme().birthday_gift:
        born = Card.objects.filter(born_on(today, "contact__"), contact__merged_into=None)
        found.append((give_birthday_gift, list(born.order_by("pk").values_list("pk", flat=True))))
    return found


@transaction.atomic
def expire_reward(reward_id: int, now: datetime) -> bool:
    """A reward that nobody fetched in time is taken back by a line of its own."""
    reward = Reward.objects.get(pk=reward_id)
    card = locked(reward.card_id)
    reward.refresh_from_db()
    given = Redemption.objects.filter(reward=reward).exists()
    if given or reward.taken_back_at or reward.expires_at is None or reward.expires_at > now:
        return False
    gesture = Gesture(uuid4(), SYSTEM, now)
    write(card, MovementKind.EXPIRE, 0, gesture, follows_id=reward.won_by_id, cause="reward")
    reward.taken_back_at = now
    reward.save(update_fields=["taken_back_at"])
    card.rewards_ready -= 1
    keep(card)
    announce(CardChanged(card_id=card.pk))
    return True


@transaction.atomic
def review(card_id: int, now: datetime) -> Card | None:
    """The visits of the last twelve months, the tier they are, a balance that is over, and the
    next day on which the clock changes something of it."""
    try:
        card = locked(card_id)
    except CardMerged:
        return None
    programme, today = the_programme(), timezone.localdate(now)
    shown = card.tier, card.balance
    _count_year(card, programme, now)
    ends = card.last_stamp_at and programme.balance_expires(card.last_stamp_at)
    if ends and ends <= today and card.balance:
        gesture = Gesture(uuid4(), SYSTEM, now)
        write(card, MovementKind.EXPIRE, -card.balance, gesture, cause="balance")
    ahead = [card.look_on, ends if ends and ends > today else None]
    card.look_on = min((day for day in ahead if day), default=None)
    keep(card, "year_visits", "tier", "tier_at", "look_on")
    if shown != (card.tier, card.balance):
        announce(CardChanged(card_id=card.pk))
    return card


def _count_year(card: Card, programme: Programme, now: datetime) -> None:
    """Visits on this card and on those that were merged into it; ``look_on`` becomes the day on
    which the oldest of them lapses."""
    today = timezone.localdate(now)
    since = timezone.make_aware(datetime.combine(months_later(today, -12), clock()))
    people = Contact.objects.filter(merged_into=card.contact_id).values("pk")
    cards = [card.pk, *Card.objects.filter(contact__in=people).values_list("pk", flat=True)]
    visits = Movement.objects.filter(kind=MovementKind.EARN, undone_by=None, card__in=cards)
    visits = visits.filter(at__gte=since)
    card.year_visits = visits.count()
    tier = programme.tier_of(card.year_visits)
    if tier > card.tier:
        card.tier_at = now
        announce(TierReached(card_id=card.pk, tier=tier))
    card.tier = tier
    oldest = visits.aggregate(at=Min("at"))["at"] if programme.tiers else None
    card.look_on = None
    if oldest is not None:
        card.look_on = months_later(timezone.localdate(oldest), 12) + timedelta(days=1)


@transaction.atomic
def give_birthday_gift(card_id: int, now: datetime) -> Reward | None:
    """The year's gift, once; none of alcohol to somebody who is known to be under age."""
    programme, today = the_programme(), timezone.localdate(now)
    card = locked(card_id)
    token = uuid5(_BIRTHDAYS, f"{card.number}:{today.year}")
    minor = programme.birthday_is_alcohol and not card.contact.is_adult(today)
    if minor or Movement.objects.filter(token=token).exists():
        return None
    offer = Offer(0, programme.birthday_gift, programme.birthday_is_alcohol)
    expires_at = programme.reward_expires(now)
    if expires_at is None:
        last = today + timedelta(days=GIFT_DAYS + 1)
        expires_at = timezone.make_aware(datetime.combine(last, clock()))
    gift = win(
        card,
        Win(offer, 0),
        Gesture(token, SYSTEM, now),
        expires_at=expires_at,
        kind=MovementKind.BONUS,
        cause="birthday",
    )
    keep(card)
    announce(CardChanged(card_id=card.pk))
    return gift
