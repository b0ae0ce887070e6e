"""Two hundred open homes on two workers: asking again and again (ours) beside server-sent events.

What following costs while nothing much happens (CPU a minute, memory), how soon a stamp is known,
and how many stamps a second are left while everybody follows.
"""

import random
import socket
import statistics
import time
from collections.abc import Iterator, Sequence

from config import processes
from tests.bench.dashboards import Follow, Pages, listen, opened, poll
from tests.bench.ground import Ground, Server, resident_mb
from tests.bench.load import wrk
from tests.bench.people import CARDS, Place, shops, stamp, stamps
from tests.bench.report import Row

OPEN, SECONDS, ROUNDS = 200, 30, 3
STREAM = (*processes.WEB[1:-1], "tests.bench.stream")


def measure(ground: Ground) -> Iterator[Row]:
    places = shops(ground, OPEN)
    with (
        ground.serve(WEB_THREADS="4") as ours,
        # Each open page takes a thread, and nobody shares the pages out between the workers.
        ground.serve(STREAM, WEB_THREADS=str(OPEN + 10)) as theirs,
    ):
        yield from _quiet("asking every 1.2 s", ground, places, ours, poll)
        yield from _quiet("server-sent events", ground, places, theirs, listen)
        yield from _busy(
            places, {"alone": (ours, None), "asking": (ours, poll), "events": (theirs, listen)}
        )


def _quiet(
    name: str, ground: Ground, places: Sequence[Place], server: Server, follow: Follow
) -> Iterator[Row]:
    """A stamp a second somewhere: what the pages cost beside it, and when they know."""
    alone = _cpu(ground, server, lambda: _stamp_gently(server, places, None))
    with opened(server, places, follow) as pages:
        cpu = _cpu(ground, server, lambda: _stamp_gently(server, places, pages))
        memory = sum(map(resident_mb, server.workers()))
        time.sleep(2)
    waits = sorted(pages.waits)
    late = waits[int(len(waits) * 0.95)]
    missed = SECONDS - len(waits)
    a_minute = (cpu - alone) * 60 / SECONDS
    value = f"{a_minute:.1f} s of CPU a minute, workers {memory:.0f} MB"
    yield Row(f"{OPEN} homes, {name}: cost", "≤ 15 s a minute", value, a_minute <= 15)
    value = f"p50 {statistics.median(waits):.2f} s, p95 {late:.2f} s, {missed} never"
    yield Row(
        f"{OPEN} homes, {name}: a stamp is known", "p95 ≤ 2 s", value, late <= 2 and not missed
    )


def _cpu(ground: Ground, server: Server, work) -> float:  # type: ignore[no-untyped-def]
    before = server.cpu() + ground.database_cpu()
    work()
    return server.cpu() + ground.database_cpu() - before


def _stamp_gently(server: Server, places: Sequence[Place], pages: Pages | None) -> None:
    for place in random.sample(places, SECONDS):
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            line.sendall(stamp(place, random.randint(1, CARDS)))
            if pages:
                pages.stamped[place.shop.schema_name] = time.monotonic()
            assert b" 200 " in line.recv(65536)[:20]
        time.sleep(max(0, 1 - (time.monotonic() - began)))


def _busy(places: Sequence[Place], sides: dict[str, tuple[Server, Follow | None]]) -> Iterator[Row]:
    rates: dict[str, list[float]] = {name: [] for name in sides}
    prepared = stamps(places)
    for _round in range(ROUNDS):
        for name, (server, follow) in sides.items():
            if follow is None:
                told = wrk(server, prepared(6000), 4)
            else:
                with opened(server, places, follow):
                    told = wrk(server, prepared(6000), 4)
            assert not told["refused"] + told["broken"], told
            rates[name].append(told["requests"] / told["seconds"])
    alone = statistics.median(rates.pop("alone"))
    for name, found in rates.items():
        rate = statistics.median(found)
        value = f"{rate / alone:.0%} ({rate:.0f}/s of {alone:.0f}/s)"
        yield Row(
            f"stamps a second left, {OPEN} homes {name}", "≥ 70 %", value, rate >= 0.7 * alone
        )
