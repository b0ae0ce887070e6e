"""What is out of the ordinary in the demonstration: last visits, moved to where the watch finds
them, and what it then says of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from apps.core.actor import Actor
from apps.loyalty import watch
from apps.loyalty.models import Movement
from apps.ops.demo.visits import Hours, Ledger
from apps.review.models import Case
from apps.review.services import find_fine

RUSH = 14


def bend(
    ledgers: Sequence[Ledger], hours: Hours, team: Sequence[int], now: datetime
) -> list[Movement]:
    """The stamps that are moved; no sum changes by it."""
    busy = max(hours.hours, key=lambda hour: hours.hours[hour])
    days = (timezone.localtime(now) - timedelta(days=days) for days in range(1, 15))
    yesterday, before, *_others, long_ago = (
        day.replace(hour=busy, minute=8, second=12, microsecond=0)
        for day in days
        if hours.days[day.weekday()]
    )
    plan = [
        ([before.replace(hour=23, minute=12)], team[-1], None),
        ([long_ago, long_ago + timedelta(minutes=11)], team[len(team) // 2], None),
        ([before, before + timedelta(minutes=4)], team[-1], 1),
        *(([yesterday + timedelta(seconds=21 * turn)], team[-1], None) for turn in range(RUSH)),
    ]
    spare = (ledger for ledger in ledgers if _may_move(ledger, long_ago))
    return [
        line
        for ledger, (moments, by, first_device) in zip(spare, plan, strict=False)
        for line in _move(ledger, moments, by, first_device)
    ]


def _may_move(ledger: Ledger, since: datetime) -> bool:
    """The last two visits stand, won nothing, and may lie anywhere after ``since``."""
    last = ledger.earned[-3:]
    if len(last) < 3 or any(line in ledger.undone for line in last):
        return False
    ends = [line.at for line in ledger.paid] + list(ledger.redeemed_at.values())
    rests = max(ends, default=last[0].at) <= last[0].at and last[1].at < since
    return rests and last[2].at > since - timedelta(days=30)


def _move(
    ledger: Ledger, moments: list[datetime], by: int, first_device: int | None
) -> list[Movement]:
    moved = ledger.earned[-len(moments) :]
    before = ledger.earned[-len(moments) - 1].at
    for line, at in zip(moved, moments, strict=True):
        line.at, line.actor_id, line.visit_before, before = at, by, before, at
    moved[0].device = first_device
    ledger.card.last_stamp_at = before
    return moved


def look(moved: list[Movement], owner: int) -> None:
    """The watch finds them; of the oldest line somebody has said that it is normal."""
    for line in moved:
        watch.look(line.pk)
    oldest = Case.objects.order_by("at").first()
    if oldest is not None:
        seen = oldest.at + timedelta(hours=3)
        find_fine(oldest.pk, by=Actor("team", owner, place="office"), now=seen)
