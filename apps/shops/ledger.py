"""Where each schema stands, and whether this code may serve it.

The ledger is written with the owner's role, in the transaction that changes the schema. A
version is the fingerprint of a set of migrations and of the privileges' rules: code may serve
a schema that has had every migration on its disk, so an older version of the code goes on
serving while ``migrate_shops`` runs before the newer one starts.
"""

import json
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import import_module
from pkgutil import iter_modules

from django.apps import apps
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from apps.shops.models import SchemaState, SchemaVersion, Shop
from apps.shops.privileges import app_role, grants
from apps.shops.walls import rules_of_walls

PUBLIC = "public"


def app_labels(names: list[str]) -> set[str]:
    return {config.label for config in apps.get_app_configs() if config.name in names}


def apps_of(schema: str) -> list[str]:
    """The apps whose tables stand in ``schema``."""
    return list(settings.SHARED_APPS if schema == PUBLIC else settings.TENANT_APPS)


@cache
def _on_disk(label: str) -> frozenset[str]:
    module, _ = MigrationLoader.migrations_module(label)
    try:
        path = import_module(module).__path__ if module else []
    except ModuleNotFoundError:  # an app without a migrations folder
        return frozenset()
    found = (one.name for one in iter_modules(path) if not one.ispkg)
    return frozenset(f"{label}.{name}" for name in found if name[0] not in "_~")


def wanted(schema: str) -> frozenset[str]:
    """Every migration of this code for ``schema``, by name; nothing of them is imported."""
    return frozenset().union(*(_on_disk(label) for label in app_labels(apps_of(schema))))


def _digest(lines: Iterable[str]) -> str:
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


@cache
def _rules(shop_side: bool) -> str:
    schema = "" if shop_side else PUBLIC
    lines = grants(app_role(), "any", apps_of(schema))
    return _digest(lines if shop_side else [*lines, *rules_of_walls()])


def rules(schema: str) -> str:
    """The fingerprint of this code's privileges for a schema of that side."""
    return _rules(schema != PUBLIC)


def fingerprint(migrations: Iterable[str], rules: str) -> str:
    return _digest([*sorted(migrations), rules])


@cache
def _here(shop_side: bool) -> str:
    schema = "" if shop_side else PUBLIC
    return fingerprint(wanted(schema), rules(schema))


def version_here(schema: str) -> str:
    """What the ledger says of ``schema`` when it is exactly where this code wants it."""
    return _here(schema != PUBLIC)


_served: dict[str, bool] = {}


def serves(version: str, schema: str = "") -> bool:
    """Whether a schema at ``version`` has had all that this code expects.

    A look in a dictionary; a version not seen before by this process costs one statement.
    """
    if version not in _served:
        if version != version_here(schema):
            found = SchemaVersion.objects.filter(pk=version).first()
            if found is None:  # not told yet: asked again the next time
                return False
            _served[version] = wanted(schema) <= frozenset(found.migrations)
        else:
            _served[version] = True
    return _served[version]


_public_is_served = False


def serves_public() -> bool:
    """Whether the shared tables are up to this code. One statement until they are, then none."""
    global _public_is_served  # noqa: PLW0603  # a process starts once; schemas do not go back
    if not _public_is_served:
        found = SchemaState.objects.filter(pk=PUBLIC).first()
        _public_is_served = found is not None and serves(found.version, PUBLIC)
    return _public_is_served


@dataclass(frozen=True)
class Standing:
    """Where a schema stands, by the ledger."""

    schema: str
    migrations: frozenset[str]
    rules: str
    progress: str = ""
    error: str = ""

    @property
    def missing(self) -> frozenset[str]:
        return wanted(self.schema) - self.migrations

    @property
    def lags(self) -> bool:
        """Whether it lacks a migration, or its privileges are not this code's. A schema that
        newer code has brought further is left alone."""
        if self.missing:
            return True
        return self.rules != rules(self.schema) and self.migrations == wanted(self.schema)


