"""A fleet of shops: a new one beside a thousand, and a new version for all.

The fleet stands in a database of its own and is kept between runs; ``FLEET=200`` makes a small
one. What a version brought is taken back at the end, so that the next run brings it again.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median, quantiles

import psycopg
from psycopg import sql

from config import embedded, processes
from tests.bench.ground import POSTGRES, Ground, cpu_of, environment
from tests.bench.report import Row

DATABASE = "comptoir_fleet"
SHOPS = int(os.environ.get("FLEET", "2000"))
BESIDE = SHOPS // 2  # how many stand when provisioning is measured
MEASURED = 60
VERSIONS = {"a column": "columns", "an index": "more_index", "a table": "more_table"}
BACK = """
ALTER TABLE loyalty_card DROP COLUMN IF EXISTS note;
DROP INDEX IF EXISTS card_by_balance;
DROP TABLE IF EXISTS loyalty_tier;
DELETE FROM django_migrations WHERE app = 'loyalty' AND name NOT LIKE '0001%'
"""


def _surroundings(later: str = "") -> dict[str, str]:
    version = {"LATER": later, "DJANGO_SETTINGS_MODULE": "tests.shops.later.settings"}
    return environment(
        DATABASE_URL=embedded.url(POSTGRES, embedded.APP, DATABASE),
        DATABASE_OWNER_URL=embedded.url(POSTGRES, embedded.OWNER, DATABASE),
        **(version if later else {"DJANGO_SETTINGS_MODULE": "config.settings"}),
    )


def _owner() -> psycopg.Connection:
    return psycopg.connect(embedded.url(POSTGRES, embedded.OWNER, DATABASE), autocommit=True)


def _count() -> int:
    with _owner() as link:
        return int(link.execute("SELECT count(*) FROM shops_shop").fetchone()[0])


def _deploy(ground: Ground, *options: str, later: str = "") -> tuple[float, float, float]:
    """Seconds by the clock, of CPU in the command, of CPU in the database."""
    before, began = ground.database_cpu(), time.monotonic()
    mine = cpu_of(os.getpid())
    command = [sys.executable, "manage.py", "migrate_shops", *options]
    subprocess.run(
        command, cwd=processes.ROOT, env=_surroundings(later), check=True, stdout=subprocess.DEVNULL
    )
    seconds = time.monotonic() - began
    return seconds, cpu_of(os.getpid()) - mine, ground.database_cpu() - before


def _provision(count: int) -> list[float]:
    """So many new shops by two processes at once; the seconds that each took."""
    halves = [count // 2, count - count // 2]
    makers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.provisioning", str(half)],
            cwd=processes.ROOT,
            env=_surroundings(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for half in halves
    ]
    said = [maker.communicate()[0] for maker in makers]
    if any(maker.returncode for maker in makers):
        raise RuntimeError("provisioning failed")
    return [float(line) for text in said for line in text.split()]


def _take_back() -> None:
    with _owner() as link:
        schemas = link.execute("SELECT schema_name FROM shops_shop").fetchall()
        for (schema,) in [("shop_template",), *schemas]:
            link.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
            with link.transaction():
                link.execute(BACK)


def measure(ground: Ground) -> Iterator[Row]:
    embedded.ensure_database(POSTGRES, DATABASE)
    _deploy(ground)
    if _count() < BESIDE:
        _provision(BESIDE - _count())
    beside = _count()
    took = _provision(MEASURED)
    p95 = quantiles(took, n=20)[-1]
    yield Row(
        f"a new shop, two at a time beside {beside}, p95",
        "≤ 1 s",
        f"{p95:.2f} s (median {median(took):.2f})",
        p95 <= 1,
        {"seconds": took},
    )
    if _count() < SHOPS:
        _provision(SHOPS - _count())
    yield _row(f"nothing to do on {_count()} shops", 5, _deploy(ground))
    try:
        for what, later in VERSIONS.items():
            yield _row(f"{what} on {_count()} shops", 60, _deploy(ground, later=later))
    finally:
        _take_back()
        _deploy(ground, "--verify")


def _row(what: str, mark: int, took: tuple[float, float, float]) -> Row:
    seconds, own, database = took
    value = f"{seconds:.1f} s ({own:.1f} + {database:.1f} s of CPU)"
    return Row(what, f"≤ {mark} s", value, seconds <= mark)
