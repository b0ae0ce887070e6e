"""Rows of models by a statement made once, for the few that every request reads and writes.

Putting a short statement together costs Django's ORM more than sending it and reading the answer.
Here it is text; its columns come from the models, and what it finds are their instances.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection, models
from django.db.models.base import ModelState

from apps.core.tenancy import database

Row = tuple[Any, ...]


def columns(model: type[models.Model], alias: str) -> str:
    """All columns of ``model``, in the order in which ``instance`` reads them."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


@cache
def _fields(model: type[models.Model]) -> tuple[list[str], list[tuple[str, Any]]]:
    fields = model._meta.concrete_fields
    converted = [(f.attname, f) for f in fields if hasattr(f, "from_db_value")]
    return [field.attname for field in fields], converted


def width(model: type[models.Model]) -> int:
    return len(_fields(model)[0])


def instance(model: type[models.Model], row: Row, start: int = 0) -> Any:
    """The instance whose columns begin at ``start``; None where an outer join found none."""
    names, converted = _fields(model)
    if row[start] is None:  # the primary key stands first
        return None
    # What ``Model.from_db`` makes, without ``__init__`` and its signals: twice as fast.
    found = model.__new__(model)
    known = vars(found)
    known.update(zip(names, row[start : start + len(names)], strict=True))
    for name, field in converted:
        known[name] = field.from_db_value(known[name], None, connection)
    known["_state"] = state = ModelState()
    state.adding, state.db = False, connection.alias
    return found


def one(statement: str, values: Any) -> Row | None:
    """The first row that ``statement`` finds."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: Row | None = cursor.fetchone()
        return row


@cache
def _insertion(model: type[models.Model], rows: int, otherwise: str) -> tuple[str, list[Any]]:
    meta, quote = model._meta, connection.ops.quote_name
    fields = [field for field in meta.concrete_fields if field is not meta.auto_field]
    names = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * rows)
    into = f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES {places}"
    return f"{into} {otherwise}", fields


def _values(rows: Sequence[models.Model], fields: Sequence[Any]) -> list[Any]:
    link = database()  # itself: each look through Django's proxy costs as much as the value
    return [
        field.get_db_prep_save(getattr(row, field.attname), link)
        for row in rows
        for field in fields
    ]


def _insert(rows: Sequence[models.Model], otherwise: str = "") -> bool:
    statement, fields = _insertion(type(rows[0]), len(rows), otherwise)
    with connection.cursor() as cursor:
        key = connection.ops.quote_name(str(type(rows[0])._meta.pk.column))
        cursor.execute(f"{statement} RETURNING {key}", _values(rows, fields))
        keys = cursor.fetchall()
    for row, (key,) in zip(rows, keys, strict=False):
        row.pk = key
        row._state.adding, row._state.db = False, connection.alias
    return len(keys) == len(rows)


def insert(*rows: models.Model) -> None:
    """Write new rows of one table, whose keys the database makes, in one statement.

    No ``save``, no signal: for a few plain rows.
    """
    if rows:
        _insert(rows)


def insert_once(row: models.Model) -> bool:
    """Like ``insert``; False, and nothing is written, when a unique constraint has it already."""
    return _insert([row], "ON CONFLICT DO NOTHING")


def write_later(row: models.Model) -> None:
    """Write a new row with this transaction's next statement, or with its COMMIT. No ``save``, no
    signal; a number that the database makes is not learnt."""
    statement, fields = _insertion(type(row), 1, "")
    database().write_later(statement, _values([row], fields))
    row._state.adding, row._state.db = False, connection.alias
