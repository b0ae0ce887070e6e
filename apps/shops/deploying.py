"""Every schema brought to this code's state: what lags is found in one query, then fanned out."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import Any

import psycopg
from django.db import DatabaseError, connections, transaction
from psycopg import sql

from apps.shops import fleet, ledger
from apps.shops.fleet import Busy, Links, Outcome
from apps.shops.ledger import PUBLIC, Standing
from apps.shops.migrating import (
    Say,
    alone_in,
    bring_up_public,
    bring_up_template,
    executor_for,
    has_tables,
    owner_connection,
    schema_exists,
    stand_by_itself,
)
from apps.shops.models import TEMPLATE_SCHEMA, MigrationScript
from apps.shops.privileges import grant_schema, shop_grants
from apps.shops.steps import Step, cut, tables_made

PARALLEL = 4
_DEPLOY_LOCK = 7201

Told = Callable[[int, int], None]  # done, of how many


class AlreadyRunning(Exception):
    """Another process brings the schemas up. The text is a French sentence that names it."""


def _parameters() -> dict[str, Any]:
    """How psycopg reaches the database in the owner's role, outside Django's connection."""
    given = owner_connection().get_connection_params()
    kept = {name: given[name] for name in given if name not in ("context", "cursor_factory")}
    kept["application_name"] = f"migrate_shops {ledger.worker_name()}"
    return {**kept, "autocommit": True, "cursor_factory": psycopg.ClientCursor}


_HOLDER = """
SELECT a.application_name, to_char(a.backend_start, 'HH24:MI') FROM pg_locks l
JOIN pg_stat_activity a USING (pid) JOIN pg_database d ON d.oid = l.database
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = %s
  AND d.datname = current_database()
