"""Listens to what every test writes, and fails the one in which a rule of the house is broken:

- no transaction writes to two shops (each shop may stand on a node of its own);
- what is written from within a shop into a shared table is walled, or listed here with a reason.

Production code knows nothing of it: it hears the statements of every connection, threads' too.
"""

import re
from typing import Any
from weakref import WeakKeyDictionary

from django.apps import apps
from django.conf import settings
from django.db.backends.signals import connection_created
from psycopg.pq import TransactionStatus

from apps.core.postgres.base import DatabaseWrapper
from apps.shops.walls import every_wall

# Shared tables in which a shop leaves something, and why no wall is needed around it.
NOT_WALLED = {
    "accounts_spenthandover": "a nonce, of nobody",
    "accounts_user": "a person is of several shops, and the trail names who has left",
    "account_emailaddress": "a person's, of no shop",
    "core_cache": "Django's cache: limits of sign-in, under hashed keys",
    "core_jobtry": "a job's number and how often it was tried",
    "core_ratecounter": "a keyed hash and a number",
    "django_q_ormq": "a job: a schema, a task and ids; workers take every shop's",
    "django_q_task": "a job that was run: a schema, a task and ids",
    "mfa_authenticator": "a person's, of no shop",
    "shops_schemastate": "how far each schema is, in no shop's words",
}
_WRITES = re.compile(
    r"\b(?:INSERT INTO|UPDATE(?: ONLY)?|DELETE FROM|MERGE INTO|TRUNCATE)\s+"
    r'(?:"?(\w+)"?\.)?"?(\w+)"?',
    re.IGNORECASE,
)


def tables_of(names: list[str]) -> set[str]:
    return {
        model._meta.db_table
        for config in apps.get_app_configs()
        if config.name in names
        for model in config.get_models(include_auto_created=True)
    }


class Watch:
    """``broken``: what was done against the rules since it was last emptied."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self._written: WeakKeyDictionary[DatabaseWrapper, tuple[object, set[str]]]
        self._written, self._begun = WeakKeyDictionary(), WeakKeyDictionary()
        self._of_shops = tables_of(settings.TENANT_APPS)
        self._shared = tables_of(settings.SHARED_APPS)
        self._walled = {wall.table for wall in every_wall()}

    def hear_all(self) -> None:
        connection_created.connect(self._hear, weak=False)

    def _hear(self, connection: DatabaseWrapper, **_: Any) -> None:
        if connection.alias == "default" and self not in connection.execute_wrappers:
            connection.execute_wrappers.insert(0, self)

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        connection = context["connection"]
        if connection.connection.info.transaction_status == TransactionStatus.IDLE:
            self._begun[connection] = object()
        self.note(connection, str(sql))
        return execute(sql, params, many, context)

    def note(self, connection: DatabaseWrapper, sql: str) -> None:
        for schema, table in _WRITES.findall(sql):
            if table in self._of_shops:
                self._shop_written(connection, schema or str(connection.schema_name))
            elif table in self._shared and connection.schema_name != "public":
                self._left(connection, table)

    def _left(self, connection: DatabaseWrapper, table: str) -> None:
        if table not in self._walled and table not in NOT_WALLED and not connection.role:
            self.broken.append(f"{table} is written from a shop and says neither walled_by nor why")

    def _shop_written(self, connection: DatabaseWrapper, schema: str) -> None:
        now = self._transaction(connection)
        before, schemas = self._written.get(connection, (None, set()))
        schemas = {*schemas, schema} if now == before else {schema}
        self._written[connection] = (now, schemas)
        if len(schemas) > 1:
            self.broken.append(f"one transaction writes to {' and '.join(sorted(schemas))}")

    def _transaction(self, connection: DatabaseWrapper) -> object:
        """Something that is equal for two statements of one transaction of the code under test.

        A test's own transaction is not one: the savepoint that the code opens in it first is.
        """
        if any(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
            return next((sid for sid in connection.savepoint_ids if sid), object())
        return self._begun.get(connection)


watch = Watch()
