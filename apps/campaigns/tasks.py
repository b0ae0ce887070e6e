"""What the workers run for this room."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from apps.campaigns import freezing, keeping, services, trials
from apps.campaigns.models import Drop, State
from apps.core.jobs import enqueue
from apps.shops.services import every_open_shop

LOST_AFTER = timedelta(minutes=15)


def freeze(drop_id: int, token: str) -> None:
    """A launched drop's audience goes into the outbox."""
    freezing.freeze(drop_id, token)


def close(drop_id: int) -> None:
    """A drop whose messages are all gone is done."""
    freezing.close(drop_id)


def try_out(trial_id: int) -> None:
    """A test SMS to the team leaves."""
    trials.deliver(trial_id)


def pause(cause: str, channel: str, code: str) -> None:
    """Reaction to ``SendingPaused``."""
    services.provider_paused(cause, code)


def resume(channel: str) -> None:
    """Reaction to ``SendingResumed``."""
    services.provider_resumed()


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
    for _ in every_open_shop():
        for drop in Drop.objects.filter(still | overdue | keeping.to_keep(now)):
            if not drop.moves:
                enqueue(keep, drop.pk, bulk=True)
            elif drop.state != State.SENDING:
                enqueue(freeze, drop.pk, str(drop.launch_token))
            elif not freezing.waiting(drop).exists():
                enqueue(close, drop.pk)
