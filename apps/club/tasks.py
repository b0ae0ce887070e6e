"""What the workers run for the club."""

from django.utils import timezone

from apps.club.services import billing, following, waiting, welcoming
from apps.club.services.planning import DUE
from apps.core import due


def heard_buyer(customer_id: str) -> None:
    """Payments has read anew how a customer stands."""
    following.follow(customer_id, timezone.now())


def bill(paid_as: str) -> None:
    """The invoice of a period that was paid."""
    now = timezone.now()
    if billing.bill(paid_as, now):
        billing.bill_waiting(now)  # what the shop had not said yet is said now


def welcome(member_id: int) -> None:
    """The first letter to who has paid."""
    welcoming.welcome(member_id)


def keep_places() -> None:
    """What was kept in vain is given back, who waits is offered what is free."""
    waiting.look(timezone.now())


def look_at_the_clock() -> None:
    """Recurring, in public: the shops in which a place is to be given back, or a gift ends."""
    due.look(DUE, keep_places)
