"""One shop of 100,000 people and a million visits: kept, made again, erased, beside pg_dump."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from psycopg import sql

from apps.accounts.models import User
from apps.accounts.services import open_account, open_shop
from apps.shops.models import Shop
from config import embedded, processes
from tests.bench.ground import DATABASE, POSTGRES, Ground, environment
from tests.bench.report import Row

SLUG, SMALL, COPY = "grande-cave", "petite-cave", "grande-cave-bis"
EMAIL = "grande-cave@exemple.fr"
PEOPLE, MOVEMENTS = 100_000, 1_000_000
ELSEWHERE = f"{DATABASE}_elsewhere"

_FILL = f"""
INSERT INTO contacts_contact (first_name, last_name, search, phone, phone_mobile, phone_region,
  email, sms_consent, email_consent, adult_wording, postal_code, language, note, source,
  link_token, visits, created_at, last_visit_at)
SELECT 'Camille', 'Martin' || n, 'camille martin' || n, '+336' || lpad(n::text, 8, '0'), true,
  'FR', 'client' || n || '@exemple.fr', 'granted', 'granted', '18ans-2026-11', '21200', 'fr',
  'aime les bulles', 'poster', substr(md5(n::text), 1, 22), 10,
  now() - interval '2 years', now() - interval '1 day'
FROM generate_series(1, {PEOPLE}) n;
INSERT INTO contacts_consentevent (contact_id, channel, purpose, state, wording, source,
  actor_kind, actor_id, at)
SELECT id, channel, 'marketing', 'granted', '2026-11', 'poster', 'customer', id, created_at
FROM contacts_contact, (VALUES ('sms'), ('email')) c (channel);
INSERT INTO loyalty_card (contact_id, number, token, balance, rewards_ready, created_at)
SELECT id, 1000 + id, link_token, {MOVEMENTS // PEOPLE}, 0, created_at FROM contacts_contact;
INSERT INTO loyalty_movement (card_id, kind, stamps, token, amount_cents, actor_kind, actor_id, at)
SELECT c.id, 'earn', 1, gen_random_uuid(), 1990, 'team', 1, c.created_at + n * interval '30 days'
FROM generate_series(1, {MOVEMENTS // PEOPLE}) n, loyalty_card c;
INSERT INTO messaging_message (contact_id, channel, kind, cause, "to", subject, body, html, status,
  tries, segments, cost_tenths, reason, created_at, sent_at, done_at)
SELECT id, 'sms', 'commercial', 'drop:1', phone, '', repeat('Un vin à goûter ', 8), '',
  'delivered', 1, 1, 70, '', now(), now(), now() FROM contacts_contact;
ANALYZE
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One command: seconds, CPU seconds of it and of the database, its own memory in MB."""

    seconds: float
    cpu: float
    database: float
    memory: float

    @property
    def work(self) -> float:
        return self.cpu + self.database

    def told(self) -> str:
        return (
            f"{self.seconds:.1f} s ({self.cpu:.1f} + {self.database:.1f} s of CPU), "
            f"{self.memory:.0f} MB"
        )


def _run(ground: Ground, *command: str) -> Run:
    before, began = ground.database_cpu(), time.monotonic()
    process = subprocess.Popen(
        command, cwd=processes.ROOT, env=environment(), stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} {command[1]}: {process.returncode}")
    return Run(
        time.monotonic() - began,
        used.ru_utime + used.ru_stime,
        ground.database_cpu() - before,
        used.ru_maxrss / 1024,
    )


def manage(ground: Ground, *arguments: str) -> Run:
    return _run(ground, sys.executable, "manage.py", *arguments)


def a_shop(slug: str) -> Shop:
    found = Shop.objects.filter(slug=slug).first()
    if found is not None:
        return found
    user = User.objects.filter(email=EMAIL).first() or open_account(EMAIL)
    return open_shop(user=user, name=slug, slug=slug, trade="wine", sells_alcohol=True)


def great_shop(ground: Ground) -> Shop:
    shop = a_shop(SLUG)
    with ground.admin() as connection:
        space = sql.Identifier(shop.schema_name)
        count = sql.SQL("SELECT count(*) FROM {}.loyalty_movement").format(space)
        if connection.execute(count).fetchone() == (0,):
            connection.execute(sql.SQL("SET search_path = {}").format(space))
            for statement in _FILL.split(";\n"):
                connection.execute(statement)
    return shop


def _yardstick(ground: Ground, schema: str, folder: Path) -> tuple[Run, Run]:
    """pg_dump and pg_restore of the same schema, compressed alike, into an empty database."""
    file = str(folder / "yardstick.dump")
    url = embedded.url(POSTGRES, embedded.OWNER, DATABASE)
    there = embedded.url(POSTGRES, embedded.OWNER, ELSEWHERE)
    # Of the running server's own version: another pg_dump refuses.
    tools = Path(f"/proc/{ground.postmaster}/exe").resolve().parent
    dump, restore = str(tools / "pg_dump"), str(tools / "pg_restore")
    with ground.admin() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {ELSEWHERE}")
        connection.execute(f"CREATE DATABASE {ELSEWHERE} OWNER {embedded.OWNER}")
    made = _run(ground, dump, "-Fc", "-Z1", "-n", schema, "-f", file, url)
    back = _run(ground, restore, "-d", there, "--single-transaction", file)
    with ground.admin() as connection:
        connection.execute(f"DROP DATABASE {ELSEWHERE}")
    return made, back


def measure(ground: Ground) -> Iterator[Row]:
    shop = great_shop(ground)
    a_shop(SMALL)
    with TemporaryDirectory() as name:
        folder = Path(name)
        small = manage(ground, "backup_shop", SMALL, str(folder / "small.zip"))
        made = manage(ground, "backup_shop", SLUG, str(folder / "great.zip"))
        size = (folder / "great.zip").stat().st_size / 1e6
        back = manage(ground, "restore_shop", str(folder / "great.zip"), "--as", COPY)
        gone = manage(ground, "erase_shop", COPY, "--yes-i-mean", COPY, "--archive", name)
        dumped, restored = _yardstick(ground, shop.schema_name, folder)
    figures = {
        run: one.told()
        for run, one in {
            "backup": made,
            "restore": back,
            "erase": gone,
            "pg_dump": dumped,
            "pg_restore": restored,
        }.items()
    }
    # By CPU: the clock of a shared machine drifts.
    share = (made.work + back.work) / (dumped.work + restored.work)
    more = max(made.memory, back.memory) - small.memory
    yield Row("backup of a great shop", "", f"{made.told()}, file {size:.0f} MB", True, figures)
    yield Row("restore of a great shop", "≤ 120 s", back.told(), back.seconds <= 120)
    yield Row("both, by CPU, beside pg_dump and pg_restore", "≤ 2 ×", f"{share:.2f} ×", share <= 2)
    yield Row("memory above a small shop's", "≤ 30 MB", f"{more:.0f} MB", more <= 30)
    yield Row("erasure of a great shop", "≤ 120 s", gone.told(), gone.seconds <= 120)
