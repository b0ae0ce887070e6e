"""Many rows of one table changed by one narrow statement."""

from collections.abc import Collection
from typing import Any

from django.db import connection
from django.db.models import Model


def update_rows(rows: Collection[Any], *names: str) -> None:
    """Write the fields ``names`` of each row, as they stand on it, in one UPDATE.

    Where ``bulk_update`` writes a WHEN for each row and field (a third of a send's CPU), this
    gives one array a column: the statement is the same for one row and for a hundred.
    """
    if not rows:
        return
    model: type[Model] = type(next(iter(rows)))
    meta, quote = model._meta, connection.ops.quote_name
    assert meta.pk is not None
    by_name = {field.name: field for field in meta.concrete_fields}
    kept = [meta.pk, *(by_name[name] for name in names)]
    columns = [quote(str(field.column)) for field in kept[1:]]
    arrays = [
        [field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows]
        for field in kept
    ]
    types = [str(field.rel_db_type(connection)).partition("(")[0] for field in kept]
    sets = ", ".join(f"{column} = new.{column}" for column in columns)
    given = ", ".join(f"%s::{type_}[]" for type_ in types)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quote(meta.db_table)} AS old SET {sets} "
            f"FROM unnest({given}) AS new (id, {', '.join(columns)}) "
            f"WHERE old.{quote(str(meta.pk.column))} = new.id",
            arrays,
        )
