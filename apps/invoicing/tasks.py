"""Work off the request: the paper of each invoice, the closures of the night, what goes to the
bookkeeper."""

from django.utils import timezone

from apps.core import due
from apps.invoicing import (
    bookkeeping,
    closing,
    day_sheet,
    delivering,
    online,
    our_bills,
    paper,
    services,
)
from apps.shops.services import every_open_shop, shop_here


def make_paper(record_id: int) -> None:
    """The file of an invoice that was issued; a check that fails makes the job fail, loudly."""
    paper.make(record_id, timezone.now())


def invoice_plan(shop: str, bill_id: int) -> None:
    """In the platform's own shop: what a shop paid for its plan."""
    our_bills.invoice(shop, bill_id, timezone.now())


def charge_moved(charge_id: int) -> None:
    """What a customer paid on the shop's account, or what became of it."""
    online.follow_charge(charge_id, timezone.now())


def payout_moved(payout_id: int) -> None:
    """What Stripe paid to the shop's bank."""
    online.follow_payout(payout_id, timezone.now())


def make_sheet(record_id: int) -> None:
    """The sheet of a period that was closed."""
    day_sheet.make(record_id, shop_here())


def close_periods() -> None:
    """The days, months and years of this shop that are over."""
    closing.run(timezone.now())


def deliver() -> None:
    """A while of what is due at this shop's bookkeeper."""
    delivering.drain(timezone.now)


def look_at_the_clock() -> None:
    """Recurring, in public: the shops in which something is to be closed."""
    due.look(closing.DUE, close_periods)


def look_at_deliveries() -> None:
    """Recurring, in public: the shops whose bookkeeper is to be told something."""
    due.look(bookkeeping.DUE, deliver, bulk=True)


def sweep() -> None:
    """Recurring, in public: the net under shops that lost their next moment, or a file that was
    being made, as a restored one."""
    moments = {closing.DUE: closing.next_closure, bookkeeping.DUE: delivering.next_moment}
    for shop in every_open_shop():
        with timezone.override(shop.zone):
            services.ask_for_lost_papers(timezone.now())
            for what, next_moment in moments.items():
                if at := next_moment(timezone.now()):
                    due.note(what, at)
