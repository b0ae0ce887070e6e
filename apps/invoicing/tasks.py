"""Work off the request: the paper of each invoice, and the closures of the night."""

from django.utils import timezone

from apps.core import due
from apps.invoicing import closing, our_bills, paper
from apps.shops.services import every_open_shop


def make_paper(record_id: int) -> None:
    """The file of an invoice that was issued; a check that fails makes the job fail, loudly."""
    paper.make(record_id, timezone.now())


def invoice_plan(shop: str, bill_id: int) -> None:
    """In the platform's own shop: what a shop paid for its plan."""
    our_bills.invoice(shop, bill_id, timezone.now())


def close_periods() -> None:
    """The days, months and years of this shop that are over."""
    closing.run(timezone.now())


def look_at_the_clock() -> None:
    """Recurring, in public: the shops in which something is to be closed."""
    due.look(closing.DUE, close_periods)


def sweep() -> None:
    """Recurring, in public: the net under shops that lost their next closure, as a restored one."""
    for shop in every_open_shop():
        with timezone.override(shop.zone):
            if night := closing.next_closure(timezone.now()):
                due.note(closing.DUE, night)
