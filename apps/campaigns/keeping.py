"""The counts of a drop that is over stand on its row: no page counts its messages again.

They are written once nothing of the drop waits and each try's news would be late, and taken away
by any late news, until a worker counts anew. News of a message is late when its try is older than
``LATE``: it is announced in its own transaction, so that no change after the count goes unheard.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.campaigns.freezing import waiting
from apps.campaigns.models import Drop, State
from apps.campaigns.queries import tally
from apps.messaging.facts import LATE
from apps.messaging.models import Attempt

# News may be written a while after the moment it says it was heard.
KEPT_AFTER = LATE + timedelta(hours=12)


def to_keep(now: datetime) -> Q:
    """The drops whose counts may be kept, unless something of them still moves."""
    over = Q(state__in=[State.DONE, State.CANCELLED], done_at__lt=now - KEPT_AFTER)
    return over & Q(counts__isnull=True)


@transaction.atomic
def keep(drop_id: int, now: datetime | None = None) -> bool:
    """Whether the drop's counts were written to its row. A second run finds them there."""
    now = now or timezone.now()
    drop = Drop.objects.select_for_update().filter(to_keep(now), pk=drop_id).first()
    if drop is None or waiting(drop).exists():
        return False
    young = Attempt.objects.filter(message__cause=drop.cause, at__gte=now - KEPT_AFTER)
    if young.exists():
        return False
    names = ("status", "count", "cost")
    drop.counts = [{name: row[name] for name in names} for row in tally(drop.cause)]
    drop.save(update_fields=["counts"])
    return True


def forget(cause: str) -> None:
    """A message of ``cause`` has changed: its drop's messages are counted as they are now.

    Even where nothing is kept: the row's lock waits for a worker that is counting.
    """
    kind, _colon, number = cause.partition(":")
    if kind == "drop":
        Drop.objects.filter(pk=int(number)).update(counts=None)
