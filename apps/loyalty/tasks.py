"""Work off the request: what a shop prints, what the clock does to cards, passes that follow the
cards, and the watch over stamps."""

from django.utils import timezone

from apps.core import due
from apps.loyalty import nights, pocket, printing, referring, watch
from apps.loyalty.models import Reward
from apps.shops.services import every_open_shop, shop_here


def make_support(key: str) -> None:
    printing.make(shop_here(), key)


def look_at_stamp(movement_id: int) -> None:
    """Something about the stamp may be odd."""
    watch.look(movement_id)


def first_visit(movement_id: int) -> None:
    """Reaction to ``FirstVisit``."""
    referring.reward_visit(movement_id, timezone.now())


def stamp_undone(card_id: int, movement_id: int) -> None:
    """Reaction to ``StampUndone``."""
    referring.visit_gone(movement_id, timezone.now())


def stamp_returned(movement_id: int) -> None:
    """Reaction to ``StampReturned``."""
    referring.visit_gone(movement_id, timezone.now())


def run_night() -> None:
    """Tiers, expiries and birthdays of this shop, as far as its clock says."""
    nights.run()


def look_at_the_clock() -> None:
    """Recurring, in public: the shops whose night has come."""
    due.look(nights.DUE, run_night)


def sweep() -> None:
    """Recurring, in public: the net under shops that lost their next night, as a restored one."""
    for shop in every_open_shop():
        with timezone.override(shop.zone):
            if night := nights.next_night(timezone.now()):
                due.note(nights.DUE, night)


def refresh_pass(card_id: int) -> None:
    """The card has changed."""
    pocket.refresh(card_id, shop_here(), timezone.now())


def heard_movement(card_id: int, movement_id: int) -> None:
    """A stamp was given or taken back."""
    refresh_pass(card_id)


def heard_reward(reward_id: int) -> None:
    """A reward was handed over."""
    refresh_pass(Reward.objects.values_list("card_id", flat=True).get(pk=reward_id))


def refresh_passes() -> None:
    """The programme has changed."""
    pocket.refresh_all()
