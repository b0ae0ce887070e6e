"""Five hundred shops beside ten: CPU of the same requests, memory of what answers them."""

from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep

from django.conf import settings
from django_q.models import OrmQ

from apps.core.jobs import enqueue
from apps.core.tenancy import in_schema, use_public
from apps.messaging.tasks import drain
from config import processes
from tests.bench.cards import card_path, card_views
from tests.bench.ground import FOLDER, Ground, Server, environment, family, resident_mb
from tests.bench.load import Figures, Side, compare, http, in_turn, ratio, wrk
from tests.bench.people import Place, shops, stamps
from tests.bench.report import Row

MANY, FEW = 500, 10


def measure(ground: Ground) -> Iterator[Row]:
    places = shops(ground, MANY)
    yield from _cpu(ground, places)
    yield from _web_memory(ground, places)
    yield from _worker_memory(places)


def _cpu(ground: Ground, places: Sequence[Place]) -> Iterator[Row]:
    few = places[:FEW]
    one = {"WEB_PROCESSES": "1", "PGAPPNAME": "many"}
    with ground.serve(**one) as server, ground.serve(WEB_PROCESSES="1") as beside:
        for started in (server, beside):
            _each_once(ground, started, few)
        fresh = _backend_mb(ground)
        first = _each_once(ground, server, places)
        again = _each_once(ground, server, places)
        grown = _backend_mb(ground)
        sides = [
            Side("stamp, many", server, stamps(places)),
            Side("stamp, few", beside, stamps(few)),
            Side("card, many", server, in_turn(card_views(places))),
            Side("card, few", beside, in_turn(card_views(few))),
        ]
        found = compare(ground, sides, rounds=3, seconds=3)
        full = _backend_mb(ground)
    for what in ("stamp", "card"):
        much, little = found[f"{what}, many"], found[f"{what}, few"]
        times = _cpu_ratio(much, little)
        value = f"{times:.2f} × ({much.cpu:.1f} ms beside {little.cpu:.1f})"
        figures = {"many": much.told(), "few": little.told()}
        yield Row(
            f"{what} over {MANY} shops", f"≤ 1.25 × CPU of {FEW}", value, times <= 1.25, figures
        )
    most = settings.DATABASES["default"]["MAX_SCHEMAS"]
    bound = fresh + (full - fresh) / MANY * most
    value = (
        f"{full:.0f} MB after {MANY} shops, at most {bound:.0f} (renewed past {most}); "
        f"a card {first:.1f} ms at a shop's first view, {again:.1f} then"
    )
    figures = {"fresh": fresh, "cards": grown, "stamps": full, "first": first, "again": again}
    yield Row("memory of a connection", "bounded", value, bound < 300, figures)


def _cpu_ratio(much: Figures, little: Figures) -> float:
    """Of application and database together, round by round."""
    both = [
        Figures(app=[a + d for a, d in zip(one.app, one.database, strict=True)])
        for one in (much, little)
    ]
    return ratio(*both, "app")


def _each_once(ground: Ground, server: Server, places: Sequence[Place]) -> float:
    """The card of each shop in turn; milliseconds of CPU a view."""
    path, link = card_path(places), HTTPConnection("127.0.0.1", server.port, timeout=30)
    before = server.cpu() + ground.database_cpu()
    for place in places:
        link.request("GET", path, headers={"Host": f"{place.shop.host}{settings.PORT_SUFFIX}"})
        answer = link.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
    link.close()
    return (server.cpu() + ground.database_cpu() - before) * 1000 / len(places)


def _backend_mb(ground: Ground) -> float:
    """The memory of its own of the backend that serves the many."""
    with ground.admin() as connection:
        asked = "SELECT pid FROM pg_stat_activity WHERE application_name = 'many'"
        pids = [pid for (pid,) in connection.execute(asked)]
    return sum(_told(pid, "status", "RssAnon") for pid in pids)


def _told(pid: int, file: str, name: str) -> float:
    """A line of the kernel's about a process, in MB."""
    lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def _resident(what: str, pids: Sequence[int]) -> Row:
    each = [resident_mb(pid) for pid in pids]
    own = [_told(pid, "smaps_rollup", "Pss") for pid in pids]
    value = f"{max(each):.0f} MB, {sum(own):.0f} MB for all {len(pids)}"
    figures = {"resident": each, "proportional": own}
    return Row(f"memory of {what}", "≤ 140 MB each", value, max(each) <= 140, figures)


def _web_memory(ground: Ground, places: Sequence[Place]) -> Iterator[Row]:
    """As it is deployed: two processes of four threads, after every kind of page."""
    pages = [*card_views(places), *stamps(places)(len(places)), *_team_pages(places)]
    with ground.serve(WEB_THREADS="4") as server:
        _each_once(ground, server, places[:FEW])
        wrk(server, pages, 30)
        yield _resident("web processes", family(server.process.pid))


def _team_pages(places: Sequence[Place]) -> Iterator[bytes]:
    for place in places:
        for path in ("/", "/comptoir/", "/gestion/contacts/"):
            headers = {"Cookie": place.helpers[0].cookie}
            yield http("GET", f"{place.shop.host}{settings.PORT_SUFFIX}", path, headers)


def _worker_memory(places: Sequence[Place]) -> Iterator[Row]:
    """After a job in each shop."""
    for place in places:
        with in_schema(place.shop.schema_name):
            enqueue(drain)
    use_public()
    worker = processes.start_child(processes.WORKER, environment(), FOLDER / "servers.log")
    try:
        end = monotonic() + 60
        while OrmQ.objects.exists() and monotonic() < end:
            sleep(0.2)
        yield _resident("job workers", family(worker.pid))
    finally:
        processes.stop_children([worker])
