"""A new version reaches every shop: alike, whatever happens meanwhile, and nobody waits."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

import psycopg
import pytest
from django.db import connections

from apps.core.tenancy import database
from apps.shops.blueprint import Blueprint, read_blueprint
from apps.shops.models import TEMPLATE_SCHEMA
from tests import environment

pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases=["default", "owner"])]

SHOPS = 6
DRIVE = ("-m", "tests.shops.later.drive")


@dataclass
class Ground:
    """A database of its own, and processes of Comptoir on it."""

    name: str

    def environment(self, later: str = "") -> dict[str, str]:
        version = {"LATER": later, "DJANGO_SETTINGS_MODULE": "tests.shops.later.settings"}
        return {
            **os.environ,
            **environment.environment(self.name),
            **(version if later else {"DJANGO_SETTINGS_MODULE": "config.settings"}),
        }

    def start(self, *arguments: str, later: str = "", **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=environment.ROOT,
            env=self.environment(later),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def run(self, *arguments: str, later: str = "") -> tuple[int, str]:
        process = self.start(*arguments, later=later)
        said, _ = process.communicate(timeout=200)
        return process.returncode, said

    def deploy(self, later: str, *options: str) -> tuple[int, str]:
        return self.run("manage.py", "migrate_shops", *options, later=later)

    def owner(self) -> psycopg.Connection[Any]:
        url = self.environment()["DATABASE_OWNER_URL"]
        return psycopg.connect(url, autocommit=True)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.owner() as link:
            return link.execute(query, values).fetchall()

    def shops(self) -> list[str]:
        return [name for (name,) in self.rows("SELECT schema_name FROM shops_shop ORDER BY id")]

    def blueprints(self) -> dict[str, Blueprint]:
        """How the template and each shop look."""
        owner = database("owner")
        made = type(owner)({**owner.settings_dict, "NAME": self.name}, "owner")
        try:
            return {name: read_blueprint(made, name) for name in (TEMPLATE_SCHEMA, *self.shops())}
        finally:
            made.close()


@pytest.fixture(scope="module")
def fleet() -> Ground:
    ground = Ground(f"{environment.NAME}_fleet")
    environment.copy_database(environment.BASE, ground.name)
    code, said = ground.run(*DRIVE, "provision_many", str(SHOPS))
    assert code == 0, said
    return ground


@pytest.fixture
def ground(fleet: Ground) -> Ground:
    connections.close_all()
    copy = Ground(f"{environment.NAME}_deploy")
    environment.copy_database(fleet.name, copy.name)
    return copy


def test_every_shop_gets_what_django_would_have_made(fleet, ground):
    other = Ground(f"{environment.NAME}_django")
    environment.copy_database(fleet.name, other.name)
    code, said = other.run(*DRIVE, "by_django", later="everything")
    assert code == 0, said
    code, said = ground.deploy("everything")
    assert code == 0, said
    ours, djangos = ground.blueprints(), other.blueprints()
    assert ours[TEMPLATE_SCHEMA] == djangos[TEMPLATE_SCHEMA]
    for shop in ground.shops():
        assert sorted(ours[shop].statements) == sorted(djangos[shop].statements)
        assert sorted(ours[shop].grants) == sorted(djangos[shop].grants)


def test_nothing_to_do_opens_no_schema(ground):
    code, said = ground.deploy("columns")
    assert (code, f"{SHOPS + 2} boutiques à mettre à jour" in said) == (0, True), said
    schema = ground.shops()[0]
    with ground.owner() as link:  # a shop that cannot even be opened is not touched
        link.execute(f"ALTER SCHEMA {schema} RENAME TO out_of_reach")
    code, said = ground.deploy("columns")
    assert (code, said) == (0, "")
    assert ground.deploy("columns", "--check")[0] == 0
    code, said = ground.deploy("columns", "--verify")
    assert code == 1
    assert f"{schema} : son schéma ou sa table django_migrations n’existe pas" in said


def test_a_check_names_what_lags_and_changes_nothing(ground):
    code, said = ground.deploy("columns", "--check")
    assert code == 1
    assert "En retard : shop_template, " in said
    assert ground.shops()[0] in said
    assert ground.deploy("", "--check") == (0, "Tout est à jour.\n")


def test_what_needs_python_runs_in_each_shop(ground):
    with ground.owner() as link:
        for schema in ground.shops():
            link.execute(f"INSERT INTO {schema}.loyalty_programme {PROGRAMME}")
    code, said = ground.deploy("python")
    assert code == 0, said
    query = " UNION ALL ".join(
        f"SELECT secret, reward, motto FROM {schema}.loyalty_programme" for schema in ground.shops()
    )
    rows = ground.rows(query)
    assert {(reward, motto) for _, reward, motto in rows} == {("Un verre", "")}
    assert len({secret for secret, _, _ in rows}) == len(ground.shops())
    looks = ground.blueprints()
    assert all(look == looks[TEMPLATE_SCHEMA] for look in looks.values())


PROGRAMME = """
(goal, reward, reward_is_alcohol, cooldown_minutes, helper_hourly_limit, started_at, "only")
VALUES (3, 'Un café', false, 30, 60, now(), true)
"""


def test_one_shop_that_fails_is_named_and_the_others_go_on(ground):
    sad, *others = ground.shops()
    with ground.owner() as link:
        link.execute(f"INSERT INTO {sad}.loyalty_programme {PROGRAMME}")
    code, said = ground.deploy("refused")
    assert code == 1
    assert "1 boutique n’a pas pu être mise à jour" in said
    assert f"{sad} : des données déjà présentes contredisent la contrainte goal_worth_it" in said
    looks = ground.blueprints()
    assert all(looks[shop] == looks[TEMPLATE_SCHEMA] for shop in others)
    ((error, version),) = ground.rows(
        "SELECT error, version FROM shops_schemastate WHERE schema = %s", sad
    )
    assert "goal_worth_it" in error
    alike = "SELECT count(*) FROM shops_shop WHERE schema_version = %s"
    assert ground.rows(alike, version) == [(1,)]
    with ground.owner() as link:
        link.execute(f"UPDATE {sad}.loyalty_programme SET goal = 6")
    assert ground.deploy("refused")[0] == 0
    looks = ground.blueprints()
    assert looks[sad] == looks[TEMPLATE_SCHEMA]
    assert ground.rows("SELECT count(*) FROM shops_schemastate WHERE error <> ''") == [(0,)]


@pytest.mark.parametrize("later", ["everything", "python"])
def test_killed_in_the_middle_it_goes_on_where_it_was(ground, later):
    process = ground.start("manage.py", "migrate_shops", "--parallel", "2", later=later)
    ready = "SELECT count(DISTINCT version) FROM shops_schemastate WHERE schema LIKE 's\\_%'"
    with ground.owner() as link:
        while process.poll() is None:
            if link.execute(ready).fetchone() > (1,):
                break
    process.kill()
    said, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, f"done before it could be killed: {said}"
    code, said = ground.deploy(later)
    assert code == 0, said
    looks = ground.blueprints()
    assert all(look == looks[TEMPLATE_SCHEMA] for look in looks.values())
    assert ground.deploy(later, "--check", "--verify")[0] == 0
    invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    assert ground.rows(invalid) == [(0,)]


def test_a_half_built_index_is_built_anew(ground):
    first = ground.shops()[0]
    with ground.owner() as link:
        # What a kill during CREATE INDEX CONCURRENTLY leaves: a name without an index.
        build = "CREATE UNIQUE INDEX CONCURRENTLY card_by_balance"
        with pytest.raises(psycopg.errors.UniqueViolation):
            link.execute(f"{build} ON {first}.loyalty_card (balance)")
    assert ground.rows("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(1,)]
    code, said = ground.deploy("index")
    assert code == 0, said
    looks = ground.blueprints()
    assert looks[first] == looks[TEMPLATE_SCHEMA]
    assert ground.rows("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]


def test_two_at_once_is_one_and_a_clear_sentence(ground):
    with ground.owner() as link:
        link.execute("SET application_name = 'migrate_shops atelier:12'")
        link.execute("SELECT pg_advisory_lock(7201)")
        code, said = ground.deploy("columns")
        assert code == 1
        assert "Une mise à jour est déjà en cours (atelier:12 depuis " in said
    assert ground.deploy("columns")[0] == 0


def _stamp(ground: Ground, schema: str, done: Event, holding: float) -> int:
    """A counter that writes without end; PostgreSQL refuses it a wait of ten times
    what others may queue behind a lock: a busy machine's share is in it."""
    count = 0
    with ground.owner() as link:
        link.execute(f"SET search_path = {schema}")
        link.execute("SET lock_timeout = '4s'")
        while not done.is_set():
            with link.transaction():
                link.execute(
                    "UPDATE loyalty_card SET balance = (balance + 1) % 10 WHERE number = 1"
                )
                link.execute("UPDATE loyalty_joining SET channel = channel")
                link.execute("SELECT pg_sleep(%s)", [holding])
            count += 1
    return count


