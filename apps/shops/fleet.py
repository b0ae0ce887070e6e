"""Many schemas at once: each in its own transaction, none in the way of a counter.

A lock is waited for less than half a second and held for less than one; who is in the way
is left alone and tried again after the others. A shop that fails is named with the reason,
and the others go on.
"""

import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, LifoQueue
from threading import Lock, Thread, Timer
from typing import Any

import django
import psycopg
from psycopg import errors, sql

from apps.shops.steps import Apart, Build, Fill, Step, Together, in_batches

LOCK_WAIT = "400ms"  # others queue behind who waits for a lock: this long at most
LONGEST_LOCK = 0.7  # seconds: from the first wait to the end of a transaction
APART_WAIT = "20s"  # outside a transaction a wait holds up no write
TRIES = 4  # more, before the other shops go first
BATCH = 5000
PATIENCE = 60.0  # seconds that a busy shop is tried again
CONNECTION_LIVES = 250  # schemas: a backend grows with each it touches (ground.md)
_SHOP_AT_WORK = 7203  # first key of the advisory lock of one schema


class Busy(Exception):
    """Somebody holds what is needed: to be tried again. The text is a French sentence."""


class Failed(Exception):
    """This schema cannot be brought further. The text is a French sentence."""


def sentence_of(error: BaseException) -> Exception:
    """``error`` as ``Busy`` or ``Failed``, in French, without a value of a row in it."""
    if isinstance(error, Busy | Failed):
        return error
    cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
    if isinstance(cause, errors.LockNotAvailable | errors.DeadlockDetected):
        return Busy("occupée : le verrou n’a pas été obtenu")
    if isinstance(cause, errors.QueryCanceled):
        return Busy("la table aurait été retenue plus d’une seconde (gros volume ou occupée)")
    if not isinstance(cause, psycopg.Error):
        return Failed(f"erreur {type(cause).__name__} dans la migration")
    told = cause.diag
    where = next((n for n in (told.constraint_name, told.column_name, told.table_name) if n), "")
    kinds: tuple[tuple[type[psycopg.Error], str], ...] = (
        (errors.IntegrityError, "des données déjà présentes contredisent la contrainte"),
        (errors.InvalidSchemaName, "son schéma n’existe pas"),
        (errors.UndefinedTable, "il lui manque une table"),
        (errors.UndefinedColumn, "il lui manque une colonne"),
        (errors.DuplicateTable, "une table ou un index de ce nom s’y trouve déjà"),
        (errors.DuplicateColumn, "une colonne de ce nom s’y trouve déjà"),
        (errors.DuplicateObject, "un objet de ce nom s’y trouve déjà"),
        (errors.OperationalError, "la connexion à PostgreSQL a été perdue"),
    )
    said = next((text for kind, text in kinds if isinstance(cause, kind)), "PostgreSQL refuse")
    detail = " ".join(part for part in (where, f"(SQLSTATE {cause.sqlstate or '—'})") if part)
    return Failed(f"{said} {detail}")


@dataclass(frozen=True)
class Outcome:
    schema: str
    error: Exception | None = None


