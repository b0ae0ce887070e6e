"""What the application's role may do: everything but rewrite what is append-only.

No trigger stands in a shop's schema (Citus refuses them): a table is append-only because the
application's role holds no UPDATE and DELETE on it. Models say so with ``append_only = True``.
"""

from django.apps import apps
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

# Read by the application, written by the owner alone.
OWNED = ("django_migrations",)


def app_role() -> str:
    return str(settings.DATABASES["default"]["USER"])


def _tables_kept_as_written(names: list[str]) -> list[str]:
    return [
        model._meta.db_table
        for config in apps.get_app_configs()
        if config.name in names
        for model in config.get_models()
        if getattr(model, "append_only", False)
    ]


def _grant(connection: BaseDatabaseWrapper, schema: str, names: list[str]) -> None:
    role, space = connection.ops.quote_name(app_role()), connection.ops.quote_name(schema)
    statements = [
        f"GRANT USAGE ON SCHEMA {space} TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {space} TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {space} TO {role}",
    ]
    statements += [
        f"REVOKE UPDATE, DELETE ON {space}.{connection.ops.quote_name(table)} FROM {role}"
        for table in _tables_kept_as_written(names)
    ]
    statements += [
        f"REVOKE INSERT, UPDATE, DELETE ON {space}.{connection.ops.quote_name(table)} FROM {role}"
        for table in OWNED
    ]
    with connection.cursor() as cursor:
        cursor.execute(";\n".join(statements))


def grant_public(connection: BaseDatabaseWrapper) -> None:
    """Privileges on the shared tables. Idempotent; run after each migration of public."""
    _grant(connection, "public", settings.SHARED_APPS)


def grant_schema(connection: BaseDatabaseWrapper, schema: str) -> None:
    """Privileges on a shop's tables. Idempotent."""
    _grant(connection, schema, settings.TENANT_APPS)
