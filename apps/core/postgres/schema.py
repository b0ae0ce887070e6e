"""Tables as Django makes them, but for the second index it puts on each unique text."""

from typing import Any

from django.db.backends.postgresql.schema import DatabaseSchemaEditor

# Tables whose every row is rewritten at once (a drop marks all whom it takes), and how full their
# pages are when first written, in percent. A new version that finds room on its row's own page
# leaves the indexes alone: 3 µs a row instead of 26.
ROOMY = {"contacts_contact": 50}


class SchemaEditor(DatabaseSchemaEditor):
    def table_sql(self, model: Any) -> Any:
        """``CREATE TABLE``, with room for later versions where ``ROOMY`` wants it."""
        made, values = super().table_sql(model)
        full = ROOMY.get(model._meta.db_table)
        return (f"{made} WITH (fillfactor={full})" if full else made), values

    def _create_like_index_sql(self, model: Any, field: Any) -> None:
        """None: it serves ``LIKE 'abc%'``, and a token, a host or a key is asked for whole.

        Each index is written with each row, and remembered by each connection for each shop.
        """
