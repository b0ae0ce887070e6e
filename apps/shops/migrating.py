"""Bringing schemas to the code's state, with the owner's role.

An empty database is made from the models' final state and its migrations are recorded as
applied: about two seconds, where dj-stripe's own migrations cost more than a minute of
re-rendered states. ``tests/house/test_real_migrations.py`` holds the two ways equal.
Everything after the first time runs real migrations: on public, then on the template, where
Django is listened to (``scripts``); every shop then gets the same SQL, cut so that no counter
waits (``steps``), many at once (``fleet``). A migration that needs Python runs in each.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.db import models, transaction
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from apps.core.postgres.base import DatabaseWrapper
from apps.core.queue import PREPARE
from apps.core.tenancy import database
from apps.shops import ledger
from apps.shops.ledger import PUBLIC, app_labels
from apps.shops.models import TEMPLATE_SCHEMA, MigrationScript
from apps.shops.privileges import grant_public, grant_schema
from apps.shops.scripts import listening

Say = Callable[[str], None]

# Their packages' models say a four-byte id; the migrations, rendered with our
# DEFAULT_AUTO_FIELD, make it eight bytes wide.
_WIDER_BY_MIGRATION = (
    "auth_group_permissions",
    "djstripe_djstripeinvoicedefaulttaxrate",
    "djstripe_djstripeinvoiceitemtaxrate",
    "djstripe_djstripesubscriptionitemtaxrate",
)
# Held shared by who replays the template, alone by who changes it.
TEMPLATE_LOCK = 7202


def owner_connection() -> DatabaseWrapper:
    """The connection of the role that owns schemas; only migrating and provisioning use it."""
    return database("owner")


class PartialLoader(MigrationLoader):
    """Only the migrations of one side of the house: a shop's schema knows nothing of public.

    Django would otherwise render the state of every shared app (dj-stripe's 60 tables among
    them) for each shop: 80 seconds a schema.
    """

    labels: set[str] = set()

    def load_disk(self) -> None:
        super().load_disk()
        self.disk_migrations = {
            key: value for key, value in self.disk_migrations.items() if key[0] in self.labels
        }
        self.unmigrated_apps = set()
        self.migrated_apps &= self.labels


class ShopLoader(PartialLoader):
    labels = app_labels(settings.TENANT_APPS)


def executor_for(schema: str) -> MigrationExecutor:
    """Django's executor on the owner's connection, which stands in ``schema``."""
    executor = MigrationExecutor(owner_connection())
    if schema != PUBLIC:
        executor.loader = ShopLoader(owner_connection())
    return executor


@contextmanager
def alone_in(schema: str) -> Iterator[DatabaseWrapper]:
    """The owner's connection with ``schema`` and nothing else in its path."""
    connection = owner_connection()
    connection.set_schema(schema, include_public=False)
    try:
        yield connection
    finally:
        connection.set_schema_to_public()


def _targets(executor: MigrationExecutor, schema: str) -> list[tuple[str, str]]:
    labels = app_labels(ledger.apps_of(schema))
    return [node for node in executor.loader.graph.leaf_nodes() if node[0] in labels]


def migrate_schema(schema: str) -> int:
    """Run what is pending in ``schema`` with Django alone; returns how many migrations it was."""
    with alone_in(schema):
        executor = executor_for(schema)
        targets = _targets(executor, schema)
        plan = executor.migration_plan(targets)
        if plan:
            executor.migrate(targets, plan)
        return len(plan)


def migrate_template() -> int:
    """Run what is pending in the template, and keep what each migration did there.

    Whoever provisions meanwhile waits; nobody replays a template that is half way.
    """
    with _template_lock(owner_connection()):
        with alone_in(TEMPLATE_SCHEMA):
            executor = executor_for(TEMPLATE_SCHEMA)
            plan = executor.migration_plan(_targets(executor, TEMPLATE_SCHEMA))
        state = None
        for migration, _ in plan:
            with transaction.atomic(using="owner") if migration.atomic else nullcontext():
                state = _listen_to(executor, migration, state)
                stand_by_itself(TEMPLATE_SCHEMA)
        with alone_in(TEMPLATE_SCHEMA):
            executor.check_replacements()
    return len(plan)


