"""What the workers run for this room."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from apps.campaigns import (
    bookings,
    due_lots,
    firing,
    freezing,
    keeping,
    lots,
    picking,
    services,
    trials,
)
from apps.campaigns.lot_models import Lot
from apps.campaigns.models import Drop, State
from apps.club.box_models import Box
from apps.club.facts import BoxReady
from apps.contacts.facts import ConsentGiven
from apps.contacts.models import ConsentEvent, ConsentState
from apps.core import due
from apps.core.jobs import enqueue
from apps.loyalty.facts import (
    ReferralGiven,
    ReferralJoined,
    RewardWon,
    StampAdded,
    TierReached,
)
from apps.loyalty.models import Card, Movement, Reward
from apps.loyalty.referral_models import Referral
from apps.shops.services import every_open_shop

LOST_AFTER = timedelta(minutes=15)


def freeze(drop_id: int, token: str) -> None:
    """A launched drop's audience goes into the outbox."""
    freezing.freeze(drop_id, token)


def close(drop_id: int) -> None:
    """A drop whose messages are all gone is done."""
    freezing.close(drop_id)


def pick(drop_id: int) -> None:
    """The better of a drop's two texts goes to those who waited for it."""
    picking.pick(drop_id)


def try_out(trial_id: int) -> None:
    """A test SMS to the team leaves."""
    trials.deliver(trial_id)


def pause(cause: str, channel: str, code: str) -> None:
    """Reaction to ``SendingPaused``."""
    services.provider_paused(cause, code)


def resume(channel: str, code: str = "") -> None:
    """Reaction to ``SendingResumed``."""
    services.provider_resumed(code)
    firing.look_again(code)


def keep(drop_id: int) -> None:
    """The counts of a drop that is over go to its row."""
    keeping.keep(drop_id)


def recount(cause: str) -> None:
    """Reaction to ``LateNews``."""
    keeping.forget(cause)


def sweep() -> None:
    """Recurring, in public: the net under drops whose next job was lost, and what is over.

    A drop at work is saved with each batch, so an old one stands still. One that rightly waits
    is left alone: it would gain one more job that looks after it at each sweep.
    """
    now = timezone.now()
    limit = now - LOST_AFTER
    still = Q(state__in=[State.PREPARING, State.SENDING], saved_at__lt=limit)
    overdue = Q(state=State.SCHEDULED, send_at__lt=limit)
    unpicked = Q(state=State.TESTING, rival__pick_at__lt=limit)
    for _ in every_open_shop():
        for drop in Drop.objects.filter(still | overdue | unpicked | keeping.to_keep(now)):
            if not drop.moves:
                enqueue(keep, drop.pk, bulk=True)
            elif drop.state == State.TESTING:
                enqueue(pick, drop.pk)
            elif drop.state != State.SENDING:
                enqueue(freeze, drop.pk, str(drop.launch_token))
            elif not freezing.waiting(drop).exists():
                enqueue(close, drop.pk)
        if (due_at := due_lots.next_moment()) and due_at < limit:
            enqueue(run_lots)


def heard_consent(contact_id: int, channel: str) -> None:
    """Reaction to ``ConsentGiven``."""
    said_yes = ConsentEvent.objects.filter(
        contact=contact_id, channel=channel, state=ConsentState.GRANTED
    )
    firing.react(ConsentGiven, contact_id, said_yes.latest("at").at)


def heard_stamp(card_id: int, movement_id: int) -> None:
    """Reaction to ``StampAdded``."""
    stamp = Movement.objects.values("card__contact_id", "at").get(pk=movement_id)
    firing.react(StampAdded, stamp["card__contact_id"], stamp["at"])


def heard_reward(reward_id: int) -> None:
    """Reaction to ``RewardWon``."""
    reward = Reward.objects.values("card__contact_id", "won_at").get(pk=reward_id)
    firing.react(RewardWon, reward["card__contact_id"], reward["won_at"])


def heard_tier(card_id: int, tier: int) -> None:
    """Reaction to ``TierReached``."""
    card = Card.objects.get(pk=card_id)
    if card.tier >= tier and card.tier_at is not None:
        firing.react(TierReached, card.contact_id, card.tier_at)


def heard_box_ready(box_id: int) -> None:
    """Reaction to ``BoxReady``."""
    box = Box.objects.select_related("member").get(pk=box_id)
    if box.packed_at is not None:
        firing.react(BoxReady, box.member.contact_id, box.packed_at)


def heard_referral_joined(referral_id: int) -> None:
    """Reaction to ``ReferralJoined``."""
    _heard_referral(ReferralJoined, referral_id, "joined_at")


def heard_referral_given(referral_id: int) -> None:
    """Reaction to ``ReferralGiven``."""
    _heard_referral(ReferralGiven, referral_id, "given_at")


def _heard_referral(fact: type, referral_id: int, moment: str) -> None:
    referral = Referral.objects.select_related("sponsor__contact").get(pk=referral_id)
    sponsor, at = referral.sponsor.contact, getattr(referral, moment)
    if at is not None:
        firing.react(fact, sponsor.merged_into_id or sponsor.pk, at)


def run_triggers() -> None:
    """What leaves by itself in this shop, as far as the clock says."""
    firing.run_due()


def run_lots() -> None:
    """Reminders, turns that pass and lots that end in this shop."""
    due_lots.run()


def units_freed(variant_id: int) -> None:
    """Reaction to ``UnitsFreed``: somebody may be in line for them."""
    waited_for = Lot.objects.filter(variant=variant_id, settled_at=None, bookings__state="waiting")
    for lot_id in waited_for.order_by("pk").values_list("pk", flat=True).distinct():
        bookings.offer_freed(lot_id, timezone.now())


def look_at_the_clock() -> None:
    """Recurring, in public: what leaves by itself, and the lots."""
    due.look(firing.DUE, run_triggers)
    due.look(lots.DUE, run_lots)