class Links:
    """Connections of the owner role, lent to threads and renewed before they grow."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._parameters = parameters
        self._idle: LifoQueue[tuple[psycopg.Connection[Any], int]] = LifoQueue()

    @contextmanager
    def one(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            link, uses = self._idle.get_nowait()
        except Empty:
            link, uses = psycopg.connect(**self._parameters), 0
            link.execute(f"SET lock_timeout = '{LOCK_WAIT}'")
        try:
            yield link
        finally:
            if link.closed or uses + 1 >= CONNECTION_LIVES:
                link.close()
            else:
                self._idle.put((link, uses + 1))

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get()[0].close()


@contextmanager
def held(link: psycopg.Connection[Any], schema: str) -> Iterator[None]:
    """``schema`` is ours to change: what a killed deploy left running there is waited for.

    Raises ``Busy`` when another process is at work in it.
    """
    key = [_SHOP_AT_WORK, schema]
    row = link.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", key).fetchone()
    if not row or not row[0]:
        raise Busy("une mise à jour interrompue y travaille encore")
    try:
        yield
    finally:
        if not link.closed:
            link.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key)


@contextmanager
def standing_in(link: psycopg.Connection[Any], schema: str) -> Iterator[None]:
    """``held``, and names without a schema are those of ``schema``."""
    with held(link, schema):
        link.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        yield


@contextmanager
def _within_a_second(link: psycopg.Connection[Any]) -> Iterator[None]:
    """Cancelled when waiting for locks and holding them takes too long in all."""
    clock = Timer(LONGEST_LOCK, link.cancel)
    clock.start()
    try:
        yield
    finally:
        clock.cancel()


# Two builds at once may each wait for the other's snapshot: one after the other.
_one_build = Lock()

_INDEX_STATE = """
SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relname = %s AND c.relnamespace = %s::regnamespace
"""


def _build(link: psycopg.Connection[Any], schema: str, step: Build) -> None:
    quoted = sql.Identifier(schema).as_string(link)
    found = link.execute(_INDEX_STATE, [step.index, quoted]).fetchone()
    if found and found[0]:
        return
    drop = sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(step.index))
    if found:  # a build that was killed
        link.execute(drop)
    try:
        with _one_build:
            link.execute(step.statement)  # type: ignore[arg-type]
    except psycopg.Error:  # whatever stopped it, a half-built index would still refuse rows
        if not link.closed:
            link.execute(drop)
        raise


def _try_often(link: psycopg.Connection[Any], script: str) -> None:
    """A counter that writes without end leaves gaps: a few tries find one, at times of chance."""
    for rest in range(TRIES, -1, -1):
        try:
            with _within_a_second(link), link.transaction():
                link.execute(script)  # type: ignore[arg-type]
            return
        except (errors.LockNotAvailable, errors.DeadlockDetected, errors.QueryCanceled):
            if not rest:
                raise
        time.sleep(random.uniform(0.05, 0.3))  # noqa: S311  # no secret, only not in step


def take_step(link: psycopg.Connection[Any], schema: str, step: Step, record: str) -> None:
    """Run one step; ``record`` (SQL) is part of its transaction when it is one."""
    if isinstance(step, Together):
        script = ";\n".join((*step.statements, record))
        _try_often(link, script)
        return
    link.execute(f"SET lock_timeout = '{APART_WAIT}'")
    try:
        if isinstance(step, Build):
            _build(link, schema, step)
        elif isinstance(step, Fill):
            batch = in_batches(step.statement, BATCH)
            while link.execute(batch).rowcount:  # type: ignore[arg-type]
                pass
        elif isinstance(step, Apart):
            link.execute(step.statement)  # type: ignore[arg-type]
    finally:
        if not link.closed:
            link.execute(f"SET lock_timeout = '{LOCK_WAIT}'")


Visit = Callable[[str], None]


def visited(visit: Visit, schema: str) -> Outcome:
    """Run ``visit(schema)``; its error is the outcome's."""
    try:
        visit(schema)
    except Exception as error:  # one shop's trouble, whatever it is, must not stop the others
        return Outcome(schema, sentence_of(error))
    return Outcome(schema)


def go_round(
    crew: Executor, visit: Visit, schemas: Iterable[str], patience: float = PATIENCE
) -> Iterator[Outcome]:
    """``visit`` each schema, several at once; one that is busy again after the others, with
    growing pauses, for ``patience`` seconds. Yields the last outcome of each."""
    waiting, pause = list(schemas), 0.1
    end = time.monotonic() + patience
    while waiting:
        busy: list[Outcome] = []
        for done in as_completed([crew.submit(visited, visit, schema) for schema in waiting]):
            outcome = done.result()
            if isinstance(outcome.error, Busy):
                busy.append(outcome)
            else:
                yield outcome
        if busy and time.monotonic() > end:
            yield from busy
            return
        waiting = [outcome.schema for outcome in busy]
        if waiting:
            time.sleep(pause)
            pause = min(pause * 2, 3.0)


def begin_helper() -> None:
    """Django in a process of its own, which ends with the one it helps, also when that is killed.

    It stands here because nothing here needs Django to be set up already.
    """

    def follow() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=follow, daemon=True).start()
    django.setup()


def threads(parallel: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(parallel, thread_name_prefix="boutique")