def test_a_counter_in_use_never_waits_long(ground):
    busy, calm = ground.shops()[:2]
    done = Event()
    with ThreadPoolExecutor(3) as hands:
        stamping = [
            hands.submit(_stamp, ground, busy, done, 0.25),  # holds its row for long
            hands.submit(_stamp, ground, busy, done, 0),
            hands.submit(_stamp, ground, calm, done, 0),
        ]
        try:
            code, said = ground.deploy("index")
        finally:
            done.set()
        assert all(one.result() > 3 for one in stamping)  # raises when it had to wait
    assert code == 0, said
    looks = ground.blueprints()
    assert all(look == looks[TEMPLATE_SCHEMA] for look in looks.values())


def test_a_kill_in_the_middle_of_a_new_shop_leaves_nothing(ground):
    """The shop's rows and schema are there, uncommitted, when the process dies."""
    left = """SELECT (SELECT count(*) FROM pg_roles), (SELECT count(*) FROM pg_namespace),
        (SELECT count(*) FROM shops_shop), (SELECT count(*) FROM shops_domain),
        (SELECT count(*) FROM shops_schemastate)"""
    (before,) = ground.rows(left)
    making = ground.start(*DRIVE, "half", "cave-coupee", stdin=subprocess.PIPE)
    schema = making.stdout.readline().strip()
    assert schema.startswith("s_cave_coupee_"), schema
    making.kill()
    making.communicate()
    assert making.returncode == -signal.SIGKILL
    code, said = ground.run(*DRIVE, "new", "cave-coupee")  # waits for the dead one's end
    assert code == 0, said
    assert ground.rows(left) == [(before[0], *(count + 1 for count in before[1:]))]
    looks = ground.blueprints()
    assert all(look == looks[TEMPLATE_SCHEMA] for look in looks.values())
    assert ground.deploy("", "--check", "--verify")[0] == 0


def test_shared_tables_wait_for_nobody_and_are_tried_again(ground):
    """A request holds the table of sessions while a wall on it is to be raised."""
    with ground.owner() as link:
        link.execute("ALTER TABLE accounts_session NO FORCE ROW LEVEL SECURITY")
        with link.transaction():
            link.execute("SELECT count(*) FROM accounts_session")
            process = ground.start("manage.py", "migrate_shops")
            with ground.owner() as watch:
                while not watch.execute(WAITED_FOR).fetchone()[0]:
                    assert process.poll() is None, process.communicate()[0]
        said, _ = process.communicate()
    assert process.returncode == 0, said
    forced = "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'accounts_session'"
    assert ground.rows(forced) == [(True,)]


# Somebody stands in line for it.
WAITED_FOR = """
SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE c.relname = 'accounts_session' AND NOT l.granted
"""
