"""The workers themselves, with jobs that do nothing: how many, how soon, and behind whom."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from apps.core.jobs import RUN, Lane, enqueue
from apps.core.models import WorkerProcess
from apps.core.queue import key_of
from apps.core.tenancy import in_schema, use_public
from apps.shops.models import Shop
from apps.shops.services import provision
from config import processes
from tests.bench.ground import FOLDER, Ground, cpu_of, environment
from tests.bench.report import Row
from tests.core.work import nothing

JOBS, ROUNDS, STARTS, BACKLOG, BEHIND = 4_000, 3, 60, 200_000, 20
LEAST, LATEST, LATEST_BEHIND = 250, 0.4, 1.0
_FILL = """
INSERT INTO django_q_ormq (key, payload, lock)
SELECT %s, %s, now() FROM generate_series(1, %s)
"""
_CLEAR = "TRUNCATE django_q_ormq, core_jobtry"


def measure(ground: Ground) -> Iterator[Row]:
    busy, quiet = _shop("file-longue"), _shop("file-courte")
    with ground.admin() as connection:
        connection.execute(f"{_CLEAR}, core_workerprocess")
    worker = processes.start_child(
        processes.WORKER, environment(WORKERS="2"), FOLDER / "worker.log"
    )
    try:
        _wait(lambda: WorkerProcess.objects.count() == 3)  # two, and one for what is urgent
        _wait(lambda: not OrmQ.objects.filter(lock__lte=timezone.now()).exists())  # schedules
        yield _flow(ground, busy, lambda: cpu_of(worker.pid))
        for urgent in (False, True):
            yield _starts(quiet, urgent=urgent)
        _fill(ground, busy, BACKLOG)
        for urgent in (False, True):
            yield _behind(busy, quiet, urgent=urgent)
    finally:
        processes.stop_children([worker])
        with ground.admin() as connection:
            connection.execute(_CLEAR)


def _shop(slug: str) -> Shop:
    use_public()
    found = Shop.objects.filter(slug=slug).first()
    return found or provision(name=slug, slug=slug, trade="cafe", sells_alcohol=False)


def _fill(ground: Ground, shop: Shop, many: int) -> None:
    """So many ordinary jobs of ``shop`` at once, as ``enqueue`` writes them."""
    task = f"{nothing.__module__}.{nothing.__qualname__}"
    package = {
        "id": "0" * 32,
        "name": task,
        "func": RUN,
        "args": (shop.schema_name, task),
        "kwargs": {},
        "started": timezone.now(),
    }
    key = key_of(Lane.ORDINARY, shop.schema_name)
    with ground.admin() as connection:
        connection.execute(_FILL, [key, SignedPackage.dumps(package), many])


def _has_work(shop: Shop) -> bool:
    """Whether a job of ``shop`` waits or is in hand; by the index that the workers read."""
    keys = [key_of(lane, shop.schema_name) for lane in Lane]
    query = 'SELECT EXISTS (SELECT 1 FROM django_q_ormq WHERE key COLLATE "C" = ANY(%s))'
    with connection.cursor() as cursor:
        cursor.execute(query, [keys])
        return bool(cursor.fetchone()[0])


def _wait(done: Callable[[], bool], patience: float = 120) -> float:
    begin = time.monotonic()
    while not done():
        if time.monotonic() > begin + patience:
            raise RuntimeError(f"nothing moved in {patience:.0f} s: see {FOLDER / 'worker.log'}")
        time.sleep(0.004)
    return time.monotonic() - begin


def _flow(ground: Ground, shop: Shop, app: Callable[[], float]) -> Row:
    rates = []
    app_before, database_before = app(), ground.database_cpu()
    for _ in range(ROUNDS):
        _fill(ground, shop, JOBS)
        rates.append(JOBS / _wait(lambda: not _has_work(shop)))
    rate = statistics.median(rates)
    done = JOBS * ROUNDS
    in_app = (app() - app_before) * 1000 / done
    in_database = (ground.database_cpu() - database_before) * 1000 / done
    value = f"{rate:.0f}/s (CPU {in_app:.2f} + {in_database:.2f} ms)"
    figures = {"per_second": rates, "app_ms": in_app, "database_ms": in_database}
    return Row("jobs that do nothing, 2 workers", f"≥ {LEAST}/s", value, rate >= LEAST, figures)


def _done_after(shop: Shop, *, urgent: bool) -> float:
    """Seconds from the enqueueing of a job to the end of it."""
    with in_schema(shop.schema_name):
        enqueue(nothing, urgent=urgent)
    return _wait(lambda: not _has_work(shop))


def _kind(*, urgent: bool) -> str:
    return "an urgent job" if urgent else "an ordinary job"


def _said(found: Sequence[float]) -> tuple[str, float]:
    """In milliseconds, and the p95 in seconds."""
    late = statistics.quantiles(found, n=20)[-1]
    return f"p50 {statistics.median(found) * 1000:.0f} ms, p95 {late * 1000:.0f} ms", late


def _starts(shop: Shop, *, urgent: bool) -> Row:
    found = []
    for turn in range(STARTS):
        time.sleep(0.05 + 0.007 * (turn % 30))  # at every phase of the workers' poll
        found.append(_done_after(shop, urgent=urgent))
    value, late = _said(found)
    what = f"{_kind(urgent=urgent)} from enqueued to done, idle workers"
    mark = f"p95 ≤ {LATEST * 1000:.0f} ms"
    return Row(what, mark, value, late <= LATEST, {"seconds": found})


def _behind(busy: Shop, quiet: Shop, *, urgent: bool) -> Row:
    found = [_done_after(quiet, urgent=urgent) for _ in range(BEHIND)]
    value, late = _said(found)
    what = f"{_kind(urgent=urgent)} behind {BACKLOG:,} of another shop"
    reached = late <= LATEST_BEHIND and _has_work(busy)
    return Row(what, f"p95 ≤ {LATEST_BEHIND:.0f} s", value, reached, {"seconds": found})
