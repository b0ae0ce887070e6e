"""Five hundred Factur-X drawn, checked (XSD and Schematron) and sewn together, beside the drawing
alone; and what that does to the memory of who does it and of the child that checks."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from os import getpid

from django.utils import timezone

from apps.core.tenancy import in_schema
from apps.invoicing import checks
from apps.invoicing.paper import draw, produce
from tests.bench.ground import Ground, resident_mb
from tests.bench.report import Row
from tests.bench.rows.invoices import seller
from tests.invoicing.writing import HOTEL, bottles, issued

COUNT, WARM, SLOWEST, LEAST, MORE = 500, 50, 0.6, 4, 40


def _timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def measure(ground: Ground) -> Iterator[Row]:
    shop = seller()
    with in_schema(shop.schema_name):
        lines = [bottles(turn + 1, 1490 + turn, label=f"Cuvée n° {turn}") for turn in range(12)]
        at = timezone.now() - timedelta(minutes=1)
        facts = issued(*lines, buyer=HOTEL, at=at).record.facts
    plain = sum(_timed(lambda: draw(facts, "#6d1a36")) for _ in range(WARM)) / WARM
    for _ in range(WARM):
        produce(facts, "#6d1a36")
    before = resident_mb(getpid())
    took = sorted(_timed(lambda: produce(facts, "#6d1a36")) for _ in range(COUNT))
    more, whole = resident_mb(getpid()) - before, sum(took)
    late, rate = took[int(COUNT * 0.95)], COUNT / whole
    assert checks._child.process
    child = resident_mb(checks._child.process.pid)
    value = f"{rate:.1f}/s, p95 {late * 1000:.0f} ms, {whole / COUNT / plain:.1f} × its drawing"
    name = f"{COUNT} Factur-X of 12 lines, checked"
    yield Row(name, f"≥ {LEAST}/s", value, rate >= LEAST)
    yield Row("each, p95", f"≤ {SLOWEST} s", f"{late:.2f} s", late <= SLOWEST)
    value = f"{more:+.0f} MB (its child holds {child:.0f} MB)"
    yield Row("memory after them", f"≤ {MORE} MB more", value, more <= MORE)
