"""The ground of a bench: PostgreSQL with fsync on, shops with people in them, servers.

It stands in ``.data/bench`` and is kept between runs; ``FRESH=1`` makes it anew. What kills its
database needs another ground: ``BENCH_GROUND``.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from config import embedded, processes

FOLDER = processes.ROOT / ".data" / os.environ.get("BENCH_GROUND", "bench")
POSTGRES = FOLDER / "postgres"
DATABASE = "comptoir_bench"
TICK = os.sysconf("SC_CLK_TCK")
BARE = (
    "-m",
    "gunicorn",
    "tests.bench.bare:application",
    "--workers",
    "2",
    "--worker-class",
    "sync",
)


def environment(**more: str) -> dict[str, str]:
    """What a process of Comptoir needs to work on the bench's database: two sync web workers."""
    return {
        **os.environ,
        "COMPTOIR_MODE": "local",
        "DATA_DIR": str(FOLDER),
        "SECRET_KEY": "bench-" + "0123456789abcdef" * 4,
        "DATABASE_URL": embedded.url(POSTGRES, embedded.APP, DATABASE),
        "DATABASE_OWNER_URL": embedded.url(POSTGRES, embedded.OWNER, DATABASE),
        "WEB_PROCESSES": "2",
        "WEB_THREADS": "1",
        "LOG_LEVEL": "WARNING",
        "PYTHONDONTWRITEBYTECODE": "",
        **more,
    }


def prepare() -> None:
    """Start the server, make the database; this process's Django stands in it afterwards."""
    if os.environ.get("FRESH"):
        if POSTGRES.exists():
            embedded.stop(POSTGRES)
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    embedded.start(POSTGRES)
    embedded.ensure_database(POSTGRES, DATABASE)
    os.environ.update(environment())
    for command in ("migrate_shops", "collectstatic --noinput -v0"):
        manage = [sys.executable, "manage.py", *command.split()]
        subprocess.run(manage, cwd=processes.ROOT, env=environment(), check=True)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()


def _cpu(pid: int, with_dead_children: bool = True) -> float:
    """Seconds of CPU of one process, and of its children that ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if with_dead_children else 13])) / TICK


def family(pid: int) -> list[int]:
    """``pid`` and everything below it."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue
    return found


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process and its children, also those that ended, have used."""
    return sum(map(_cpu, family(pid)))


def resident_mb(pid: int) -> float:
    """What a process holds in memory that is its own or shared, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


@dataclass(frozen=True, slots=True)
class Server:
    """A gunicorn with two sync workers on ``port``."""

    process: subprocess.Popen[bytes]
    port: int

    def cpu(self) -> float:
        return cpu_of(self.process.pid)

    def workers(self) -> list[int]:
        return family(self.process.pid)[1:]


class Ground:
    """The database and what stands on it."""

    def __init__(self) -> None:
        self.postmaster = int((POSTGRES / "postmaster.pid").read_text().split()[0])

    def database_cpu(self) -> float:
        """Seconds of CPU of every process of PostgreSQL so far."""
        return cpu_of(self.postmaster)

    @contextmanager
    def admin(self) -> Iterator[psycopg.Connection]:
        """A superuser's connection, autocommit: for yardsticks and for filling by SQL."""
        address = embedded.url(POSTGRES, "postgres", DATABASE)
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection

    @contextmanager
    def serve(self, command: Sequence[str] = processes.WEB[1:], **more: str) -> Iterator[Server]:
        """The application (or another gunicorn command) on a free port until the block ends."""
        port = processes.free_port()
        surroundings = environment(PORT=str(port), **more)
        asked = [sys.executable, *command]
        if command is BARE:
            asked += ["--bind", f"127.0.0.1:{port}"]
        process = processes.start_child(asked, surroundings, FOLDER / "servers.log")
        try:
            _until_open(port, process)
            yield Server(process, port)
        finally:
            processes.stop_children([process])

    @contextmanager
    def logged(self) -> Iterator[list[str]]:
        """The statements PostgreSQL logs of the application's role meanwhile, as it logs them.

        Logging begins with connections opened inside the block; the list is filled at its end.
        """
        log = POSTGRES / "log"
        statements: list[str] = []
        with self.admin() as connection:
            connection.execute(f"ALTER ROLE {embedded.APP} SET log_statement = 'all'")
            start = log.stat().st_size
            try:
                yield statements
            finally:
                connection.execute(f"ALTER ROLE {embedded.APP} RESET log_statement")
                with log.open() as file:
                    file.seek(start)
                    statements += _statements(file.read())


def _statements(text: str) -> list[str]:
    """Of PostgreSQL's log: each statement on one line, in order."""
    found: list[str] = []
    heads = ("LOG:  statement: ", "LOG:  execute ")
    for line in text.splitlines():
        head = next((head for head in heads if head in line), None)
        if head:
            found.append(line.split(head, 1)[1].removeprefix("<unnamed>: "))
        elif found and line.startswith("\t"):
            found[-1] += " " + line.strip()
    return found


def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until a worker answers: the port is open before any worker has loaded the application."""
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as probe, suppress(TimeoutError):
            probe.settimeout(20)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                probe.sendall(b"GET /health/live HTTP/1.0\r\n\r\n")
                if probe.recv(1):
                    return
        time.sleep(0.05)
    raise RuntimeError(f"no server on port {port}: see {FOLDER / 'servers.log'}")
