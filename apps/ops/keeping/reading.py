"""A shop made again from its file: everything checked first, then one transaction.

Tables first and bare, then their rows, then indexes and keys: a million visits in seconds. A kill
at any moment leaves no row; the files it may have written lie under the name the next try takes.

Under its own name a shop is itself again: same schema, hosts and callback token. Under another
name it is a copy: new schema, one new host, new token, no own domain, no open invitation. Either
way nothing that waited to be sent is sent (see ``resting`` in messaging and campaigns).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, cast

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from apps.audit.models import Entry
from apps.campaigns import resting as drops
from apps.core.container import BLOCK, Damaged, Reader
from apps.core.tenancy import DatabaseWrapper
from apps.imports import resting as imports
from apps.invoicing import resting as books
from apps.messaging import resting as outbox
from apps.ops.keeping import people, rows
from apps.ops.keeping.contents import (
    ALIAS,
    actor_columns,
    file_columns,
    forget_jobs,
    opened,
)
from apps.ops.keeping.manifest import check_fits, check_readable
from apps.ops.keeping.refusals import StillThere
from apps.ops.keeping.target import Target, check_free, target_of
from apps.ops.keeping.writing import quoted
from apps.shops import ledger
from apps.shops.blueprint import read_blueprint
from apps.shops.models import TEMPLATE_SCHEMA, Shop
from apps.shops.services import template_version
from apps.wallet import resting as phones

Say = Callable[[str], object]


def restore(
    source: BinaryIO, *, slug: str = "", url: str = "", now: datetime, say: Say = print
) -> Target:
    """Make the shop of ``source`` again, as ``slug`` if given, in the database of ``url`` if given.

    Raises what ``manifest`` raises, ``Damaged``, ``BadName`` and ``StillThere``; then nothing was
    written.
    """
    reader = Reader(source)
    check_readable(reader.manifest)
    with opened(url) as connection:
        check_fits(connection, reader.manifest)
        target = target_of(reader.manifest, slug, elsewhere=bool(url))
        check_free(connection, target)
        with _files(reader, target), transaction.atomic(using=ALIAS):
            try:
                _make(connection, reader, target, now, say)
            except IntegrityError as error:
                # Between the check and now somebody took the name.
                raise StillThere(slug=target.slug, schema=target.schema) from error
    return target


@contextmanager
def _files(reader: Reader, target: Target) -> Iterator[None]:
    """The shop's files are in the storage; when the block fails, those it brought leave again.

    One that lay there before is the lost shop's own: the same, or the half of a killed try.
    """
    brought = []
    try:
        for member in reader.members:
            kind, _, name = member.partition("/")
            if kind != "media":
                continue
            whole = f"{target.schema}/{name}"
            if default_storage.exists(whole):
                default_storage.delete(whole)
            else:
                brought.append(whole)
            _bring(reader, member, whole)
        yield
    except Exception:
        for whole in brought:
            default_storage.delete(whole)
        raise


def _bring(reader: Reader, member: str, whole: str) -> None:
    with SpooledTemporaryFile(BLOCK) as aside:
        for block in reader.blocks(member):
            aside.write(block)
        aside.seek(0)
        default_storage.save(whole, File(cast(IO[bytes], aside)))


def _make(
    connection: DatabaseWrapper, reader: Reader, target: Target, now: datetime, say: Say
) -> None:
    version = template_version(ALIAS)  # no deploy changes it until we are through
    check_fits(connection, reader.manifest)
    blueprint = read_blueprint(connection, TEMPLATE_SCHEMA)
    space = connection.ops.quote_name(target.schema)
    known = people.match(connection, list(reader.lines("people.jsonl")))
    _run(connection, "SET LOCAL maintenance_work_mem = '256MB'", blueprint.begin(space))
    _fill(connection, reader, target)
    _rename(connection, target, known.moved)
    _run(connection, *blueprint.bindings, *blueprint.granted(space))
    _continue_sequences(connection, reader.manifest, target)
    connection.set_schema(target.schema)
    known.make(now)
    rows.bring(connection, reader, target, known.ids, say)
    _settle(target, now)
    _run(connection, ledger.writing(target.schema, version))
    _run(connection, *(f'ANALYZE {space}."{table}"' for table in reader.manifest["tables"]))


def _run(connection: DatabaseWrapper, *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _fill(connection: DatabaseWrapper, reader: Reader, target: Target) -> None:
    for table, columns in reader.manifest["tables"].items():
        member = f"tables/{table}.copy"
        # FREEZE: made in this transaction, the rows need no later vacuum.
        statement = f'COPY "{target.schema}"."{table}" ({quoted(columns)}) FROM STDIN WITH (FREEZE)'
        with connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for block in reader.blocks(member):
                    copy.write(block)
            if cursor.rowcount != reader.members[member]["rows"]:
                raise Damaged(what=member)


def _rename(connection: DatabaseWrapper, target: Target, moved: dict[int, int]) -> None:
    """What stands in the tables under another name here: people's ids, names of files."""
    with connection.cursor() as cursor:
        for table, column, condition in actor_columns() if moved else ():
            cursor.execute(
                f'UPDATE "{target.schema}"."{table}" SET "{column}" = moved.here '
                "FROM unnest(%s::bigint[], %s::bigint[]) AS moved (there, here) "
                f'WHERE "{column}" = moved.there AND {condition}',
                [list(moved), list(moved.values())],
            )
        for table, column in file_columns() if target.schema != target.was else ():
            cursor.execute(
                f'UPDATE "{target.schema}"."{table}" '
                f'SET "{column}" = %s || substr("{column}", %s) WHERE starts_with("{column}", %s)',
                [target.schema, len(target.was) + 1, f"{target.was}/"],
            )


def _continue_sequences(
    connection: DatabaseWrapper, manifest: dict[str, Any], target: Target
) -> None:
    with connection.cursor() as cursor:
        for name, (value, is_called) in manifest["sequences"].items():
            table, _, column = name.rpartition(".")
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)",
                [f'"{target.schema}"."{table}"', column, value, is_called],
            )


def _settle(target: Target, now: datetime) -> None:
    """What waited rests, and the trail says what happened.

    Jobs queued for the shop that was lost name rows by numbers that will be given anew.
    """
    forget_jobs(target.schema)
    outbox.rest(ALIAS, now, is_copy=target.is_copy)
    drops.rest(ALIAS, now)
    imports.rest(ALIAS)
    books.rest(ALIAS, is_copy=target.is_copy)
    phones.rest(ALIAS, is_copy=target.is_copy)
    shop = Shop.objects.using(ALIAS).get(schema_name=target.schema)
    after = {"from": target.was, "copy": target.is_copy}
    Entry.objects.using(ALIAS).create(
        at=now,
        actor_kind="system",
        verb="shop.restore",
        object_kind="shop",
        object_id=shop.pk,
        after=after,
    )
