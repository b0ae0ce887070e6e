"""What messages have cost, as owners read it: a month by channel, cause and day."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Sum
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext_lazy as _

from apps.contacts.channels import every, named, offered
from apps.contacts.models import Contact
from apps.core.chart import Chart, Point, bars
from apps.core.templatetags.french import jour_court, prix_rond
from apps.messaging.budget import month_of, the_month
from apps.messaging.channels import sending
from apps.messaging.models import Flow, Month, Spending
from apps.messaging.quality import percent, rule
from apps.shops.models import Shop
from apps.shops.plans import Plan, plan_of

ORIGINS = {
    "drop": _("Daily Drops"),
    "trigger": _("Automatiques"),
    "service": _("De service"),
    "trial": _("Essais"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """``pieces`` are what the operator bills; ``cost_cents`` is rounded for show."""

    messages: int = 0
    pieces: int = 0
    tenths: int = 0

    @property
    def cost_cents(self) -> int:
        return round(self.tenths / 10)


@dataclass(frozen=True, slots=True)
class Row:
    """One channel: a cell for each origin, then all of them."""

    label: str
    cells: list[Cell]
    total: Cell


@dataclass(frozen=True, slots=True)
class Spent:
    """A month as the page shows it."""

    month: Month
    is_current: bool
    rows: list[Row]
    days: list[tuple[date, Cell]]
    total: Cell

    @property
    def on_the_way(self) -> int:
        """Cents that are taken for what no answer has come of yet."""
        return round(max(self.month.taken_tenths - self.total.tenths, 0) / 10)

    @property
    def budget_cents(self) -> int | None:
        budget = self.month.budget_tenths
        return None if budget is None else budget // 10

    def chart(self, width: int, height: int) -> Chart:
        """A bar a day, in euros."""
        points = [Point(cell.cost_cents, jour_court(day)) for day, cell in self.days]
        return bars(points, width=width, height=height, labels=3, left=58, say=prix_rond)


def spent(shop: Shop, month: date, now: datetime) -> Spent:
    """``month`` is its first day; two queries. Of the current one the days until today."""
    current = month_of(now, shop)
    after = (month + timedelta(days=32)).replace(day=1)
    lines = list(Spending.objects.filter(day__gte=month, day__lt=after).order_by("day"))
    last = now.astimezone(shop.zone).date() if month == current else after - timedelta(days=1)
    days = [month + timedelta(days=n) for n in range((last - month).days + 1)]
    return Spent(
        month=the_month(shop, now) if month == current else _past(month),
        is_current=month == current,
        rows=_rows(lines),
        days=[(day, _sum([one for one in lines if one.day == day])) for day in days],
        total=_sum(lines),
    )


def _past(month: date) -> Month:
    return Month.objects.filter(pk=month).first() or Month(month=month)


def _sum(lines: Sequence[Spending]) -> Cell:
    return Cell(
        sum(one.messages for one in lines),
        sum(one.segments for one in lines),
        sum(one.cost_tenths for one in lines),
    )


def _rows(lines: Sequence[Spending]) -> list[Row]:
    found = []
    for channel in every():
        its = [one for one in lines if one.channel == channel.name]
        if its:
            cells = [_sum([one for one in its if one.origin == origin]) for origin in ORIGINS]
            found.append(Row(str(channel), cells, _sum(its)))
    return found


def past_months(shop: Shop) -> list[tuple[date, Cell]]:
    """Each month in which something left, the newest first; one query."""
    months = Spending.objects.annotate(month=TruncMonth("day")).values("month").order_by("-month")
    sums = months.annotate(
        all_messages=Sum("messages"), pieces=Sum("segments"), tenths=Sum("cost_tenths")
    )
    return [(row["month"], Cell(row["all_messages"], row["pieces"], row["tenths"])) for row in sums]


def as_csv(month: date) -> Iterator[str]:
    """A line a day, channel and cause, as a French spreadsheet opens it."""
    after = (month + timedelta(days=32)).replace(day=1)
    yield "\ufeff"
    yield _line("jour", "canal", "cause", "messages", "segments", "euros HT")
    for one in Spending.objects.filter(day__gte=month, day__lt=after).order_by(
        "day", "channel", "origin"
    ):
        euros = f"{one.cost_tenths / 1000:.3f}".replace(".", ",")
        origin = ORIGINS.get(one.origin, one.origin)
        yield _line(one.day, named(one.channel), origin, one.messages, one.segments, euros)


def _line(*cells: object) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=";").writerow(cells)
    return line.getvalue()


@dataclass(frozen=True, slots=True)
class Sender:
    """How a channel stands with people and networks; ``tone`` is a chip's class."""

    label: str
    messages: int
    stops: str
    bounces: str
    verdict: str
    tone: str


def senders() -> list[Sender]:
    """Each channel as it was last judged; one query."""
    asked, found = rule(), []
    for flow in Flow.objects.exclude(judged_at=None).order_by("-channel"):
        if flow.slow_since:
            verdict, tone = f"ralenti, {asked.slow_per_hour} par heure", "warn"
        elif flow.messages < asked.sample:
            verdict, tone = "trop peu pour juger", "plain"
        else:
            verdict, tone = "bien", "good"
        found.append(
            Sender(
                label=str(named(flow.channel)),
                messages=flow.messages,
                stops=percent(flow.stopped, flow.messages),
                bounces=percent(flow.bounced, flow.tried),
                verdict=verdict,
                tone=tone,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Included:
    """What the plan has and how much of it is used."""

    plan: Plan
    mails: int
    people: int


def included(shop: Shop, month: Month) -> Included | None:
    """None where no plan limits anything."""
    plan = plan_of(shop)
    return Included(plan, month.mails, Contact.objects.living().count()) if plan else None


def prices(shop: Shop) -> list[tuple[str, str]]:
    """Each channel of the shop and what a piece costs, without VAT: « 0,07 € », « 0,075 € »."""
    found = []
    for channel in offered(shop):
        tenths = sending(channel.name).price_tenths(shop)
        euros = f"{tenths / 1000:.3f}" if tenths % 10 else f"{tenths / 1000:.2f}"
        said = f"{euros.replace('.', ',')}\u00a0€" if tenths else "compris"
        found.append((str(channel), said))
    return found
