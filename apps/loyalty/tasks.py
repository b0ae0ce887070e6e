"""Work off the request: what a shop prints, and what the clock does to cards."""

from django.utils import timezone

from apps.core import due
from apps.loyalty import nights, printing
from apps.shops.services import every_open_shop, shop_here


def make_support(key: str) -> None:
    printing.make(shop_here(), key)


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
