"""Rows of models by a statement made once, for the few that every request reads and writes.

Putting a short statement together costs Django's ORM more than sending it and reading the answer.
Here it is text; its columns come from the models, and what it finds are their instances.
"""

from functools import cache
from typing import Any

from django.db import connection, models

Row = tuple[Any, ...]


def columns(model: type[models.Model], alias: str) -> str:
    """All columns of ``model``, in the order in which ``instance`` reads them."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


@cache
def _fields(model: type[models.Model]) -> tuple[list[str], list[tuple[int, Any]]]:
    fields = model._meta.concrete_fields
    converted = [(at, f) for at, f in enumerate(fields) if hasattr(f, "from_db_value")]
    return [field.attname for field in fields], converted


def width(model: type[models.Model]) -> int:
    return len(_fields(model)[0])


def instance(model: type[models.Model], row: Row, start: int = 0) -> Any:
    """The instance whose columns begin at ``start``; None where an outer join found none."""
    names, converted = _fields(model)
    if row[start] is None:  # the primary key stands first
        return None
    values = list(row[start : start + len(names)])
    for at, field in converted:
        values[at] = field.from_db_value(values[at], None, connection)
    return model.from_db(connection.alias, names, values)


def one(statement: str, values: Any) -> Row | None:
    """The first row that ``statement`` finds."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: Row | None = cursor.fetchone()
        return row


@cache
def _insertion(model: type[models.Model]) -> tuple[str, list[Any]]:
    meta, quote = model._meta, connection.ops.quote_name
    assert meta.pk is not None
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    names = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    into = f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES ({places})"
    return f"{into} RETURNING {quote(str(meta.pk.column))}", fields


def insert(row: models.Model) -> None:
    """Write a new row, whose key the database makes. No ``save``, no signal: for plain rows."""
    statement, fields = _insertion(type(row))
    values = [f.get_db_prep_save(getattr(row, f.attname), connection) for f in fields]
    found = one(statement, values)
    assert found is not None
    (row.pk,) = found
    row._state.adding, row._state.db = False, connection.alias