_READ = """
SELECT s.schema_name, v.migrations, v.rules, t.progress, t.error, s.schema_version <> t.version
FROM shops_shop s
LEFT JOIN shops_schemastate t ON t.schema = s.schema_name
LEFT JOIN shops_schemaversion v ON v.fingerprint = t.version
ORDER BY s.id
"""
_ADOPT = """
UPDATE shops_shop s SET schema_version = t.version FROM shops_schemastate t
WHERE t.schema = s.schema_name AND s.schema_version <> t.version
"""
_WRITE = """
INSERT INTO public.shops_schemastate (schema, version, since, progress, error, by)
VALUES ({schema}, {version}, now(), '', '', {by})
ON CONFLICT (schema) DO UPDATE SET version = EXCLUDED.version, progress = '', error = '',
    by = EXCLUDED.by, since = CASE WHEN public.shops_schemastate.version = EXCLUDED.version
    THEN public.shops_schemastate.since ELSE now() END;
UPDATE public.shops_shop SET schema_version = {version}
WHERE schema_name = {schema} AND schema_version <> {version}
"""
_PROGRESS = """
UPDATE public.shops_schemastate SET progress = {progress}, by = {by} WHERE schema = {schema}
"""
_ERROR = "UPDATE shops_schemastate SET error = %s, by = %s WHERE schema = %s"


def _filled(text: str, **values: str) -> str:
    literals = {name: sql.Literal(value) for name, value in values.items()}
    return sql.SQL(text).format(**literals).as_string()  # type: ignore[arg-type]


def writing(schema: str, version: str) -> str:
    """SQL for the transaction that brings ``schema`` to ``version``."""
    return _filled(_WRITE, schema=schema, version=version, by=worker_name())


def writing_progress(schema: str, progress: str) -> str:
    """SQL for the transaction of a step that is not the migration's last."""
    return _filled(_PROGRESS, schema=schema, progress=progress, by=worker_name())


def note_error(owner: BaseDatabaseWrapper, schema: str, sentence: str) -> None:
    with owner.cursor() as cursor:
        cursor.execute(_ERROR, [sentence[:300], worker_name(), schema])


@cache
def known_version(migrations: frozenset[str], rules: str) -> str:
    """The fingerprint of this set, written down so that every process can read what it means."""
    made = fingerprint(migrations, rules)
    SchemaVersion.objects.using("owner").get_or_create(
        pk=made, defaults={"migrations": sorted(migrations), "rules": rules}
    )
    return made


def stand(owner: BaseDatabaseWrapper, schema: str, migrations: frozenset[str], rules: str) -> str:
    """Write where ``schema`` stands; returns its version."""
    version = known_version(migrations, rules)
    with owner.cursor() as cursor:
        cursor.execute(writing(schema, version))
    return version


def standings(owner: BaseDatabaseWrapper) -> list[Standing | str]:
    """Every shop's standing, in one query; the bare name of a schema the ledger does not know."""
    with owner.cursor() as cursor:
        cursor.execute(_READ)
        rows = cursor.fetchall()
        if any(row[5] for row in rows):  # a row saved whole by who had read it before
            cursor.execute(_ADOPT)
    sets: dict[str, frozenset[str]] = {}
    return [
        Standing(
            schema,
            sets.setdefault(text, frozenset(json.loads(text))),
            rules_then,
            progress,
            error,
        )
        if text is not None
        else schema
        for schema, text, rules_then, progress, error, _ in rows
    ]


def read_migrations(
    owner: BaseDatabaseWrapper, schemas: Iterable[str]
) -> dict[str, frozenset[str] | None]:
    """What the schemas themselves say (``django_migrations``), a hundred a query; None for one
    that has no such table."""
    found: dict[str, frozenset[str] | None] = dict.fromkeys(schemas)
    with owner.cursor() as cursor:
        cursor.execute(
            "SELECT schemaname FROM pg_tables WHERE tablename = 'django_migrations' "
            "AND schemaname = ANY(%s)",
            [list(found)],
        )
        there = sorted(name for (name,) in cursor.fetchall())
        for start in range(0, len(there), 100):
            reads = " UNION ALL ".join(
                f"SELECT {sql.Literal(name).as_string()}, array_agg(app || '.' || name) "
                f"FROM {sql.Identifier(name).as_string()}.django_migrations"
                for name in there[start : start + 100]
            )
            cursor.execute(reads)
            found |= {name: frozenset(rows or ()) for name, rows in cursor.fetchall()}
    return found


def may_work(shop: Shop | None) -> bool:
    """Whether this code may work in ``shop``'s schema, or in public: neither is behind it."""
    return serves_public() and (shop is None or serves(shop.schema_version))


def served_shops() -> list[Shop]:
    """The open shops whose schema this code may touch; the others wait for ``migrate_shops``."""
    return [shop for shop in Shop.objects.filter(closed_at=None) if serves(shop.schema_version)]


def worker_name() -> str:
    """Who writes the ledger: host and pid, for whoever wonders what runs."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"
