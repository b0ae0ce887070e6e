"""Whether people and networks still want what the shop sends, and the slower pace when not.

Over the last days, from enough commercial messages on (``settings.SENDER_QUALITY``): how many
were followed by a stop, and how many met a bad address. Past either share the channel leaves in
rounds, a few messages every few minutes, so that what goes wrong can be seen and stopped. Under it
the usual pace comes back by itself. Judged when a stop or a bad address comes in, through the
due-index, and each hour while it is slow.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Sum

from apps.contacts.models import ConsentEvent, ConsentState
from apps.core import due
from apps.messaging.models import Flow, Kind, Message, Spending
from apps.messaging.waking import wake
from apps.shops.models import Shop

DUE = "quality"  # this matter's name in the due-index
NOT_COMMERCIAL = ("service", "trial")  # origins of ``Spending``
JUDGED_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """``settings.SENDER_QUALITY``, by name."""

    days: int
    sample: int
    stop_percent: int
    bounce_percent: int
    slow_per_hour: int
    round_minutes: int

    @property
    def a_round(self) -> int:
        return max(1, self.slow_per_hour * self.round_minutes // 60)

    def minutes(self, messages: int) -> int:
        """How long so many take at the slow pace."""
        return ceil(messages / self.a_round) * self.round_minutes


def percent(part: int, whole: int) -> str:
    """« 2,4 % »."""
    return f"{100 * part / whole:.1f}".replace(".", ",") + " %" if whole else "0 %"


def refused_shares(messages: int, stopped: int, tried: int, bounced: int) -> list[str]:
    """What is above the limits, in words; judged from ``sample`` messages on: of ten people one
    stop says nothing."""
    asked, found = rule(), []
    for part, whole, limit, what in (
        (stopped, messages, asked.stop_percent, "de stops"),
        (bounced, tried, asked.bounce_percent, "d’adresses refusées"),
    ):
        if whole >= asked.sample and part * 100 > whole * limit:
            found.append(f"{percent(part, whole)} {what} (au-dessus de {limit} %)")
    return found


def rule() -> Rule:
    return Rule(**settings.SENDER_QUALITY)


def look_soon(now: datetime) -> None:
    """A stop or a bad address came in: the job judges anew, after the caller's commit."""
    due.note(DUE, now)


@transaction.atomic
def judge(shop: Shop, now: datetime) -> None:
    """Write how each channel stands, and what pace that gives it."""
    since = now - timedelta(days=rule().days)
    rows = Spending.objects.filter(day__gte=since.astimezone(shop.zone).date())
    sums = rows.exclude(origin__in=NOT_COMMERCIAL).values("channel").order_by("channel")
    sums = sums.annotate(left=Sum("messages"), of=Sum("tried"), bad=Sum("bounced"))
    found = {row["channel"]: (row["left"], row["of"], row["bad"]) for row in sums}
    for channel in sorted({*found, *slow_channels()}):
        flow, _made = Flow.objects.select_for_update().get_or_create(channel=channel)
        flow.messages, flow.tried, flow.bounced = found.get(channel, (0, 0, 0))
        flow.stopped, flow.judged_at = _stopped(channel, since), now
        if refused_shares(flow.messages, flow.stopped, flow.tried, flow.bounced):
            flow.slow_since = flow.slow_since or now
        elif flow.slow_since:
            flow.slow_since = flow.round_ends = None
            wake()  # at the usual pace again
        flow.save()


def _stopped(channel: str, since: datetime) -> int:
    """People who said stop since then, stand by it, and had been written to."""
    later = ConsentEvent.objects.filter(
        contact=OuterRef("contact"), channel=channel, pk__gt=OuterRef("pk")
    ).exclude(state=ConsentState.WITHDRAWN)
    written_to = Message.objects.filter(
        contact=OuterRef("contact"),
        channel=channel,
        kind=Kind.COMMERCIAL,
        created_at__gte=since - timedelta(days=rule().days),
    )
    said = ConsentEvent.objects.filter(channel=channel, state=ConsentState.WITHDRAWN, at__gte=since)
    stands = said.filter(~Exists(later), Exists(written_to))
    return stands.values("contact").distinct().count()


def slow_channels() -> list[str]:
    """Whose commercial messages leave at the slow pace."""
    slow = Flow.objects.filter(slow_since__isnull=False).order_by("-channel")
    return list(slow.values_list("channel", flat=True))


def settle(shop: Shop, now: datetime) -> None:
    """The job: judged now, and again while some channel is slow."""
    judge(shop, now)
    due.settle(DUE, lambda: now + JUDGED_AGAIN if slow_channels() else None)


def paced(going: list[Message], slow: Collection[str], now: datetime) -> list[Message]:
    """Of the commercial messages of ``slow`` channels, as many as this round has left."""
    asked, left = rule(), dict[str, int]()
    flows = list(Flow.objects.select_for_update().filter(channel__in=slow).order_by("channel"))
    for flow in flows:
        if flow.round_ends is None or flow.round_ends <= now:
            flow.round_ends = now + timedelta(minutes=asked.round_minutes)
            flow.round_left = asked.a_round
        left[flow.channel] = flow.round_left
    let: list[Message] = []
    for message in going:
        if message.kind == Kind.COMMERCIAL and message.channel in left:
            if not left[message.channel]:
                continue
            left[message.channel] -= 1
        let.append(message)
    for flow in flows:
        flow.round_left = left[flow.channel]
        flow.save(update_fields=["round_ends", "round_left"])
        if not flow.round_left and flow.round_ends:
            wake(flow.round_ends)
    return let
