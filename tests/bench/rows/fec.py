"""The accountant's file of 100,000 lines, each checked, beside reading the same records alone."""

import time
from collections.abc import Iterator
from os import getpid

from django.utils import timezone

from apps.core.tenancy import in_schema
from apps.invoicing.books import Books, fec
from apps.invoicing.models import Record
from tests.bench.ground import Ground, resident_mb
from tests.bench.report import Row
from tests.bench.rows.seal import filled

INVOICES, LONGEST, MORE = 20_000, 15, 30  # of two rates: five lines each


def measure(ground: Ground) -> Iterator[Row]:
    shop, today = filled(INVOICES), timezone.localdate()
    books = Books(today.replace(month=1, day=1), today.replace(month=12, day=31), {})
    with in_schema(shop.schema_name):
        began = time.monotonic()
        for _body in Record.objects.order_by("number").values_list("body").iterator(2000):
            continue
        plain = time.monotonic() - began
        before, began = resident_mb(getpid()), time.monotonic()
        lines = sum(1 for _line in fec(books)) - 1
        took, more = time.monotonic() - began, resident_mb(getpid()) - before
    value = f"{took:.1f} s, {took / plain:.0f} × reading them"
    yield Row(f"FEC, {lines:,} lines checked", f"≤ {LONGEST} s", value, took <= LONGEST)
    yield Row("its memory", f"≤ {MORE} MB more", f"{more:+.0f} MB", more <= MORE)
