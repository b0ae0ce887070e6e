"""A real supervisor with its workers on a database of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.db import connection, connections
from django_q.models import Failure, OrmQ

from apps.core.jobs import enqueue
from apps.core.models import JobTry, WorkerProcess
from apps.core.tenancy import in_schema
from config import embedded, processes
from tests import environment

HASTY = (sys.executable, "-m", "tests.core.hasty_worker")


def until(look: Callable[[], Any], what: str, patience: float = 60) -> Any:
    """The first truthy answer of ``look``; fails with ``what`` after ``patience`` seconds."""
    end = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < end, f"waited {patience:.0f} s for {what}"
        time.sleep(0.02)
    return found


def state(pid: int) -> str:
    """One letter for what the process does; empty when it is gone (or only to be reaped)."""
    with suppress(OSError):
        letter = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return "" if letter == "Z" else letter
    return ""


class Engine:
    """A fresh database and folder; nothing runs before ``start``."""

    process: subprocess.Popen[bytes] | None = None

    def __init__(self, name: str, server: "PrivateServer | None" = None) -> None:
        self.database = f"comptoir_test_{name}_{environment.WORKER or 'main'}"
        self.folder = environment.DATA / f"{name}-{environment.WORKER or 'main'}"
        self.log = self.folder / "worker.log"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        more = {"DATA_DIR": str(self.folder), "WORKERS": "2", "WORKER_GRACE": "1"}
        self.surroundings = {**os.environ, **environment.environment(self.database), **more}
        if server:
            self.surroundings.update(server.made(self.database))
        else:
            environment.copy_database(environment.BASE, self.database)

    def start(self, timeout: float = 4.0) -> None:
        """``timeout``: seconds a job may take."""
        command = (*HASTY, str(timeout))
        self.process = processes.start_child(command, self.surroundings, self.log)
        until(self._at_work, f"three workers; see {self.log}")

    def _at_work(self) -> bool:
        assert self.process.poll() is None, f"run_worker ended; see {self.log}"
        return len(self.workers()) == 3

    def stop(self) -> None:
        if self.process:
            processes.stop_children([self.process])

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def workers(self) -> dict[int, bool]:
        """The living workers by process id, and whether each takes urgent jobs alone."""
        rows = WorkerProcess.objects.filter(supervisor=self.process.pid)
        return {
            pid: express for pid, express in rows.values_list("pid", "is_express") if state(pid)
        }

    def ordinary(self) -> list[int]:
        return [pid for pid, express in self.workers().items() if not express]

    def enqueue(self, task: Callable[..., None], *ids: Any, schema: str = "public", **how) -> int:
        with in_schema(schema):
            enqueue(task, *ids, **how)
        return OrmQ.objects.latest("pk").pk

    def ran(self) -> list[tuple[str, int]]:
        """Each start of a job: its word, and the process it ran in."""
        with suppress(FileNotFoundError):
            lines = (self.folder / "ran").read_text().splitlines()
            return [(word, int(pid)) for word, pid in map(str.split, lines)]
        return []

    def said(self, word: str) -> int:
        """How often a job said ``word``."""
        return [one for one, _ in self.ran()].count(word)

    def let_go(self, word: str) -> None:
        (self.folder / f"{word}.go").touch()

    def clear(self) -> None:
        """Nothing queued, tried or dead, and no word said."""
        for model in (OrmQ, JobTry, Failure):
            model.objects.all().delete()
        for path in (self.folder / "ran", *self.folder.glob("*.go")):
            path.unlink(missing_ok=True)

    def everything_is_done(self) -> bool:
        return not OrmQ.objects.exists() and not JobTry.objects.exists()


class PrivateServer:
    """A PostgreSQL that a test may kill: the others' goes on."""

    def __init__(self) -> None:
        self.folder = environment.DATA / f"killed-{environment.WORKER or 'main'}" / "postgres"

    def __enter__(self) -> "PrivateServer":
        shutil.rmtree(self.folder, ignore_errors=True)
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        embedded.stop(self.folder)

    def start(self) -> None:
        embedded.start(self.folder, durable=False)

    def kill(self) -> None:
        noted = self.folder / "postmaster.pid"
        pid = int(noted.read_text().split()[0])
        backends = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(pid, signal.SIGKILL)
        until(lambda: not any(map(state, [pid, *map(int, backends)])), "the end of the server")
        for left in (noted, *self.folder.glob(".s.PGSQL.*.lock")):
            left.unlink()  # where nobody buries the dead, these name a process that seems alive

    @property
    def host(self) -> str:
        return str(embedded.socket_folder(self.folder))

    def made(self, database: str) -> dict[str, str]:
        """The environment of ``database`` on this server, with the tables of the tests in it."""
        embedded.ensure_database(self.folder, database)
        urls = {
            "DATABASE_URL": embedded.url(self.folder, embedded.APP, database),
            "DATABASE_OWNER_URL": embedded.url(self.folder, embedded.OWNER, database),
        }
        command = [sys.executable, "-m", "tests.base_database"]
        subprocess.run(command, cwd=environment.ROOT, env={**os.environ, **urls}, check=True)
        return urls


@contextmanager
def standing_in(name: str, host: str = "") -> Iterator[None]:
    """While open, this process's models read and write the database ``name``, committed."""
    settings = connections["default"].settings_dict
    before = {key: settings[key] for key in ("NAME", "HOST")}
    connections.close_all()
    settings.update(NAME=name, HOST=host or settings["HOST"])
    try:
        connection.set_schema_to_public()
        yield
    finally:
        connections.close_all()
        settings.update(before)


def kill(pid: int, sign: int = signal.SIGKILL) -> None:
    os.kill(pid, sign)
