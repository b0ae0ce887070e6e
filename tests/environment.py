"""Loaded before Django (``-p tests.environment``): where the tests' databases are.

The embedded server (or the one of ``DATABASE_OWNER_URL``) holds ``comptoir_test_base``, made
once per run with two shops in it; each xdist worker copies it, which takes a fifth of a second.
The tests' connection is the application's role: what it may not do in production fails here.
"""

import os
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / ".data" / "tests"
BASE = "comptoir_test_base"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
NAME = f"comptoir_test_{WORKER or 'main'}"


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _server_urls() -> tuple[str, str]:
    given = os.environ.get("TEST_SERVER_APP"), os.environ.get("TEST_SERVER_OWNER")
    if given[0] and given[1]:
        return given[0], given[1]
    if os.environ.get("DATABASE_URL") and os.environ.get("DATABASE_OWNER_URL"):
        return os.environ["DATABASE_URL"], os.environ["DATABASE_OWNER_URL"]
    from config import embedded

    folder = DATA / "postgres"
    embedded.start(folder, durable=False)
    return embedded.url(folder, embedded.APP), embedded.url(folder, embedded.OWNER)


def copy_database(template: str, name: str) -> None:
    """``name`` becomes a fresh copy of ``template``."""
    with psycopg.connect(_with_database(OWNER_URL, "postgres"), autocommit=True) as connection:
        _drop(connection, name)
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))


def _drop(connection: psycopg.Connection, name: str) -> None:
    """Who stands in it is sent away; an autovacuum that looks in may not be, and is soon gone."""
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    for patience in range(100, -1, -1):
        try:
            connection.execute(drop)
            return
        except psycopg.errors.InsufficientPrivilege:
            if not patience:
                raise
            time.sleep(0.1)


def environment(database: str) -> dict[str, str]:
    """What a process of Comptoir needs to work on ``database``."""
    return {
        "COMPTOIR_MODE": "local",
        "DATA_DIR": str(DATA / (WORKER or "main")),
        "SECRET_KEY": "tests-" + "0123456789abcdef" * 4,
        "VAULT_KEYS": b64encode(bytes(range(32))).decode(),
        "DATABASE_URL": _with_database(APP_URL, database),
        "DATABASE_OWNER_URL": _with_database(OWNER_URL, database),
        "LOG_LEVEL": "WARNING",
    }


APP_URL, OWNER_URL = _server_urls()
os.environ["TEST_SERVER_APP"], os.environ["TEST_SERVER_OWNER"] = APP_URL, OWNER_URL
os.environ.update(environment(NAME))

if not WORKER:
    copy_database("template1", BASE)
    made = subprocess.run(
        [sys.executable, "-m", "tests.base_database"],
        cwd=ROOT,
        env={**os.environ, **environment(BASE)},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise SystemExit(made.stdout + made.stderr)
