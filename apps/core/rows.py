"""Many rows of one table written by one narrow statement."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model

from apps.core.tenancy import database


def update_rows(rows: Collection[Any], *names: str) -> None:
    """Write the fields ``names`` of each row, as they stand on it, in one UPDATE.

    Where ``bulk_update`` writes a WHEN for each row and field (a third of a send's CPU), this
    gives one array a column: the statement is the same for one row and for a hundred. What all
    rows have in common is sent once.
    """
    if not rows:
        return
    model: type[Model] = type(next(iter(rows)))
    meta, quote = model._meta, connection.ops.quote_name
    assert meta.pk is not None
    by_name = {field.name: field for field in meta.concrete_fields}
    kept = [meta.pk, *(by_name[name] for name in names)]
    shared, own = _sorted(rows, kept)
    sets = [f"{quote(str(field.column))} = %s::{_type(field)}" for field, _value in shared]
    columns = [quote(str(field.column)) for field, _values in own[1:]]
    sets += [f"{column} = new.{column}" for column in columns]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quote(meta.db_table)} AS old SET {', '.join(sets)} "
            f"FROM unnest({_arrays(own)}) AS new ({', '.join(['id', *columns])}) "
            f"WHERE old.{quote(str(meta.pk.column))} = new.id",
            [value for _field, value in (*shared, *own)],
        )


def insert_rows(rows: Collection[Any], *, once: bool = False) -> None:
    """Write new rows of one table, whose keys the database makes, in one INSERT.

    No ``save``, no signal. They learn their keys, unless ``once``: what a unique constraint
    refuses is then left out. An array (``unnest`` gives none) must be the same for all.
    """
    if not rows:
        return
    meta, quote = type(next(iter(rows)))._meta, connection.ops.quote_name
    kept = [field for field in meta.concrete_fields if not field.primary_key]
    shared, own = _sorted(rows, kept)
    into = ", ".join(quote(str(field.column)) for field, _values in (*shared, *own))
    columns = ", ".join(quote(str(field.column)) for field, _values in own)
    same = "".join(f"%s::{_type(field)}, " for field, _value in shared)
    told = "ON CONFLICT DO NOTHING" if once else f"RETURNING {quote(str(meta.pk.column))}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(meta.db_table)} ({into}) SELECT {same}{columns} "
            f"FROM unnest({_arrays(own)}) WITH ORDINALITY AS new ({columns}, the_order) "
            f"ORDER BY the_order {told}",
            [value for _field, value in (*shared, *own)],
        )
        if once:
            return
        for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = key
            row._state.adding, row._state.db = False, connection.alias


def insert_selected(
    model: type[Model],
    own: Mapping[str, str],
    shared: Mapping[str, Any],
    source: str,
    values: Sequence[Any],
    *,
    returning: str = "id",
) -> list[Any]:
    """Insert what ``source`` (FROM and all that follows, with its ``values``) finds, at once.

    ``own`` says each row's columns in SQL, ``shared`` those that all have in common; the others
    stand at their default. What a unique constraint refuses is left out. Returns the different
    values of the column ``returning`` among what was written.
    """
    quote, common, selected = connection.ops.quote_name, list[Any](), list[str]()
    kept = [field for field in model._meta.concrete_fields if not field.primary_key]
    for field in kept:
        if field.attname in own:
            selected.append(own[field.attname])
            continue
        value = shared[field.attname] if field.attname in shared else field.get_default()
        common.append(field.get_db_prep_save(value, connection))
        selected.append(f"%s::{_type(field)}")
    into = ", ".join(quote(str(field.column)) for field in kept)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH put AS (INSERT INTO {quote(model._meta.db_table)} ({into}) "
            f"SELECT {', '.join(selected)} {source} ON CONFLICT DO NOTHING "
            f"RETURNING {returning} AS it) SELECT DISTINCT it FROM put",
            [*common, *values],
        )
        return [it for (it,) in cursor.fetchall()]


Columns = list[tuple[Any, Any]]  # each a field and what the rows have there


def _sorted(rows: Collection[Any], fields: Sequence[Any]) -> tuple[Columns, Columns]:
    """The columns in which all rows have the same value, and the others with a list of theirs.

    The first one is always of the others: it says how many rows there are.
    """
    shared, own = Columns(), Columns()
    link = database()  # itself: each look through Django's proxy costs as much as the value
    for field in fields:
        values = [getattr(row, field.attname) for row in rows]
        if own and values.count(values[0]) == len(values):
            shared.append((field, field.get_db_prep_save(values[0], link)))
        else:
            own.append((field, [field.get_db_prep_save(value, link) for value in values]))
    return shared, own


def _arrays(columns: Columns) -> str:
    return ", ".join(f"%s::{_type(field)}[]" for field, _values in columns)


def _type(field: Any) -> str:
    return str(field.rel_db_type(connection)).partition("(")[0]