"""


@contextmanager
def _alone() -> Iterator[None]:
    """One deploy at a time; the lock goes with the connection, also after a kill -9."""
    with psycopg.connect(**_parameters()) as link:
        found = link.execute("SELECT pg_try_advisory_lock(%s)", [_DEPLOY_LOCK]).fetchone()
        if not found or not found[0]:
            who = link.execute(_HOLDER, [_DEPLOY_LOCK]).fetchone()
            name = who[0].removeprefix("migrate_shops ") if who else "?"
            since = f" depuis {who[1]}" if who else ""
            raise AlreadyRunning(f"Une mise à jour est déjà en cours ({name}{since}).")
        yield


@dataclass
class Deploy:
    """One run over the shops that lag."""

    parallel: int
    told: Told
    waiting: dict[str, Standing]
    failed: dict[str, str]
    scripts: dict[str, list[str] | None] = field(default_factory=dict)
    cuts: dict[str, list[Step]] = field(default_factory=dict)

    def run(self) -> None:
        names = frozenset().union(*(one.missing for one in self.waiting.values()))
        found = MigrationScript.objects.using("owner").in_bulk(list(names))
        self.scripts = {name: getattr(found.get(name), "statements", None) for name in names}
        self.cuts = {name: cut(text) for name, text in self.scripts.items() if text is not None}
        order = [name for name in _order() if name in names]
        order += sorted(names - set(order))
        for by_script, stage in groupby(order, key=lambda name: name in self.cuts):
            (self._by_script if by_script else self._by_django)(list(stage))
        self._by_script([])

    def _lacking(self, stage: list[str]) -> list[str]:
        wanted = set(stage)
        return [s for s, one in self.waiting.items() if wanted & one.missing]

    def _by_script(self, stage: list[str]) -> None:
        """``stage`` (names, in order) as SQL, then the privileges when no migration is left."""
        links = Links(_parameters())

        def visit(schema: str) -> None:
            with links.one() as link, fleet.standing_in(link, schema):
                for name in stage:
                    if name in self.waiting[schema].missing:
                        self._apply(link, schema, name)
                if not stage:
                    self._regrant(link, schema)

        schemas = self._lacking(stage) if stage else self._with_other_rules()
        self._tell_versions(schemas, stage)
        try:
            with fleet.threads(self.parallel) as crew:
                self._go(crew, visit, schemas)
        finally:
            links.close()

    def _with_other_rules(self) -> list[str]:
        return [s for s, one in self.waiting.items() if one.rules != ledger.rules(s)]

    def _tell_versions(self, schemas: list[str], stage: list[str]) -> None:
        """Where the shops will stand in between is written first: few, since they go alike."""
        for had, rules in {(self.waiting[s].migrations, self.waiting[s].rules) for s in schemas}:
            for name in stage:
                if name not in had:
                    had |= {name}
                    ledger.known_version(had, rules)
            ledger.known_version(had, ledger.rules(""))

    def _apply(self, link: psycopg.Connection[Any], schema: str, name: str) -> None:
        standing, steps = self.waiting[schema], self.cuts[name]
        done = standing.progress.partition(" ")
        first = int(done[2]) if done[0] == name else 0
        for number, step in enumerate(steps[first:], first + 1):
            if number < len(steps):
                record = ledger.writing_progress(schema, f"{name} {number}")
            else:
                record = self._record(standing, name)
            fleet.take_step(link, schema, step, record)
            self.waiting[schema] = replace(standing, progress=f"{name} {number}")
        self.waiting[schema] = replace(
            standing, migrations=standing.migrations | {name}, progress=""
        )

    def _record(self, standing: Standing, name: str) -> str:
        """SQL that ends a migration: its row in the schema, privileges, the ledger."""
        app, _, short = name.partition(".")
        row = sql.SQL(
            "INSERT INTO django_migrations (app, name, applied) VALUES ({}, {}, now())"
        ).format(app, short)
        version = ledger.known_version(standing.migrations | {name}, standing.rules)
        made = tables_made(self.scripts[name] or [])
        grants = shop_grants(standing.schema, made) if made else []
        return ";\n".join([*grants, row.as_string(), ledger.writing(standing.schema, version)])

    def _regrant(self, link: psycopg.Connection[Any], schema: str) -> None:
        standing, rules = self.waiting[schema], ledger.rules(schema)
        version = ledger.known_version(standing.migrations, rules)
        script = [*shop_grants(schema), ledger.writing(schema, version)]
        with link.transaction():
            link.execute(";\n".join(script))  # type: ignore[arg-type]
        self.waiting[schema] = replace(standing, rules=rules)

    def _by_django(self, stage: list[str]) -> None:
        """``stage`` by Django's executor, one schema after the other in several processes."""
        schemas = self._lacking(stage)
        if not schemas:
            return
        connections.close_all()
        context = multiprocessing.get_context("spawn")
        count = min(self.parallel, os.cpu_count() or 1, len(schemas))
        with ProcessPoolExecutor(count, mp_context=context, initializer=fleet.begin_helper) as crew:
            self._go(crew, partial(migrate_by_django, names=stage), schemas)
        for schema in schemas:
            if schema in self.waiting:
                before = self.waiting[schema]
                self.waiting[schema] = replace(
                    before, migrations=before.migrations | frozenset(stage), rules=ledger.rules("")
                )

    def _go(self, crew: Executor, visit: fleet.Visit, schemas: list[str]) -> None:
        try:
            for number, outcome in enumerate(fleet.go_round(crew, visit, schemas), 1):
                if outcome.error is not None:
                    self._fail(outcome)
                self.told(number, len(schemas))
        except BaseException:  # Ctrl-C among them: what has not begun does not begin
            crew.shutdown(wait=False, cancel_futures=True)
            raise

    def _fail(self, outcome: Outcome) -> None:
        sentence = str(outcome.error)
        self.failed[outcome.schema] = sentence
        del self.waiting[outcome.schema]
        ledger.note_error(owner_connection(), outcome.schema, sentence)


def migrate_by_django(schema: str, names: list[str]) -> None:
    """Run ``names`` in ``schema`` with Django's executor. In a process of its own."""
    owner = owner_connection()
    owner.ensure_connection()
    owner.connection.execute(f"SET lock_timeout = '{fleet.LOCK_WAIT}'")
    with fleet.held(owner.connection, schema):
        for name in names:
            app, _, short = name.partition(".")
            with alone_in(schema):
                executor = executor_for(schema)
            migration = executor.loader.graph.nodes.get((app, short))
            whole = migration is None or migration.atomic
            with transaction.atomic(using="owner") if whole else nullcontext():
                with alone_in(schema):
                    executor.migrate([(app, short)])
                    grant_schema(owner, schema)
                stand_by_itself(schema)


