"""Invoices numbered, sealed and recorded in one shop by eight hands at once, half of them rolled
back, beside as many plain INSERTs under the same kind of lock.

The hands are those of the product as it is served: two processes of four threads. Eight threads of
one process are measured too: there all they reckon waits for one interpreter."""

import multiprocessing
import time
from collections.abc import Callable, Iterator

from django.db import connection, connections, transaction
from django.utils import timezone

from apps.core.tenancy import in_schema
from apps.core.tokens import readable_code
from apps.invoicing.models import Invoice
from apps.invoicing.verifying import prove_chain
from apps.shops.models import Shop
from apps.shops.services import provision
from tests.at_once import at_once
from tests.bench.ground import Ground
from tests.bench.report import Row
from tests.invoicing.writing import bottles, issued, settle_in

HANDS, EACH, LEAST = 8, 125, 100
PROCESSES, PATIENCE = 2, 20  # as the Procfile's gunicorn; seconds to begin
_LOCKED = "SELECT id FROM invoicing_chain FOR UPDATE"
_PLAIN = "INSERT INTO bench_plain (body) VALUES (repeat('x', 1400))"


class Undone(Exception):
    pass


def seller() -> Shop:
    """A new shop that may issue invoices."""
    slug = f"factures-{readable_code(6).lower()}"
    shop = provision(name="Cave aux factures", slug=slug, trade="wine")
    with in_schema(shop.schema_name):
        settle_in()
    return shop


def _by_hands(
    shop: Shop, act: Callable[[], object], *, processes: int = PROCESSES, undo: bool = False
) -> float:
    """Seconds for all hands to do it so often; every second time undone if asked."""

    def hand(_number: int) -> None:
        with in_schema(shop.schema_name):
            for turn in range(EACH):
                try:
                    with transaction.atomic():
                        act()
                        if undo and turn % 2:
                            raise Undone
                except Undone:
                    continue

    def process() -> None:
        start.wait(PATIENCE)
        at_once(hand, *range(HANDS // processes))

    connections.close_all()  # two processes must not share one
    fork = multiprocessing.get_context("fork")
    start = fork.Barrier(processes + 1)
    children = [fork.Process(target=process, daemon=True) for _ in range(processes)]
    for child in children:
        child.start()
    start.wait(PATIENCE)
    began = time.monotonic()
    for child in children:
        child.join()
    if any(child.exitcode for child in children):
        raise RuntimeError("a hand gave up")
    return time.monotonic() - began


def _plainly() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LOCKED)
        cursor.execute(_PLAIN)


def _invoice() -> None:
    issued(bottles(3, 1490), at=timezone.now())


def measure(ground: Ground) -> Iterator[Row]:
    shop, count = seller(), HANDS * EACH
    with in_schema(shop.schema_name):
        issued(at=timezone.now())  # the chain begins
    with ground.admin() as admin:
        admin.execute(
            f"CREATE TABLE {shop.schema_name}.bench_plain (body text); "
            f"GRANT INSERT ON {shop.schema_name}.bench_plain TO PUBLIC"
        )
    for processes in (PROCESSES, 1):
        plain = _by_hands(shop, _plainly, processes=processes)
        took = _by_hands(shop, _invoice, processes=processes)
        rate = count / took
        name = f"{count:,} invoices at once in a shop, {processes} × {HANDS // processes} threads"
        value = f"{rate:.0f}/s, {took / plain:.1f} × a plain INSERT under a lock"
        yield Row(name, f"≥ {LEAST}/s", value, rate >= LEAST)
    _by_hands(shop, _invoice, undo=True)
    with in_schema(shop.schema_name):
        places = list(Invoice.objects.order_by("record_id").values_list("position", flat=True))
        proof = prove_chain()
    kept = 1 + 2 * count + HANDS * (EACH - EACH // 2)
    whole = places == list(range(1, kept + 1)) and proof.broken is None
    value = f"{len(places):,} numbers, " + ("no gap, no double" if whole else "NOT gapless")
    yield Row("numbers, half of as many more rolled back", "no gap, no double", value, whole)
    connections.close_all()
