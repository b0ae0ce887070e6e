"""Drops and triggers from a backup: none goes on by itself (see ``messaging.resting``)."""

from datetime import datetime

from django.db.models import Q

from apps.campaigns.lot_models import Lot
from apps.campaigns.models import LIVE, Drop, Run, RunState, State, Trial, Trigger
from apps.messaging.models import Message
from apps.messaging.resting import RESTORED


def rest(using: str, now: datetime) -> None:
    """What was programmed is a draft again; what was under way has ended where it stood; what
    leaves by itself waits to be switched on.

    After ``messaging.resting.rest``. Who was taken for a drop stays taken until the cap ends: the
    message may have left after the backup was made.
    """
    drops = Drop.objects.using(using)
    drops.filter(state=State.SCHEDULED).update(
        state=State.DRAFT, launch_token=None, promised={}, saved_at=now
    )
    called_off = Message.objects.using(using).filter(reason=RESTORED).values_list("cause")
    stopped = {cause for (cause,) in called_off.distinct()}
    for drop in drops.filter(state__in=LIVE):
        # One whose last message had left is closed as ever.
        if drop.state != State.SENDING or drop.cause in stopped:
            drop.state, drop.done_at, drop.pause_reason = State.CANCELLED, now, ""
            drop.save(using=using, update_fields=["state", "done_at", "pause_reason", "saved_at"])
    # What was promised stays; nobody is told of it by itself, and the owner goes on with it.
    open_lots = Lot.objects.using(using).filter(settled_at=None, drop__launched_at__isnull=False)
    open_lots.filter(closed_at=None).update(closed_at=now)
    open_lots.filter(reminded_at=None).update(reminded_at=now)
    trials = Trial.objects.using(using).filter(Q(claimed_at=None) | ~Q(to=""))
    trials.update(claimed_at=now, to="", body="", outcome="called_off")
    Trigger.objects.using(using).update(on_since=None, next_at=None)
    runs = Run.objects.using(using).filter(state=RunState.WAITING)
    runs.update(state=RunState.DROPPED, at=None, reason=RESTORED, done_at=now)
