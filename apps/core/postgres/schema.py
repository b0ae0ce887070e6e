"""Tables as Django makes them, but for the second index it puts on each unique text."""

from typing import Any

from django.db.backends.postgresql.schema import DatabaseSchemaEditor


class SchemaEditor(DatabaseSchemaEditor):
    def _create_like_index_sql(self, model: Any, field: Any) -> None:
        """None: it serves ``LIKE 'abc%'``, and a token, a host or a key is asked for whole.

        Each index is written with each row, and remembered by each connection for each shop.
        """
