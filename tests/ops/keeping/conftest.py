"""Shops that are really there: backups are read and written on connections of their own, so
nothing here runs inside a test's transaction, and each file of tests sweeps behind itself."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone
from psycopg import sql

from apps.ops.keeping.writing import backup
from apps.shops.models import Shop
from tests import environment
from tests.ops.keeping import full

STAYING = ["cave", "cafe"]
SHARED = (
    *("accounts_device", "accounts_membership", "accounts_invitation"),
    *("shops_domain", "shops_domainclaim", "shops_secret", "shops_sharedline"),
)
PEOPLE = (
    "accounts_session",
    "account_emailaddress",
    "accounts_user",
    "django_q_ormq",
)


def owner_of(url: str = "") -> psycopg.Connection:
    """The owner's role; what it says is committed at once."""
    return psycopg.connect(url or os.environ["DATABASE_OWNER_URL"], autocommit=True)


def process(*arguments: str, limit: int = 0) -> subprocess.Popen:
    """A command in a process of its own; ``limit``: no file can be longer than so many bytes."""
    running = subprocess.Popen(
        [sys.executable, "-W", "ignore", "manage.py", *arguments],
        cwd=environment.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if limit:
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (limit, limit))
    return running


def manage(*arguments: str, given: bytes = b"", limit: int = 0) -> subprocess.CompletedProcess:
    """The same, to its end."""
    with process(*arguments, limit=limit) as running:
        out, err = running.communicate(given, timeout=100)
    return subprocess.CompletedProcess(arguments, running.returncode, out, err)


def kill_when_it_waits(running: subprocess.Popen) -> None:
    """kill -9 once the command stands before a lock that the test holds."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock'"
    )
    with running, owner_of() as owner:
        while owner.execute(waiting).fetchone() == (0,):
            assert running.poll() is None, running.stderr.read().decode()
        running.kill()


def lose(schema: str, url: str = "") -> None:
    """The shop is gone, as after an accident: schema, shared rows; its files stay."""
    with owner_of(url) as owner:
        owner.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
        for table in SHARED:
            name = sql.Identifier(table)
            owner.execute(sql.SQL("DELETE FROM {} WHERE shop_schema = %s").format(name), [schema])
        owner.execute("DELETE FROM shops_shop WHERE schema_name = %s", [schema])


def sweep(staying: list[str], *, people: bool = False) -> None:
    """Only the shops of ``staying`` remain; with ``people``, nobody either."""
    with owner_of() as owner:
        gone = "SELECT schema_name FROM shops_shop WHERE slug <> ALL(%s)"
        for (schema,) in owner.execute(gone, [staying]).fetchall():
            lose(schema)
            shutil.rmtree(Path(settings.MEDIA_ROOT) / schema, ignore_errors=True)
        for table in PEOPLE if people else ():
            owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


def rows_of(schema: str, url: str = "") -> dict[str, set[str]]:
    """Each row of each table as text; of ``public`` the rows of that shop."""
    found = {}
    with owner_of(url) as owner:
        names = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        for (table,) in names.fetchall():
            every = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(schema, table))
            found[table] = {row for (row,) in owner.execute(every).fetchall()}
        for table, column in [(name, "shop_schema") for name in SHARED] + [
            ("shops_shop", "schema_name")
        ]:
            mine = sql.SQL("SELECT t::text FROM {} t WHERE {} = %s").format(
                sql.Identifier(table), sql.Identifier(column)
            )
            found[table] = {row for (row,) in owner.execute(mine, [schema]).fetchall()}
    return found


def files_of(schema: str) -> dict[str, bytes]:
    folder = settings.MEDIA_ROOT / schema
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@dataclass(frozen=True)
class Was:
    """The full shop as it was when its backup was made."""

    schema: str
    kept: bytes
    rows: dict[str, set[str]]
    files: dict[str, bytes]


@pytest.fixture(scope="module")
def was(django_db_setup: None, django_db_blocker) -> Iterator[Was]:
    """The full shop, for all tests of a file, and its backup."""
    with django_db_blocker.unblock():
        connection.set_schema_to_public()
        schema = full.full_shop().schema_name
        kept = BytesIO()
        backup(full.SLUG, kept, timezone.now())
        connections.close_all()
    yield Was(schema, kept.getvalue(), rows_of(schema), files_of(schema))
    sweep(STAYING, people=True)


@pytest.fixture(autouse=True)
def _for_real(was: Was, django_db_blocker) -> Iterator[None]:
    """Statements of a test are committed; shops that it makes leave with it."""
    with django_db_blocker.unblock():
        connection.set_schema_to_public()
        yield
        connections.close_all()
    sweep([*STAYING, full.SLUG])


@pytest.fixture
def kept(was: Was) -> BytesIO:
    """The backup of the full shop."""
    return BytesIO(was.kept)


@pytest.fixture
def full_shop(was: Was) -> Shop:
    return Shop.objects.get(schema_name=was.schema)
