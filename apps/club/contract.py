"""The contract behind a membership: its reference, when it may end, how long it may be renounced
(french-rules § 6).

A reference is the membership's number and four signs that only this shop could have made: it is
typed by hand, and nobody finds another's by counting.
"""

import re
from datetime import date, datetime, timedelta

from django.utils import timezone

from apps.club.box_models import Box, BoxState
from apps.club.models import BELONGS, Member
from apps.core.tenancy import current_schema
from apps.core.tokens import READABLE, keyed_hash
from apps.loyalty.rule import months_later
from apps.messaging.hours import is_day_off, place_of
from apps.shops.models import Shop

RENOUNCE_DAYS = 14  # L221-18
AT_MOST_ON_ITS_WAY = timedelta(days=7)
_REFERENCE = re.compile(rf"C?0*([1-9][0-9]{{0,8}})-?([{READABLE}]{{4}})")


def reference_of(member: Member) -> str:
    """« C00012-7KQ4 »."""
    return f"C{member.pk:05d}-{_signs(member.pk)}"


def _signs(number: int) -> str:
    digest = int(keyed_hash("club contract", f"{current_schema()}:{number}")[:12], 16)
    return "".join(READABLE[digest // len(READABLE) ** n % len(READABLE)] for n in range(4))


def number_in(reference: str) -> int | None:
    """The membership's number, however the reference was typed; None when it is none of ours."""
    found = _REFERENCE.fullmatch("".join(reference.upper().split()))
    number = int(found[1]) if found else 0
    return number if found and _signs(number) == found[2] else None


# --- its end -------------------------------------------------------------------------------


def end_of(member: Member, now: datetime, wanted_on: date | None = None) -> datetime:
    """When a contract that is left ``now`` ends: with the period that is paid for, after the
    term that was agreed, and not before the day its holder names."""
    end = member.period_ends_at or now
    target = max(filter(None, (member.term_ends_on, wanted_on)), default=None)
    turns = 0
    while target and timezone.localdate(end) < target:
        turns += 1
        end = periods_later(member.period_ends_at or now, turns * member.plan.every)
    return max(end, now)


def periods_later(moment: datetime, months: int) -> datetime:
    """The same hour so many months later, by the shop's clock."""
    local = timezone.localtime(moment)
    return timezone.make_aware(
        datetime.combine(months_later(local.date(), months), local.time().replace(tzinfo=None))
    )


# --- its renouncing ------------------------------------------------------------------------


def renounce_until(member: Member, shop: Shop) -> date | None:
    """The last day on which it may be renounced; None before the first box is in their hands.

    Fourteen days from then (L221-18, goods that come regularly), the last of them a working day
    (L221-19).
    """
    received = first_received(member)
    if received is None:
        return None
    last = received + timedelta(days=RENOUNCE_DAYS)
    place = place_of(shop, "")
    while is_day_off(last, place) or last.isoweekday() == 6:
        last += timedelta(days=1)
    return last


def may_renounce(member: Member, shop: Shop, now: datetime) -> bool:
    if member.state not in BELONGS or member.began_at is None:
        return False
    last = renounce_until(member, shop)
    return last is None or timezone.localdate(now) <= last


def first_received(member: Member) -> date | None:
    """The day of the first box, as far as a shop can know: what was shipped is on its way a week
    at most."""
    gone = Box.objects.filter(member=member, state__in=(BoxState.HANDED, BoxState.SHIPPED))
    first = gone.order_by("ended_at").first()
    if first is None or first.ended_at is None:
        return None
    on_its_way = AT_MOST_ON_ITS_WAY if first.state == BoxState.SHIPPED else timedelta()
    return timezone.localdate(first.ended_at + on_its_way)
