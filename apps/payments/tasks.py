"""What the workers run for this room, all of it in public."""

from django.conf import settings
from django.utils import timezone

from apps.payments import events, reconciling


def apply_events() -> None:
    """What Stripe told, carried out."""
    events.apply_waiting()


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
