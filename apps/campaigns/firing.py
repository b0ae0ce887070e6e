"""From somebody who meets a trigger to a ``Run``, which the database allows once an occasion.

A fact is heard by a job of its own and answered at once; the clock is asked through the due-index.
What becomes of a run: ``leaving``. Sweeping twice, or two at once, changes nothing.
"""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from apps.audience.criteria import Criteria, people
from apps.campaigns.leaving import settle
from apps.campaigns.models import Run, Trigger
from apps.campaigns.triggers import KINDS
from apps.campaigns.triggers.kind import Met
from apps.core import due
from apps.core.jobs import enqueue
from apps.shops.models import Shop
from apps.shops.services import shop_here

DUE = "triggers"  # this room's name in the due-index
RUN_DUE = "apps.campaigns.tasks.run_triggers"
BATCH = 200
BUDGET_SECONDS = 25.0  # a job lives one minute at most: past this the rest is another job


@transaction.atomic
def react(fact: type, contact_id: int, at: datetime, now: datetime | None = None) -> None:
    """``fact`` came to pass for somebody at ``at``: what hears it leaves now."""
    hearing = [key for key, kind in KINDS.items() if fact in kind.hears]
    listening = Trigger.objects.on().filter(kind__in=hearing, on_since__lte=at)
    triggers = list(listening.select_related("segment").order_by("pk"))
    if not triggers:
        return
    now, shop = now or timezone.now(), shop_here()
    for trigger in triggers:
        met = KINDS[trigger.kind].met(trigger.settings, at, at, contact_id)
        _write(trigger, chosen(trigger, met, now))
    theirs = Run.objects.filter(trigger__in=triggers, contact=contact_id, at__isnull=False)
    for pk in list(theirs.filter(at__lte=now).order_by("pk").values_list("pk", flat=True)):
        settle(pk, shop, now)
    if later := theirs.aggregate(at=Min("at"))["at"]:
        due.note(DUE, later)


def run_due(now: datetime | None = None) -> None:
    """What the clock has brought about in this shop since it was last asked."""
    now, shop = now or timezone.now(), shop_here()
    if shop.closed_at is None:
        looking = Trigger.objects.on().filter(next_at__lte=now).order_by("pk")
        for pk in list(looking.values_list("pk", flat=True)):
            sweep(pk, shop, now)
        began = time.monotonic()
        while runs := list(_ready(now)[:BATCH]):
            for pk in runs:
                settle(pk, shop, now)
            if time.monotonic() - began > BUDGET_SECONDS:
                enqueue(RUN_DUE)
                return
    due.settle(DUE, lambda: next_moment(shop))


@transaction.atomic
def look_again(code: str, now: datetime | None = None) -> None:
    """What waited because of the limit ``code`` is looked at now that it is lifted."""
    now = now or timezone.now()
    if code and Run.objects.filter(at__isnull=False, reason=code).update(at=now):
        due.note(DUE, now)


@transaction.atomic
def sweep(trigger_id: int, shop: Shop, now: datetime) -> None:
    """Write the runs of one trigger that goes by the clock, and when it looks again.

    It looks back as far as its message still makes sense: a night without a worker skips nobody.
    """
    found = Trigger.objects.on().select_for_update().filter(pk=trigger_id, next_at__lte=now)
    trigger = found.first()
    if trigger is None or trigger.on_since is None:
        return
    kind = KINDS[trigger.kind]
    met = kind.met(trigger.settings, max(trigger.on_since, now - kind.lasts), now)
    _write(trigger, chosen(trigger, met, now))
    trigger.next_at = next_look(trigger, shop, now)
    trigger.save(update_fields=["next_at"])


def next_look(trigger: Trigger, shop: Shop, now: datetime) -> datetime | None:
    """The trigger's hour, by the shop's clock, after ``now``; None where no clock counts."""
    if not KINDS[trigger.kind].by_clock:
        return None
    today = now.astimezone(shop.zone).date()
    days = (today, today + timedelta(days=1))
    looks = (datetime.combine(day, trigger.hour, shop.zone) for day in days)
    return next(at for at in looks if at > now)


def next_moment(shop: Shop) -> datetime | None:
    """When something is due here: the nearest look, or the nearest run that waits."""
    if shop.closed_at:
        return None
    looks = Trigger.objects.on().aggregate(at=Min("next_at"))["at"]
    waits = Run.objects.filter(at__isnull=False, trigger__on_since__isnull=False)
    moments = (looks, waits.aggregate(at=Min("at"))["at"])
    return min((at for at in moments if at), default=None)


def _ready(now: datetime) -> "QuerySet[Run, int]":
    ready = Run.objects.filter(at__lte=now, trigger__on_since__isnull=False)
    return ready.order_by("at", "pk").values_list("pk", flat=True)


def chosen(trigger: Trigger, met: Iterable[Met], now: datetime) -> Iterable[Met]:
    """Of who met ``trigger``, those whom its segment names now; all of them without one."""
    if trigger.segment is None:
        return met
    met = list(met)
    named = people(Criteria.read(trigger.segment.criteria), now)
    keys = {one.contact_id for one in met}
    theirs = set(named.filter(pk__in=keys).values_list("pk", flat=True))
    return [one for one in met if one.contact_id in theirs]


def _write(trigger: Trigger, met: Iterable[Met]) -> None:
    """A run that waits for its moment, for each who has none for this occasion."""
    kind = KINDS[trigger.kind]
    delay = kind.delay(trigger.settings)
    runs = [
        Run(
            trigger=trigger,
            contact_id=one.contact_id,
            occasion=one.occasion,
            caused_at=one.at,
            at=one.at + delay,
            expires_at=one.at + delay + kind.lasts,
        )
        for one in met
    ]
    Run.objects.bulk_create(runs, batch_size=1000, ignore_conflicts=True)
