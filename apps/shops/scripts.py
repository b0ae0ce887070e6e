"""What a migration does, decided once: Django runs it on the template and is listened to.

The statements are kept (``MigrationScript``), so a deploy that was killed goes on from what
the template got, and a shop brought back from an old backup gets the same.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.operations import AddField, AlterField
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED
from django.utils import timezone

from apps.core.postgres.base import DatabaseWrapper

# A default that is made anew for each shop (a token) must be made in each shop.
_SAME_FOR_ALL = (NOT_PROVIDED, bool, dict, float, int, list, set, str, tuple, timezone.now)
_READS = ("SELECT", "SHOW", "SET", "SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


class Listened:
    """What was heard of one migration: its statements, or that SQL alone does not tell it."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.needs_python = False
        self._in_editor = False

    def editor(self, base: type) -> type:
        """The schema editor, writing down what it runs, with its values in it."""
        heard = self

        class Editor(base):  # type: ignore[misc, valid-type]
            def execute(self, sql: Any, params: Any = ()) -> None:
                text = str(sql)
                if params is not None:
                    text = self.connection.ops.compose_sql(text, params)
                heard.statements.append(text)
                heard._in_editor = True
                try:
                    super().execute(text, None)
                finally:
                    heard._in_editor = False

        return Editor

    def beside(self, execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
        """Sees every statement; one that writes and is not the editor's came from Python."""
        text = str(sql).lstrip()
        if not self._in_editor and not text.upper().startswith(_READS):
            self.needs_python |= "django_migrations" not in text
        return execute(sql, *rest)


def _operations(migration: Migration) -> Iterator[Operation]:
    waiting = list(migration.operations)
    while waiting:
        operation = waiting.pop()
        waiting += getattr(operation, "database_operations", ())
        yield operation


def _asks_python(migration: Migration) -> bool:
    """Whether SQL made on the template might not be what a shop needs."""
    if migration.replaces:
        return True
    for operation in _operations(migration):
        if not operation.reduces_to_sql or not type(operation).__module__.startswith("django."):
            return True
        if isinstance(operation, AddField | AlterField):
            default = operation.field.default
            if callable(default) and default not in _SAME_FOR_ALL:
                return True
    return False


@contextmanager
def listening(connection: DatabaseWrapper, migration: Migration) -> Iterator[Listened]:
    """Hear what ``connection`` is told while ``migration`` runs on it."""
    heard = Listened()
    heard.needs_python = _asks_python(migration)
    base = connection.SchemaEditorClass
    connection.SchemaEditorClass = heard.editor(base)  # type: ignore[misc, assignment]
    try:
        with connection.execute_wrapper(heard.beside):
            yield heard
    finally:
        connection.SchemaEditorClass = base  # type: ignore[misc]
    if not migration.atomic:  # an index built apart is what we do; anything else is its own
        heard.needs_python |= any("INDEX CONCURRENTLY" not in one for one in heard.statements)
