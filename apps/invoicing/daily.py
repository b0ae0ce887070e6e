"""What private customers bought, day by day and rate by rate: what the tax office will be told of
sales to consumers (e-reporting, CGI art. 290)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.core.sheets import STYLES, csv_pieces
from apps.invoicing.models import Invoice, Record, RecordKind, Type
from apps.invoicing.words import Operation

COLUMNS = (
    *(_("Jour"), _("Nature"), _("Taux de TVA"), _("Base HT"), _("TVA"), _("Total TTC")),
    *(_("Factures"), _("Avoirs")),
)


@dataclass(slots=True)
class DayLine:
    """What was sold at one rate on one day; credit notes lower it."""

    on: date
    operation: str
    vat: int
    net_cents: int = 0
    vat_cents: int = 0
    invoices: int = 0
    credits: int = 0

    @property
    def total_cents(self) -> int:
        return self.net_cents + self.vat_cents


def months() -> list[date]:
    """Those in which private customers were invoiced, the latest first."""
    return list(_private().dates("issued_on", "month", order="DESC"))


def sold_in(month: date) -> list[DayLine]:
    """The month's lines: by day, then by nature, the highest rate first."""
    until = (month + timedelta(days=31)).replace(day=1)
    bills = _private().filter(issued_on__gte=month, issued_on__lt=until)
    records = Record.objects.filter(kind=RecordKind.INVOICE, invoice__in=bills)
    found = dict[tuple[date, str, int], DayLine]()
    for body in records.order_by("number").values_list("body", flat=True).iterator(500):
        facts = json.loads(body)
        on, credit = date.fromisoformat(facts["on"]), facts["type"] == Type.CREDIT
        for base in facts["bases"]:
            key = (on, facts["operation"], base["vat"])
            line = found.setdefault(key, DayLine(*key))
            sign = -1 if credit else 1
            line.net_cents += sign * base["net_cents"]
            line.vat_cents += sign * base["vat_cents"]
            line.invoices += not credit
            line.credits += credit
    return sorted(found.values(), key=lambda one: (one.on, one.operation, -one.vat))


def by_rate(lines: list[DayLine]) -> list[DayLine]:
    """The month as a whole, rate by rate."""
    found = dict[int, DayLine]()
    for line in lines:
        whole = found.setdefault(line.vat, DayLine(line.on, "", line.vat))
        whole.net_cents += line.net_cents
        whole.vat_cents += line.vat_cents
    return [found[vat] for vat in sorted(found, reverse=True)]


def as_csv(month: date) -> Iterator[bytes]:
    return csv_pieces(COLUMNS, (_cells(line) for line in sold_in(month)), STYLES["excel"])


def _cells(line: DayLine) -> list[object]:
    sums = (line.net_cents, line.vat_cents, line.total_cents)
    amounts = [Decimal(cents) / 100 for cents in (line.vat, *sums)]
    return [line.on, Operation(line.operation).label, *amounts, line.invoices, line.credits]


def _private() -> QuerySet[Invoice]:
    return Invoice.objects.filter(is_business=False)
