"""From a launched drop to messages in the outbox: in batches, once each, whatever dies."""

import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from apps.audience.criteria import reach
from apps.campaigns.addresses import note
from apps.campaigns.lots import open_lot
from apps.campaigns.models import Drop, Rival, State
from apps.campaigns.splitting import rival_of
from apps.campaigns.taking import take, write
from apps.campaigns.timing import last_moment
from apps.core.jobs import Lane, enqueue
from apps.core.queue import key_of, others_wait
from apps.messaging.budget import closed
from apps.messaging.clocks import Clocks, clocks
from apps.messaging.models import Message, Status
from apps.shops.models import Shop
from apps.shops.services import shop_here

BATCH = 1000  # people whose messages are written in one transaction: a stamp may wait for it
REST = 0.5  # of the time a batch took: whoever stands at the counter is served in between
BUDGET_SECONDS = 25.0  # a job lives one minute at most: past this the rest is another job
TURN_SECONDS = 3.0  # and past this, when somebody else waits for the worker
_WHO = ("criteria", "segment")
_BEGUN = ("state", *_WHO, "left_out", "promised", "launched_at", "relevant_until")
FREEZE, CLOSE = "apps.campaigns.tasks.freeze", "apps.campaigns.tasks.close"
PICK = "apps.campaigns.tasks.pick"


def freeze(drop_id: int, token: str, now: datetime | None = None) -> None:
    """Write the audience of a launched drop into the outbox, going on where it was left.

    A second run, at the same time or after a kill -9, doubles nobody: the drop's row is locked
    for each batch and says how far one came. ``token`` is the launch this job was made for: a
    drop that was taken back or launched anew since is left alone.
    """
    now = now or timezone.now()
    shop = shop_here()
    hours = _begin(drop_id, token, shop, now)
    if hours is None:
        return
    began = time.monotonic()
    last = began
    while (people := _write(drop_id, token, shop, hours)) is not None:
        if people < BATCH:
            _finish(drop_id, token, hours)
            return
        if _make_way(time.monotonic() - began, shop):
            enqueue(FREEZE, drop_id, token)
            return
        time.sleep((time.monotonic() - last) * REST)
        last = time.monotonic()


def _make_way(spent: float, shop: Shop) -> bool:
    # Its own drain carries away what is frozen meanwhile: the two do not wait for each other.
    mine = [key_of(lane, shop.schema_name) for lane in (Lane.ORDINARY, Lane.BULK)]
    return spent > BUDGET_SECONDS or (spent > TURN_SECONDS and others_wait(*mine))


@transaction.atomic
def _begin(drop_id: int, token: str, shop: Shop, now: datetime) -> Clocks | None:
    """By which clocks its people are taken; None when there is nothing to take."""
    found = Drop.objects.select_for_update().filter(pk=drop_id, launch_token=token)
    drop = found.filter(state__in=[State.SCHEDULED, State.PREPARING]).first()
    if drop is None:
        return None
    if shut := closed(drop.channels, now):
        drop.state, drop.pause_reason = State.PAUSED, shut.why  # nobody is taken meanwhile
        drop.save(update_fields=["state", "pause_reason", "saved_at"])
        return None
    hours = clocks(shop, now, last_moment(drop, shop, now))
    if drop.launched_at is None:
        # Before anyone is taken: a later run would count this drop's own people as « cap ».
        reached = reach(drop.who, drop.channels, shop, now, hours)
        drop.relevant_until = hours.until.astimezone(shop.zone).date()
        drop.left_out = {one.reason: one.count for one in reached.left_out}
        drop.promised["reached"] = reached.reached
        # A segment that is changed from here on changes nothing of what is under way.
        drop.criteria, drop.segment = drop.who.as_dict(), None
        drop.launched_at = now
        for text in drop.texts.values():
            note(text.counted)
        open_lot(drop, now)
    drop.state = State.PREPARING
    drop.save(update_fields=[*_BEGUN, "saved_at"])
    return hours


@transaction.atomic
def _write(drop_id: int, token: str, shop: Shop, hours: Clocks) -> int | None:
    """One batch; how many people it was, fewer than ``BATCH`` when nobody is left. None when the
    drop was paused, cancelled or finished meanwhile."""
    found = Drop.objects.select_for_update().filter(pk=drop_id, launch_token=token)
    drop = found.filter(state=State.PREPARING).first()
    if drop is None:
        return None
    taken = take(drop, shop, hours, BATCH)
    if taken.people:
        write(drop, taken, shop, hours)
    drop.frozen_up_to = taken.up_to
    drop.audience_size += taken.people
    drop.save(update_fields=["frozen_up_to", "audience_size", "saved_at"])
    return taken.people


@transaction.atomic
def _finish(drop_id: int, token: str, hours: Clocks) -> None:
    found = Drop.objects.select_for_update().filter(pk=drop_id, launch_token=token)
    drop = found.filter(state=State.PREPARING).first()
    if drop is None:
        return
    rival = rival_of(drop)
    if rival and rival.waits:
        _await_pick(drop, rival, hours.now)
        return
    # Who could be reached at the beginning and was not: another message was faster, or time was.
    if (lost := drop.promised.get("reached", 0) - drop.audience_size) > 0:
        why = "late" if hours.now > hours.until else "cap"
        drop.left_out[why] = drop.left_out.get(why, 0) + lost
    drop.state, drop.frozen_at = State.SENDING, hours.now
    drop.save(update_fields=["state", "frozen_at", "left_out", "saved_at"])
    close(drop_id, hours.now)


def _await_pick(drop: Drop, rival: Rival, now: datetime) -> None:
    """Those of the trial are written to; the others wait until one of the two texts is picked."""
    if rival.pick_at is None:
        # Not who waits for the cap: that may be days, and the others wait for the pick.
        soon = waiting(drop).exclude(reason="too_soon")
        last = soon.aggregate(at=Max("available_at"))["at"]
        # With nobody in the trial there is nothing to wait for.
        rival.pick_at = max(last, now) + timedelta(hours=rival.hours) if last else now
        rival.save(update_fields=["pick_at"])
    drop.state = State.TESTING
    drop.save(update_fields=["state", "saved_at"])
    enqueue(PICK, drop.pk, at=rival.pick_at)


def waiting(drop: Drop) -> QuerySet[Message]:
    """The messages of the drop that may still leave."""
    waits = Q(available_at__isnull=False) | Q(status__in=[Status.QUEUED, Status.SENDING])
    return Message.objects.filter(waits, cause=drop.cause)


@transaction.atomic
def close(drop_id: int, now: datetime | None = None) -> bool:
    """Whether the drop is done: nothing of it waits any more. Else looks again later."""
    now = now or timezone.now()
    drop = Drop.objects.select_for_update().filter(pk=drop_id, state=State.SENDING).first()
    if drop is None:
        return False
    left = waiting(drop)
    if left.exists():
        due = left.filter(available_at__gt=now).order_by("available_at")
        nearest = due.values_list("available_at", flat=True).first()
        in_flight = left.exclude(available_at__gt=now).exists()
        soon = now + timedelta(seconds=20)
        enqueue(CLOSE, drop_id, at=soon if in_flight or not nearest else max(soon, nearest))
        return False
    drop.state, drop.done_at = State.DONE, now
    drop.save(update_fields=["state", "done_at", "saved_at"])
    return True
