"""What the law calls closures: each day that is over, each month, each year, with its totals and
those of all time, sealed in the chain. A day on which nothing was recorded has none."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock
from typing import Any, Self

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core import due
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.invoicing.models import Closure, Period, Record, RecordKind, Type
from apps.invoicing.seal import next_place

DUE = "closures"  # this room's name in the due-index
SHEET = "apps.invoicing.tasks.make_sheet"
HOUR = clock(0, 20)  # of the shop's clock
_ORDER = {Period.DAY: 0, Period.MONTH: 1, Period.YEAR: 2}


class AlreadyClosed(Refusal):
    message = _("Cette période est déjà clôturée : une clôture ne se refait pas.")


class NotOver(Refusal):
    message = _("Une période se clôture quand elle est finie, et ses jours avant elle.")


@dataclass(slots=True)
class Totals:
    """Sums of a period. Credit notes lower them; ``bases`` by rate: without VAT, and the VAT."""

    invoices: int = 0
    credits: int = 0
    invoiced_cents: int = 0
    credited_cents: int = 0
    bases: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    payments: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def total_cents(self) -> int:
        return self.invoiced_cents - self.credited_cents

    def take(self, facts: dict[str, Any]) -> None:
        """Count one record; a closure counts nothing."""
        if facts["kind"] == RecordKind.PAYMENT:
            self.payments[facts["method"]] += facts["amount_cents"]
        elif facts["kind"] == RecordKind.INVOICE:
            credit = facts["type"] == Type.CREDIT
            sign = -1 if credit else 1
            self.invoices += not credit
            self.credits += credit
            self.invoiced_cents += 0 if credit else facts["total_cents"]
            self.credited_cents += facts["total_cents"] if credit else 0
            for base in facts["bases"]:
                sums = self.bases[str(base["vat"])]
                sums[0] += sign * base["net_cents"]
                sums[1] += sign * base["vat_cents"]

    def add(self, other: Self) -> Self:
        self.invoices += other.invoices
        self.credits += other.credits
        self.invoiced_cents += other.invoiced_cents
        self.credited_cents += other.credited_cents
        for rate, (net, vat) in other.bases.items():
            self.bases[rate][0] += net
            self.bases[rate][1] += vat
        for method, cents in other.payments.items():
            self.payments[method] += cents
        return self

    def kept(self) -> dict[str, Any]:
        """As a closure says it."""
        return {
            "invoices": self.invoices,
            "credits": self.credits,
            "invoiced_cents": self.invoiced_cents,
            "credited_cents": self.credited_cents,
            "total_cents": self.total_cents,
            "bases": {rate: list(sums) for rate, sums in self.bases.items()},
            "payments": dict(self.payments),
        }

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        said = {name: kept[name] for name in cls.__slots__ if name not in ("bases", "payments")}
        found = cls(**said)
        found.bases.update({rate: list(sums) for rate, sums in kept["bases"].items()})
        found.payments.update(kept["payments"])
        return found


def first_day(period: Period, day: date) -> date:
    """Of the period in which ``day`` lies."""
    if period == Period.DAY:
        return day
    return day.replace(day=1) if period == Period.MONTH else day.replace(month=1, day=1)


def last_day(period: Period, starts: date) -> date:
    if period == Period.DAY:
        return starts
    further = starts + timedelta(days=31 if period == Period.MONTH else 366)
    return first_day(period, further) - timedelta(days=1)


def next_night(day: date) -> datetime:
    """When what was recorded on ``day`` is closed."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), HOUR))


def run(now: datetime) -> None:
    """Close what is over in this shop, in order; twice, or two at once, change nothing more."""
    for period, starts in periods_over(timezone.localdate(now)):
        try:
            close(period, starts, now=now)
        except AlreadyClosed:
            continue
    due.settle(DUE, lambda: next_closure(now))


def next_closure(now: datetime) -> datetime | None:
    """When there will be something to close, if anything was recorded since."""
    open_days = _days_open().order_by("on").values_list("on", flat=True)
    first = open_days.first()
    return max(now, next_night(first)) if first else None


def _days_open() -> Any:
    counted = Record.objects.exclude(kind=RecordKind.CLOSURE)
    last = Closure.objects.filter(period=Period.DAY).order_by("-starts").first()
    return counted.filter(on__gt=last.starts) if last else counted


def periods_over(today: date) -> list[tuple[Period, date]]:
    """The days, months and years that are over and not closed, in the order in which to close."""
    days = set(_days_open().filter(on__lt=today).values_list("on", flat=True).distinct())
    found = {(Period.DAY, day) for day in days}
    within = days
    for shorter, period in ((Period.DAY, Period.MONTH), (Period.MONTH, Period.YEAR)):
        closed = Closure.objects.filter(period=period).order_by("-starts").first()
        since = last_day(period, closed.starts) if closed else date.min
        parts = Closure.objects.filter(period=shorter, starts__gt=since)
        inside = within | set(parts.values_list("starts", flat=True))
        within = {first_day(period, day) for day in inside}
        within = {day for day in within if day > since and last_day(period, day) < today}
        found |= {(period, day) for day in within}
    return sorted(found, key=lambda one: (last_day(*one), _ORDER[one[0]]))


@transaction.atomic
def close(period: Period, starts: date, *, now: datetime) -> Closure:
    """Seal one period. Raises ``AlreadyClosed``; ``NotOver`` also while days of it stand open."""
    place = next_place(now)
    ends = last_day(period, starts)
    if Closure.objects.filter(period=period, starts=starts).exists():
        raise AlreadyClosed()
    open_parts = _days_open().filter(on__lte=ends).exists() and period != Period.DAY
    if ends >= place.on or open_parts or first_day(period, starts) != starts:
        raise NotOver()
    totals = _totals(period, starts, ends)
    last = Closure.objects.filter(period=period).order_by("-starts").first()
    before = Totals.of(last.record.facts["perpetual"]) if last else Totals()
    perpetual = before.add(totals)
    sealed = place.write(
        RecordKind.CLOSURE,
        {
            "period": period.value,
            "starts": starts.isoformat(),
            "ends": ends.isoformat(),
            "totals": totals.kept(),
            "perpetual": perpetual.kept(),
        },
    )
    enqueue(SHEET, sealed.pk, bulk=True)
    return Closure.objects.create(
        record=sealed,
        period=period,
        starts=starts,
        total_cents=totals.total_cents,
        perpetual_cents=perpetual.total_cents,
    )


def _totals(period: Period, starts: date, ends: date) -> Totals:
    """A day's from its records, a longer one's from the closures inside it."""
    if period == Period.DAY:
        return summed(record.facts for record in Record.objects.filter(on=starts).iterator(500))
    shorter = Period.DAY if period == Period.MONTH else Period.MONTH
    inside = Closure.objects.filter(period=shorter, starts__range=(starts, ends))
    totals = Totals()
    for closure in inside.select_related("record").order_by("starts"):
        totals.add(Totals.of(closure.record.facts["totals"]))
    return totals


def summed(records: Iterable[dict[str, Any]]) -> Totals:
    totals = Totals()
    for facts in records:
        totals.take(facts)
    return totals
