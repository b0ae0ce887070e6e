"""django-tenants' PostgreSQL, with the role that statements run as beside the schema.

A connection stands in a schema and, inside ``core.tenancy.across_shops``, in the platform's
role. Both are told to the server with the next statement, once for as long as one stays, and
anew after a rollback, which takes a ``SET`` back.

It also wears out. A backend keeps what it learned of each table it has met for as long as it
lives: with a schema a shop that is memory without end. So a connection counts the schemas it was
turned to, and past ``MAX_SCHEMAS`` it is closed where Django closes what is obsolete: between two
requests and between two jobs, never in a transaction. The next statement opens a fresh one.
"""

from collections.abc import Sequence
from selectors import EVENT_READ, DefaultSelector
from typing import Any

from django.db.backends.postgresql.base import ServerSideCursor
from django_tenants.postgresql_backend import base
from psycopg.pq import TransactionStatus

from apps.core.postgres.cursor import Cursor
from apps.core.postgres.schema import SchemaEditor

MOST_LATER = 20


class DatabaseWrapper(base.DatabaseWrapper):
    """Of its entry in ``DATABASES`` it reads ``MAX_SCHEMAS``; without it none is too many."""

    SchemaEditorClass = SchemaEditor
    search_path_set_schemas: list[str] | None
    role = ""  # wanted; empty is the one that logged in
    _role_told: str | None = ""  # what the server has; None when that is not known
    _a_rollback_may_change_it = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.touched: set[str] = set()
        self._later: list[tuple[str, Sequence[Any]]] = []
        super().__init__(*args, **kwargs)

    def connect(self) -> None:
        self._later.clear()
        super().connect()
        self.touched = {str(self.schema_name)}

    def set_tenant(self, tenant: Any, include_public: bool = True) -> None:
        """Whoever steps into a schema is its shop and nobody else."""
        self._write_what_waits()
        self.role = ""
        path, before = self.search_path_set_schemas, (self.schema_name, self.include_public_schema)
        super().set_tenant(tenant, include_public)
        if before == (self.schema_name, include_public):
            self.search_path_set_schemas = path  # who stays is not told again
        self.touched.add(tenant.schema_name)

    def stood_in(self, tenant: Any) -> None:
        """Like ``set_tenant``, when a statement has already moved the server there."""
        self.set_tenant(tenant)
        self.search_path_set_schemas = self._get_cursor_search_paths()

    def step_into_role(self, role: str) -> None:
        """Run what follows as ``role``; empty is the one that logged in. Told at once, so that
        no cursor that is open already runs on in a role that was left."""
        self._write_what_waits()
        self.role = role
        if self.connection is not None and not self.connection.closed:
            self.cursor().close()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        # A pool hands on what somebody else used.
        self._a_rollback_may_change_it = bool(self.settings_dict["OPTIONS"].get("pool"))
        self._forget_role()
        return super().get_new_connection(conn_params)

    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "cursor_factory": Cursor}

    def create_cursor(self, name: str | None = None) -> Any:
        if name is None or self.autocommit:
            return super().create_cursor(name)
        # Django asks psycopg, which may believe in autocommit (see ``Cursor``).
        its_own = {"scrollable": False, "withhold": False}
        return ServerSideCursor(self.connection, name, **its_own)  # type: ignore[arg-type,call-arg]

    def rollback(self) -> None:
        self._later.clear()
        self._forget_role()
        super().rollback()

    def savepoint_rollback(self, sid: str) -> None:
        try:
            super().savepoint_rollback(sid)
        finally:  # also when it failed: the SET may be gone
            self._forget_role()

    def _forget_role(self) -> None:
        self._role_told = None if self._a_rollback_may_change_it else ""

    def write_later(self, statement: str, values: Sequence[Any]) -> None:
        """Run an INSERT, in this schema and role, no later than this transaction's next
        statement or its COMMIT; at once outside of a transaction."""
        self._later.append((statement, values))
        if not self.in_atomic_block or len(self._later) == MOST_LATER:
            self._write_what_waits()

    def _write_what_waits(self, and_then: str = "") -> None:
        waiting, self._later = self._later, []
        if not waiting or self._hears_only_a_rollback():
            return
        *earlier, (last, _) = waiting
        # Each is a part of one statement; none reads what another one writes.
        parts = ", ".join(f"w{n} AS ({insert})" for n, (insert, _) in enumerate(earlier))
        whole = (f"WITH {parts} " if parts else "") + last + and_then
        with self.cursor() as cursor:
            cursor.execute(whole, [value for _, values in waiting for value in values])

    def _commit(self) -> None:
        if self._later:
            self._write_what_waits(and_then="; COMMIT")
        if self._hears_only_a_rollback():  # of a failed transaction COMMIT is one, and says nothing
            self.search_path_set_schemas = None
            self._forget_role()
        super()._commit()

    def _cursor(self, name: str | None = None) -> Any:
        if self._later:
            self._write_what_waits()
        cursor = super()._cursor(name)
        if self._role_told != self.role and not self._hears_only_a_rollback():
            # A named cursor takes one statement only.
            self._tell_role(cursor if name is None else self.create_cursor())
        return cursor

    def _hears_only_a_rollback(self) -> bool:
        if self.connection is None:
            return False
        failed = self.connection.info.transaction_status == TransactionStatus.INERROR
        return self.needs_rollback or failed

    def _tell_role(self, cursor: Any) -> None:
        cursor.execute(f"SET ROLE {self.ops.quote_name(self.role)}" if self.role else "RESET ROLE")
        self._role_told = self.role
        self._a_rollback_may_change_it = bool(self.role) or not self.autocommit

    @property
    def is_worn(self) -> bool:
        """Whether it has been in more schemas than one backend may remember."""
        return len(self.touched) > self.settings_dict.get("MAX_SCHEMAS", len(self.touched))

    def close_if_unusable_or_obsolete(self) -> None:
        """Django calls this between requests, django-q2 between jobs, a fan-out between shops.

        In a transaction it does nothing.
        """
        if self.in_atomic_block:
            return
        if self.is_worn and self.connection is not None:
            self.close()
        super().close_if_unusable_or_obsolete()

    def is_usable(self) -> bool:
        """Whether the server is still at the other end; costs no statement.

        An idle connection has nothing to say. Whatever there is to read on it is its end: the
        farewell of a backend that was terminated, or the socket that its death closed.
        """
        link = self.connection
        if link is None or link.closed:
            return False
        if link.pgconn.transaction_status != TransactionStatus.IDLE:
            return False
        with DefaultSelector() as selector:
            selector.register(link.pgconn.socket, EVENT_READ)
            return not selector.select(timeout=0)
