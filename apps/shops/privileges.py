"""What the application's role may do: everything but rewrite what is append-only, and look over
a wall.

No trigger stands in a shop's schema (Citus refuses them): a table is append-only because the
application's role holds no UPDATE and DELETE on it. Models say so with ``append_only = True``;
what says ``owner_writes = True`` is read by the application and written by the owner alone.
"""

from collections.abc import Iterable

from django.apps import apps
from django.conf import settings
from django.core.management import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.core.tenancy import PLATFORM_ROLE
from apps.shops.walls import Wall, every_wall

# Read by the application, written by the owner alone.
OWNED = ("django_migrations",)

# On PostgreSQL 15 a member inherits by its own attribute, since 16 by each grant: this says both.
_PLATFORM_ROLE = """
SELECT pg_has_role(%(app)s, oid, 'MEMBER') AND NOT pg_has_role(%(app)s, oid, 'USAGE')
  AND NOT rolsuper AND NOT rolbypassrls AND NOT rolcanlogin
FROM pg_roles WHERE rolname = %(platform)s
"""
_POLICIES = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, p.polname,
       obj_description(p.oid, 'pg_policy')
FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""


def app_role() -> str:
    return str(settings.DATABASES["default"]["USER"])


def _tables_that_say(mark: str, names: list[str]) -> list[str]:
    return [
        model._meta.db_table
        for config in apps.get_app_configs()
        if config.name in names
        for model in config.get_models()
        if getattr(model, mark, False)
    ]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def grants(role: str, schema: str, names: list[str]) -> list[str]:
    """What ``role`` may do with every table of ``names`` (apps) in ``schema``. Idempotent."""
    role, space = _quoted(role), _quoted(schema)
    kept = [_quoted(name) for name in _tables_that_say("append_only", names)]
    owned = [_quoted(name) for name in (*OWNED, *_tables_that_say("owner_writes", names))]
    return [
        f"GRANT USAGE ON SCHEMA {space} TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {space} TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {space} TO {role}",
        *(f"REVOKE UPDATE, DELETE ON {space}.{table} FROM {role}" for table in kept),
        *(f"REVOKE INSERT, UPDATE, DELETE ON {space}.{table} FROM {role}" for table in owned),
    ]


def shop_grants(schema: str, tables: Iterable[str] | None = None) -> list[str]:
    """``grants`` for a shop; or for these tables of it alone, just made (an identity column asks
    for no privilege of its own)."""
    if tables is None:
        return grants(app_role(), schema, settings.TENANT_APPS)
    role, space = _quoted(app_role()), _quoted(schema)
    kept = set(_tables_that_say("append_only", settings.TENANT_APPS))
    return [
        f"GRANT SELECT, INSERT{'' if table in kept else ', UPDATE, DELETE'} "
        f"ON {space}.{_quoted(table)} TO {role}"
        for table in tables
    ]


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    if statements:
        with connection.cursor() as cursor:
            cursor.execute(";\n".join(statements))


def grant_public(connection: BaseDatabaseWrapper) -> None:
    """Privileges on the shared tables, and their walls. Idempotent; run after each migration of
    public. What stands already takes no lock. Raises ``CommandError`` when the platform's role
    is not as it must be."""
    _check_platform_role(connection)
    _run(connection, ["REVOKE CREATE ON SCHEMA public FROM PUBLIC"])
    for role in (app_role(), PLATFORM_ROLE):
        _run(connection, grants(role, "public", settings.SHARED_APPS))
    _run(connection, walls_missing(connection))


def grant_schema(connection: BaseDatabaseWrapper, schema: str) -> None:
    """Privileges on a shop's tables: the application's, and no other's. Idempotent."""
    _run(connection, shop_grants(schema))


def _check_platform_role(connection: BaseDatabaseWrapper) -> None:
    app = app_role()
    with connection.cursor() as cursor:
        cursor.execute(_PLATFORM_ROLE, {"app": app, "platform": PLATFORM_ROLE})
        if cursor.fetchone() == (True,):
            return
    raise CommandError(
        f"Le rôle {PLATFORM_ROLE} manque, ou {app} en hérite au lieu de seulement pouvoir le "
        f"prendre. À faire une fois par l’administrateur du serveur PostgreSQL : "
        f"CREATE ROLE {PLATFORM_ROLE} NOLOGIN; ALTER ROLE {app} NOINHERIT; "
        f"REVOKE {PLATFORM_ROLE} FROM {app}; GRANT {PLATFORM_ROLE} TO {app};"
    )


def walls_missing(connection: BaseDatabaseWrapper) -> list[str]:
    """What it takes to make the database's policies those of ``every_wall()``.

    A policy's comment is the text it was made from: the catalogue prints expressions its own way.
    """
    with connection.cursor() as cursor:
        cursor.execute(_POLICIES)
        rows = cursor.fetchall()
    forced = {table for table, is_forced, _, _ in rows if is_forced}
    stands = {(table, policy): text for table, _, policy, text in rows if policy}
    owner = connection.ops.quote_name(str(connection.settings_dict["USER"]))
    statements: list[str] = []
    for wall in every_wall():
        statements += _policies_missing(connection, wall, owner, stands)
        if wall.table not in forced:
            table = connection.ops.quote_name(wall.table)
            statements.append(f"ALTER TABLE public.{table} ENABLE ROW LEVEL SECURITY")
            statements.append(f"ALTER TABLE public.{table} FORCE ROW LEVEL SECURITY")
    return statements


def _policies_missing(
    connection: BaseDatabaseWrapper, wall: Wall, owner: str, stands: dict[tuple[str, str], str]
) -> list[str]:
    wanted = wall.policies(owner)
    on = f"ON public.{connection.ops.quote_name(wall.table)}"
    here = {policy: text for (table, policy), text in stands.items() if table == wall.table}
    changed = [name for name, text in here.items() if name not in wanted or wanted[name] != text]
    statements = [f"DROP POLICY {connection.ops.quote_name(name)} {on}" for name in changed]
    for name, text in wanted.items():
        if here.get(name) != text:
            said = text.replace("'", "''")
            statements.append(f"CREATE POLICY {name} {on} {text}")
            statements.append(f"COMMENT ON POLICY {name} {on} IS '{said}'")
    return statements
