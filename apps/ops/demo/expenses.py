"""What the demonstration's messages have cost: the ledger of what left, and the month's budget."""

from collections import Counter
from datetime import date, datetime

from apps.messaging import quality
from apps.messaging.budget import month_of, origin_of, the_month
from apps.messaging.models import Message, Month, Spending
from apps.messaging.outcome import BOUNCED
from apps.shops.models import Shop

Key = tuple[date, str, str]


def write(shop: Shop, now: datetime) -> None:
    """As a worker would have put it down, message by message."""
    counts: dict[str, Counter[Key]] = {
        name: Counter() for name in ("messages", "segments", "cost_tenths", "bounced")
    }
    for message in Message.objects.exclude(sent_at=None).defer("body", "html"):
        assert message.sent_at
        key = (message.sent_at.astimezone(shop.zone).date(), message.channel, origin_of(message))
        counts["messages"][key] += 1
        counts["segments"][key] += message.segments
        counts["cost_tenths"][key] += message.cost_tenths
        counts["bounced"][key] += message.reason in BOUNCED
    lines = [
        Spending(
            day=key[0],
            channel=key[1],
            origin=key[2],
            tried=counts["messages"][key],
            **{name: count[key] for name, count in counts.items()},
        )
        for key in sorted(counts["messages"])
    ]
    Spending.objects.bulk_create(lines)
    _month(shop, lines, now)
    quality.settle(shop, now)


def _month(shop: Shop, lines: list[Spending], now: datetime) -> None:
    month: Month = the_month(shop, now)
    here = [line for line in lines if line.day >= month_of(now, shop)]
    month.taken_tenths = sum(line.cost_tenths for line in here)
    month.mails = sum(line.messages for line in here if not line.cost_tenths)
    if month.budget_tenths and month.taken_tenths * 100 >= month.budget_tenths * 80:
        month.told = 80
    month.save(force_insert=True)
