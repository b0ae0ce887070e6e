"""The web server as it is deployed: as many connections as threads, and no visitor in the wrong
shop when all of them are cut at once, as a restart of the database does."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest

from apps.shops.models import Shop
from config import processes
from tests import environment

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PROCESSES, THREADS = 2, 3
NAME = f"links-{environment.WORKER or 'main'}"
MINE = "FROM pg_stat_activity WHERE application_name = %s"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A server on the tests' database: it sees the two shops, not what a test has not committed."""
    free = processes.free_port()
    surroundings = {
        **os.environ,
        **environment.environment(environment.NAME),
        "DATA_DIR": str(tmp_path),
        "PORT": str(free),
        "WEB_PROCESSES": str(PROCESSES),
        "WEB_THREADS": str(THREADS),
        "PGAPPNAME": NAME,
    }
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"]
    subprocess.run(collect, cwd=environment.ROOT, env=surroundings, check=True)
    web = processes.start_child(processes.WEB, surroundings, tmp_path / "log")
    try:
        processes.wait_until_ready(free, [web])
        yield free
    finally:
        processes.stop_children([web])


@pytest.fixture
def watcher(db: None) -> Iterator[psycopg.Connection]:
    """The application's role beside the server, outside the test's transaction."""
    address = environment.environment(environment.NAME)["DATABASE_URL"]
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def _visits(port: int, shops: list[Shop], times: int) -> Counter[str]:
    """What one visitor after the other is answered: ``right``, ``wrong``, or a status."""
    told: Counter[str] = Counter()
    for turn in range(times):
        asked, neighbour = shops[turn % 2], shops[1 - turn % 2]
        link = HTTPConnection("127.0.0.1", port, timeout=30)
        link.request("GET", "/", headers={"Host": f"{asked.host}:{port}"})
        answer = link.getresponse()
        text = answer.read().decode()
        link.close()
        right = asked.name in text and neighbour.name not in text
        told[("right" if right else "wrong") if answer.status == 200 else str(answer.status)] += 1
    return told


def _crowd(port: int, shops: list[Shop], times: int = 8) -> Counter[str]:
    """Twice as many visitors at once as there are threads."""
    orders = [shops[:: 1 if turn % 2 else -1] for turn in range(2 * PROCESSES * THREADS)]
    with ThreadPoolExecutor(len(orders)) as visitors:
        return sum(visitors.map(lambda order: _visits(port, order, times), orders), Counter())


def test_a_crowd_shares_the_threads_connections_and_survives_their_end(
    shop, other_shop, port, watcher
):
    shops = [shop, other_shop]
    assert set(_crowd(port, shops)) == {"right"}
    before = {pid for (pid,) in watcher.execute(f"SELECT pid {MINE}", [NAME])}
    assert 1 < len(before) <= PROCESSES * THREADS
    watcher.execute(f"SELECT pg_terminate_backend(pid, 5000) {MINE}", [NAME]).fetchall()
    assert set(_crowd(port, shops)) == {"right"}  # nobody was being served: nobody noticed
    with ThreadPoolExecutor(1) as beside:
        serving = beside.submit(_crowd, port, shops)
        for _ in range(10):
            watcher.execute(f"SELECT pg_terminate_backend(pid, 5000) {MINE}", [NAME]).fetchall()
        met = serving.result()
    assert set(met) <= {"right", "503"}  # never wrong, never a 500
    assert met["right"]
    assert set(_crowd(port, shops)) == {"right"}
    held = watcher.execute(f"SELECT pid {MINE}", [NAME]).fetchall()
    assert len(held) <= PROCESSES * THREADS
    assert not before & {pid for (pid,) in held}
