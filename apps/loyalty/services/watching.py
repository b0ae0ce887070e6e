"""Whether a stamp is worth a closer look (``apps.loyalty.watch``), by what it has read anyway."""

from datetime import datetime, timedelta

from django.utils import timezone

from apps.core.jobs import enqueue
from apps.loyalty.models import Movement, Programme
from apps.shops.opening import read_hours
from apps.shops.services import shop_here

PACE = timedelta(minutes=5)  # how many stamps are too many is counted over so long
SLACK = timedelta(minutes=30)  # who is served at the closing hour is served still
LOOK = "apps.loyalty.tasks.look_at_stamp"


def glance(
    stamp: Movement,
    programme: Programme,
    stamped_before: datetime | None,
    by_person: int,
    by_device: int,
) -> None:
    """Queue a look at ``stamp``, with its transaction, where there may be cause; asks nothing of
    the database. The counts are of the last ``PACE``, without this one."""
    if stamp.actor_kind != "team":
        return
    minutes = max(programme.cooldown_minutes, programme.apart_minutes)
    soon = stamped_before and abs(stamp.at - stamped_before) < timedelta(minutes=minutes)
    if (
        soon
        or 0 < programme.helper_pace <= by_person + 1
        or (stamp.device and 0 < programme.device_pace <= by_device + 1)
        or (programme.watch_hours and is_shut(stamp.at))
    ):
        enqueue(LOOK, stamp.pk)


def is_shut(at: datetime) -> bool:
    """Whether the shop was closed, as far as its own words of its hours say."""
    week = read_hours(shop_here().opening_hours)
    return week is not None and not week.is_open(timezone.localtime(at), SLACK)
