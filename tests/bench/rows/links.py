"""How the application holds its connections: kept, pooled, or PgBouncer in front."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from django.conf import settings

from config import embedded, processes
from tests.bench.cards import card_path, card_views, wrong_answers
from tests.bench.ground import DATABASE, POSTGRES, Ground, Server, cpu_of
from tests.bench.load import Figures, Side, compare, in_turn, ratio
from tests.bench.people import Place, shops
from tests.bench.report import Row

SHOPS = 40
THREADS = 4
LINKS = (
    "ours",
    "kept, asked",
    "kept, not asked",
    "new each time",
    "pool",
    "pool, asked",
    "PgBouncer, session",
    "PgBouncer, transaction",
)
_PGBOUNCER = """[databases]
{database} = host={socket} port=5432 user={role}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = {port}
auth_type = any
pool_mode = {mode}
default_pool_size = 8
max_client_conn = 100
ignore_startup_parameters = options,extra_float_digits
logfile = {folder}/log
pidfile = {folder}/pid
"""


def measure(ground: Ground) -> Iterator[Row]:
    places = shops(ground, SHOPS)
    names = [name for name in LINKS if "PgBouncer" not in name or shutil.which("pgbouncer")]
    with ExitStack() as stack:
        served = {name: stack.enter_context(_served(ground, name)) for name in names}
        wrong = {name: wrong_answers(server, places) for name, server in served.items()}
        safe = [name for name in names if not wrong[name][0]]
        views = card_views(places)
        sides = [Side(name, served[name], in_turn(views)) for name in safe]
        found = compare(ground, sides, rounds=3, seconds=2)
        backends = {name: _backends(ground, name) for name in names}
    for name in LINKS:
        if name not in names:
            value = "not measured: no pgbouncer on this machine"
            yield Row(f"link: {name}", "(to compare)", value, True)
        elif name in found:
            asked = _statements_each(ground, name, places)
            yield _row(name, found, backends[name], asked)
        else:
            bad, of = wrong[name]
            value = f"ruled out: {bad} of {of} answers were not that shop's"
            expected = name == "PgBouncer, transaction"
            yield Row(f"link: {name}", "(to compare)", value, expected, {"wrong": bad, "of": of})


def _row(name: str, found: dict[str, Figures], backends: int, statements: float) -> Row:
    one = found[name]
    share = ratio(one, found["ours"])
    value = (
        f"{share:.2f} × ours ({one.median('per_second'):.0f}/s), "
        f"{one.median('app'):.1f} + {one.median('database'):.1f} ms, "
        f"{statements:.1f} statements, {backends} connections"
    )
    mark = f"≤ {2 * THREADS} connections" if name == "ours" else "(to compare)"
    figures = {**one.told(), "statements": statements, "connections": backends}
    return Row(f"link: {name}", mark, value, name != "ours" or backends <= 2 * THREADS, figures)


@dataclass(frozen=True, slots=True)
class _Behind(Server):
    """A server whose connections pass by PgBouncer: what that costs is the application's."""

    bouncer: int = 0

    def cpu(self) -> float:
        return cpu_of(self.process.pid) + cpu_of(self.bouncer)


@contextmanager
def _served(ground: Ground, name: str, web: int = 2, threads: int = THREADS) -> Iterator[Server]:
    more = {
        "DJANGO_SETTINGS_MODULE": "tests.bench.linked",
        "LINK": name,
        "PGAPPNAME": name,
        "WEB_PROCESSES": str(web),
        "WEB_THREADS": str(threads),
    }
    if not name.startswith("PgBouncer"):
        with ground.serve(**more) as server:
            yield server
        return
    with ExitStack() as stack:
        address, bouncer = stack.enter_context(_pgbouncer(name.split()[-1]))
        server = stack.enter_context(ground.serve(**more, DATABASE_URL=address))
        yield _Behind(server.process, server.port, bouncer)


@contextmanager
def _pgbouncer(mode: str) -> Iterator[tuple[str, int]]:
    """PgBouncer before the bench's database until the block ends; its address and its pid."""
    postgres = pwd.getpwuid(POSTGRES.stat().st_uid)
    folder = Path(tempfile.mkdtemp())
    port = processes.free_port()
    said = {"database": DATABASE, "socket": embedded.socket_folder(POSTGRES), "port": port}
    text = _PGBOUNCER.format(**said, role=embedded.APP, folder=folder, mode=mode)
    (folder / "ini").write_text(text)
    command = [shutil.which("pgbouncer") or "", "-q", str(folder / "ini")]
    if os.getuid() == 0:  # it refuses to run as root
        os.chown(folder, postgres.pw_uid, postgres.pw_gid)
        folder.chmod(0o755)
        command[1:1] = ["-u", postgres.pw_name]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        address = f"postgresql://{embedded.APP}@/{DATABASE}?host={folder}&port={port}"
        yield address, process.pid
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _backends(ground: Ground, name: str) -> int:
    with ground.admin() as connection:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        row = connection.execute(asked, [name]).fetchone()
    return int(row[0]) if row else 0


def _statements_each(ground: Ground, name: str, places: Sequence[Place], turns: int = 20) -> float:
    """What PostgreSQL logs of a view of a card, once the connection stands."""
    path, mark = card_path(places), "nobody.localhost"
    asked = [places[0].shop.host, mark, *(p.shop.host for p in places[:turns])]
    with ground.logged() as statements, _served(ground, name, web=1, threads=1) as server:
        link = HTTPConnection("127.0.0.1", server.port, timeout=30)
        for host in asked:
            link.request("GET", path, headers={"Host": f"{host}{settings.PORT_SUFFIX}"})
            link.getresponse().read()
        link.close()
    last = max(turn for turn, text in enumerate(statements) if mark in text)
    return len(statements[last + 1 :]) / turns
