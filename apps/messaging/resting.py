"""What an outbox that comes from a backup may still do: nothing by itself.

Between the moment a backup was made and the loss that made it needed, what waited may have left,
been called off or been written anew; in a copy under another name the original sends it. So
nothing that waited is sent: it is called off with a reason the team reads, and whoever still
wants it writes it again. A try that was under way becomes ``unknown`` as after any crash, and the
provider is asked for it, but only once its answer can no longer lead to another try: later tries
of the lost shop are not in the backup. A copy asks nobody: what it holds is the original's affair,
and browsers were subscribed on its page.
"""

from datetime import datetime

from django.db.models import F

from apps.contacts.models import Contact
from apps.messaging.models import Attempt, Browser, Message, Status, Wake
from apps.messaging.reconciling import STALE

RESTORED = "restored"


def rest(using: str, now: datetime, *, is_copy: bool) -> int:
    """Call off what waits in the current schema of ``using``; returns how many messages."""
    waiting = Message.objects.using(using).filter(available_at__isnull=False)
    # As ``outbox`` does: what had left once has failed when its next try is called off.
    ends = {Status.SENT: Status.FAILED, Status.UNKNOWN: Status.UNKNOWN}
    count = 0
    for status in (Status.SENT, Status.UNKNOWN, Status.QUEUED, Status.SENDING):
        count += waiting.filter(status=status).update(
            status=ends.get(status, Status.CANCELLED),
            reason=RESTORED,
            available_at=None,
            done_at=now,
        )
    Wake.objects.using(using).all().delete()  # their jobs are not here
    doubts = Attempt.objects.using(using).exclude(ask_at=None)
    doubts.update(ask_at=None if is_copy else F("at") + STALE)
    if is_copy:
        flying = Attempt.objects.using(using).filter(status=Status.SENDING)
        flying.update(status=Status.UNKNOWN, code=RESTORED, done_at=now)
        held = Message.objects.using(using).filter(status=Status.SENDING)
        held.update(status=Status.UNKNOWN, reason=RESTORED)
        Browser.objects.using(using).all().delete()
        Contact.objects.using(using).exclude(push="").update(push="", push_proven_at=None)
    return count
