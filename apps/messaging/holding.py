"""Keeping the waiting messages of one cause back, and letting them go."""

from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone

from apps.messaging.models import Message
from apps.messaging.waking import wake

# A moment that never comes: what is held is still queued, and no worker ever finds it due.
NEVER = datetime(2999, 1, 1, tzinfo=UTC)


def hold(cause: str) -> int:
    """Nothing of ``cause`` that waits leaves until ``release``; what left, left."""
    waiting = Message.objects.filter(cause=cause, available_at__isnull=False)
    return waiting.update(available_at=NEVER)


@transaction.atomic
def release(cause: str, now: datetime | None = None) -> int:
    """What ``hold`` kept back may leave; the worker minds each person's legal hours."""
    now = now or timezone.now()
    count = Message.objects.filter(cause=cause, available_at=NEVER).update(available_at=now)
    if count:
        wake()
    return count