def _listen_to(executor: MigrationExecutor, migration: Migration, state: Any) -> Any:
    name = (migration.app_label, migration.name)
    with alone_in(TEMPLATE_SCHEMA) as connection, listening(connection, migration) as heard:
        state = executor.migrate([name], [(migration, False)], state=state)
    MigrationScript.objects.using("owner").update_or_create(
        pk=".".join(name),
        defaults={"statements": None if heard.needs_python else heard.statements},
    )
    return state


@contextmanager
def _template_lock(connection: DatabaseWrapper) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [TEMPLATE_LOCK])


def create_from_models(schema: str) -> None:
    """Make every table of ``schema`` from the models, and record the migrations as applied."""
    labels = app_labels(ledger.apps_of(schema))
    with alone_in(schema) as connection:
        with transaction.atomic(using="owner"), connection.schema_editor() as editor:
            for model in _models_in_order(labels):
                editor.create_model(model)
            for table in _WIDER_BY_MIGRATION if schema == PUBLIC else ():
                editor.execute(f"ALTER TABLE {table} ALTER COLUMN id TYPE bigint")
        recorder = MigrationRecorder(connection)
        recorder.ensure_schema()
        loader = MigrationLoader(None)
        rows = [
            recorder.Migration(app=app, name=name)
            for app, name in sorted(loader.disk_migrations)
            if app in labels
        ]
        recorder.Migration.objects.using("owner").bulk_create(rows)


def _models_in_order(labels: set[str]) -> list[type[models.Model]]:
    """Concrete managed models; the schema editor defers foreign keys, so any order serves."""
    return [
        model
        for config in apps.get_app_configs()
        if config.label in labels
        for model in config.get_models(include_auto_created=False)
        if model._meta.managed and not model._meta.proxy
    ]


def schema_exists(schema: str) -> bool:
    with owner_connection().cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema])
        return cursor.fetchone() is not None


def has_tables(schema: str) -> bool:
    with owner_connection().cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_tables WHERE schemaname = %s LIMIT 1", [schema])
        return cursor.fetchone() is not None


def stand_by_itself(schema: str) -> None:
    """Write into the ledger where ``schema`` stands, by its own ``django_migrations``."""
    found = _migrations_in(schema)
    ledger.stand(owner_connection(), schema, found, ledger.rules(schema))


def _migrations_in(schema: str) -> frozenset[str]:
    return ledger.read_migrations(owner_connection(), [schema])[schema] or frozenset()


def bring_up_public(say: Say) -> None:
    """The shared tables: made if absent, migrated if behind; content types, privileges."""
    if not has_tables(PUBLIC):
        say("public : tables créées")
        with transaction.atomic(using="owner"):
            create_from_models(PUBLIC)
    elif ledger.wanted(PUBLIC) - _migrations_in(PUBLIC):
        _told(say, PUBLIC, migrate_schema(PUBLIC))
    _fill_content_types()
    _prepare_queue()
    grant_public(owner_connection())
    stand_by_itself(PUBLIC)


def bring_up_template(say: Say) -> None:
    """The schema that new shops are replayed from: made if absent, migrated if behind."""
    if not schema_exists(TEMPLATE_SCHEMA):
        say(f"{TEMPLATE_SCHEMA} : tables créées")
        with transaction.atomic(using="owner"):
            with owner_connection().cursor() as cursor:
                cursor.execute(f"CREATE SCHEMA {TEMPLATE_SCHEMA}")
            create_from_models(TEMPLATE_SCHEMA)
    elif ledger.wanted(TEMPLATE_SCHEMA) - _migrations_in(TEMPLATE_SCHEMA):
        _told(say, TEMPLATE_SCHEMA, migrate_template())
    grant_schema(owner_connection(), TEMPLATE_SCHEMA)
    stand_by_itself(TEMPLATE_SCHEMA)


def _prepare_queue() -> None:
    """The queue's table is django-q2's: what it lacks is given to it by hand. Idempotent."""
    with owner_connection().cursor() as cursor:
        cursor.execute(PREPARE)


def _told(say: Say, schema: str, count: int) -> None:
    if count:
        say(f"{schema} : {count} migration{'s' if count > 1 else ''}")


def _fill_content_types() -> None:
    """What ``post_migrate`` would do for the admin: content types and permissions."""
    for config in apps.get_app_configs():
        if config.name in settings.SHARED_APPS:
            create_contenttypes(config, verbosity=0, using="owner")
            create_permissions(config, verbosity=0, using="owner")
