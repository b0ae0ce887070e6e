"""A shop into one file: one snapshot of all it is, streamed, then named."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.core.files.storage import default_storage
from django.db import transaction

from apps.accounts.models import User
from apps.audit.models import Entry
from apps.core.container import BLOCK, Writer
from apps.core.tenancy import DatabaseWrapper
from apps.ops.keeping.contents import (
    ALIAS,
    actor_columns,
    media,
    opened,
    public_rows,
    sequences,
    tables,
    user_columns,
)
from apps.ops.keeping.manifest import describe, state_of
from apps.ops.keeping.refusals import AlreadyThere, NoSuchShop
from apps.shops.models import Shop

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file for the owner's eyes (0600) that has its name only once it is whole.

    Raises ``AlreadyThere``; what fails leaves nothing behind.
    """
    if path.exists():
        raise AlreadyThere(path=path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    partial = Path(name)
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(partial, path)  # fails where ``rename`` would silently replace
        except FileExistsError as error:
            raise AlreadyThere(path=path) from error
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def backup(slug: str, out: BinaryIO, now: datetime) -> dict[str, Any]:
    """Write all of the shop to ``out``, in constant memory; returns the manifest.

    Tables and shared rows are of one instant. Raises ``NoSuchShop``.
    """
    with opened() as connection:
        schema = _shop(slug).schema_name
        locked = ", ".join(f'"{schema}"."{table}"' for table in tables(connection, schema))
        if not locked:  # its row without its schema: half lost
            raise NoSuchShop(slug=slug)
        writer = Writer(out)
        try:
            with transaction.atomic(using=ALIAS):
                with connection.cursor() as cursor:
                    cursor.execute(SNAPSHOT)
                    # Before the first read: a table that a deploy rewrites would look empty.
                    cursor.execute(f"LOCK TABLE {locked} IN ACCESS SHARE MODE")
                manifest = _write(connection, _shop(slug), writer, now)
            writer.close(manifest)
        except BaseException:
            writer.abandon()
            raise
    return {**manifest, "members": writer.members}


def _shop(slug: str) -> Shop:
    shop = Shop.objects.using(ALIAS).filter(slug=slug).first()
    if shop is None:
        raise NoSuchShop(slug=slug)
    return shop


def note(schema: str, now: datetime, rows: int) -> None:
    """All of the shop's people left in one file: its trail says so."""
    with opened() as connection:
        connection.set_schema(schema)
        Entry.objects.using(ALIAS).create(
            at=now,
            actor_kind="system",
            verb="shop.backup",
            object_kind="shop",
            after={"rows": rows},
        )


def _write(
    connection: DatabaseWrapper, shop: Shop, writer: Writer, now: datetime
) -> dict[str, Any]:
    schema = shop.schema_name
    for name in media(schema):
        with default_storage.open(name) as file:
            writer.add(f"media/{name.removeprefix(schema + '/')}", file.chunks(BLOCK))
    found = tables(connection, schema)
    for table, columns in found.items():
        copy_out(connection, writer, f"tables/{table}.copy", _copy(schema, table, columns))
    _write_public(connection, shop, writer)
    # After the tables: a number drawn meanwhile is left out, none is given twice.
    values = {f"{t}.{c}": _value(connection, name) for t, c, name in sequences(connection, schema)}
    state = state_of(connection, schema)
    return {**describe(shop, state, now), "tables": found, "sequences": values}


def _copy(schema: str, table: str, columns: list[str]) -> str:
    return f'COPY "{schema}"."{table}" ({quoted(columns)}) TO STDOUT'


def quoted(columns: list[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def copy_out(connection: DatabaseWrapper, writer: Writer, name: str, statement: str) -> int:
    """Stream what a ``COPY … TO STDOUT`` gives into a member; returns how many rows."""
    with connection.cursor() as cursor:
        with cursor.copy(statement) as rows:
            line = writer.add(name, rows)
        line["rows"] = cursor.rowcount
    return int(line["rows"])


def _value(connection: DatabaseWrapper, sequence: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT last_value, is_called FROM {sequence}")
        return list(cursor.fetchone())


def _write_public(connection: DatabaseWrapper, shop: Shop, writer: Writer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_json(t)::text FROM public.shops_shop t WHERE id = %s", [shop.pk])
        writer.add_lines("public/shops_shop.jsonl", [json.loads(cursor.fetchone()[0])])
    named: set[int] = set()
    for kind in public_rows():
        if kind.is_left_out:
            continue
        rows = kind.rows(connection, shop)
        writer.add_lines(kind.name, rows)
        named |= {row[column] for column in user_columns(kind.model) for row in rows}
    writer.add_lines("people.jsonl", _people(connection, shop, named - {None}))


def _people(connection: DatabaseWrapper, shop: Shop, named: set[int]) -> Iterator[dict[str, Any]]:
    """Everyone whose id stands somewhere in the shop: restored elsewhere, an id must not become
    a stranger's. ``named`` are needed there; of who left only the number and the address."""
    known = set(named)
    with connection.cursor() as cursor:
        for table, column, condition in actor_columns():
            cursor.execute(
                f'SELECT DISTINCT "{column}" FROM "{shop.schema_name}"."{table}" '
                f'WHERE {condition} AND "{column}" IS NOT NULL'
            )
            known |= {user for (user,) in cursor.fetchall()}
        cursor.execute(
            "SELECT user_id FROM public.account_emailaddress WHERE verified AND user_id = ANY(%s)",
            [sorted(named)],
        )
        verified = {user for (user,) in cursor.fetchall()}
    users = User.objects.using(ALIAS).in_bulk(known)
    for pk in sorted(known):
        user = users.get(pk)
        line: dict[str, Any] = {"id": pk, "email": user.email if user else None}
        if user and pk in named:
            line["name"], line["verified"] = user.name, pk in verified
            line["date_joined"] = user.date_joined.isoformat()
        yield line
