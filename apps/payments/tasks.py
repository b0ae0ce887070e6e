"""What the workers run for this room: in public, where nothing else is said."""

from django.conf import settings
from django.utils import timezone

from apps.core import due
from apps.payments import billing, events, reconciling, refunding


def apply_events() -> None:
    """What Stripe told, carried out."""
    events.apply_waiting()


def shop_changed(_shop_id: int) -> None:
    """In a shop that may have said what its invoices waited for."""
    billing.ask_again()


def settle_refunds() -> None:
    """In a shop: refunds that Stripe did not answer for."""
    refunding.settle(timezone.now())


def look_at_refunds() -> None:
    """Recurring: the shops in which a refund is unknown."""
    due.look(refunding.DUE, settle_refunds)


def look_at_events() -> None:
    """Recurring: events that wait for another try."""
    events.look()


def forget_old_events() -> None:
    """Recurring: events that were carried out long ago."""
    events.forget_old()


def reconcile() -> None:
    """Recurring: what stands here beside what stands at Stripe."""
    if settings.STRIPE_SECRET_KEY:
        reconciling.reconcile(timezone.now())