def _order() -> list[str]:
    """Every migration of the shops' side, in the order of their dependencies."""
    with alone_in(TEMPLATE_SCHEMA):
        executor = executor_for(TEMPLATE_SCHEMA)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def lagging(say: Say, verify: bool) -> tuple[dict[str, Standing], dict[str, str]]:
    """The shops that lack something, and those that are not there at all.

    ``verify`` asks each schema instead of the ledger.
    """
    owner = owner_connection()
    found = ledger.standings(owner)
    told = {one.schema: one for one in found if isinstance(one, Standing)}
    unknown = [one for one in found if isinstance(one, str)]
    lost: dict[str, str] = {}
    asked = [*told, *unknown] if verify else unknown
    for schema, migrations in ledger.read_migrations(owner, asked).items():
        before = told.get(schema)
        if migrations is None:
            told.pop(schema, None)
            lost[schema] = "son schéma ou sa table django_migrations n’existe pas"
            continue
        if before is None or migrations != before.migrations:
            rules = before.rules if before else ""
            told[schema] = Standing(schema, migrations, rules)
            ledger.stand(owner, schema, told[schema].migrations, rules)
            say(f"{schema} : le registre disait autre chose que le schéma, il est corrigé")
    return {schema: one for schema, one in told.items() if one.lags}, lost


def bring_up(
    say: Say,
    *,
    told: Told = lambda done, total: None,
    parallel: int = PARALLEL,
    verify: bool = False,
) -> dict[str, str]:
    """Public, the template, then every shop: made if absent, brought up if behind.

    Returns the shops that could not be, with the reason in French; the others went on. Safe to
    kill at any moment and to run again. Raises ``AlreadyRunning``.
    """
    with _alone():
        owner_connection().set_schema_to_public()
        _first(PUBLIC, bring_up_public, say)
        _first(TEMPLATE_SCHEMA, bring_up_template, say)
        _forget_erased()
        deploy = Deploy(parallel, told, *lagging(say, verify))
        count = len(deploy.waiting)
        if count:
            say(f"{count} boutique{'s' if count > 1 else ''} à mettre à jour")
            deploy.run()
        return deploy.failed


class CannotBegin(Exception):
    """Public or the template could not be brought up: no shop was touched. In French."""


def _first(schema: str, bring: Callable[[Say], None], say: Say) -> None:
    """``bring`` public or the template up; who is in the way is let through, then it is tried
    again: each migration is a transaction of its own, so none is run twice."""
    end = time.monotonic() + fleet.PATIENCE
    while True:
        try:
            with owner_connection().cursor() as cursor:
                cursor.execute(f"SET lock_timeout = '{fleet.LOCK_WAIT}'")
            bring(say)
            return
        except DatabaseError as error:
            why = fleet.sentence_of(error)
            if not isinstance(why, Busy) or time.monotonic() > end:
                raise CannotBegin(
                    f"{schema} n’a pas pu être mis à jour, aucune boutique n’est touchée : {why}"
                ) from error
        time.sleep(0.5)


def _forget_erased() -> None:
    with owner_connection().cursor() as cursor:
        cursor.execute(
            "DELETE FROM shops_schemastate t WHERE schema NOT IN (%s, %s) AND NOT EXISTS "
            "(SELECT 1 FROM shops_shop s WHERE s.schema_name = t.schema)",
            [PUBLIC, TEMPLATE_SCHEMA],
        )


def behind(verify: bool) -> list[str]:
    """Which schemas lack a migration or their privileges; nothing is changed."""
    owner = owner_connection()
    late = [
        schema
        for schema, exists in ((PUBLIC, has_tables), (TEMPLATE_SCHEMA, schema_exists))
        if not exists(schema)
        or ledger.wanted(schema) - (ledger.read_migrations(owner, [schema])[schema] or set())
    ]
    if PUBLIC in late:
        return late  # the ledger itself may not be there
    found = ledger.standings(owner)
    late += [one for one in found if isinstance(one, str)]
    told = {one.schema: one for one in found if isinstance(one, Standing)}
    read = ledger.read_migrations(owner, told) if verify else {}
    for schema, one in told.items():
        real = replace(one, migrations=read[schema] or frozenset()) if verify else one
        if real.lags:
            late.append(schema)
    return late
