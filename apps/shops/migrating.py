"""Bringing schemas to the code's state, with the owner's role.

An empty database is made from the models' final state and its migrations are recorded as
applied: about two seconds, where dj-stripe's own migrations cost more than a minute of
re-rendered states. ``tests/house/test_real_migrations.py`` holds the two ways equal.
Everything after the first time runs real migrations.
"""

from collections.abc import Callable

from django.apps import apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.db import models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from apps.core.postgres.base import DatabaseWrapper
from apps.core.queue import PREPARE
from apps.core.tenancy import database
from apps.shops.models import TEMPLATE_SCHEMA, Shop
from apps.shops.privileges import grant_public, grant_schema

Say = Callable[[str], None]

# Their packages' models say a four-byte id; the migrations, rendered with our
# DEFAULT_AUTO_FIELD, make it eight bytes wide.
_WIDER_BY_MIGRATION = (
    "auth_group_permissions",
    "djstripe_djstripeinvoicedefaulttaxrate",
    "djstripe_djstripeinvoiceitemtaxrate",
    "djstripe_djstripesubscriptionitemtaxrate",
)


def owner_connection() -> DatabaseWrapper:
    """The connection of the role that owns schemas; only migrating and provisioning use it."""
    return database("owner")


def app_labels(names: list[str]) -> set[str]:
    return {config.label for config in apps.get_app_configs() if config.name in names}


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


def _executor(connection: DatabaseWrapper, shop_side: bool) -> MigrationExecutor:
    executor = MigrationExecutor(connection)
    if shop_side:
        executor.loader = ShopLoader(connection)
    return executor


def pending(schema: str) -> list[str]:
    """The migrations that ``schema`` has not had yet, in order."""
    connection = owner_connection()
    connection.set_schema(schema, include_public=False)
    try:
        executor = _executor(connection, schema != "public")
        wanted = None if schema != "public" else app_labels(settings.SHARED_APPS)
        targets = [
            node for node in executor.loader.graph.leaf_nodes() if not wanted or node[0] in wanted
        ]
        return [f"{m.app_label}.{m.name}" for m, _ in executor.migration_plan(targets)]
    finally:
        connection.set_schema_to_public()


def migrate_schema(schema: str) -> int:
    """Run what is pending in ``schema``; returns how many migrations that was."""
    connection = owner_connection()
    connection.set_schema(schema, include_public=False)
    try:
        executor = _executor(connection, schema != "public")
        wanted = app_labels(settings.SHARED_APPS if schema == "public" else settings.TENANT_APPS)
        targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] in wanted]
        plan = executor.migration_plan(targets)
        if plan:
            executor.migrate(targets, plan)
        return len(plan)
    finally:
        connection.set_schema_to_public()


def create_from_models(schema: str) -> None:
    """Make every table of ``schema`` from the models, and record the migrations as applied."""
    connection = owner_connection()
    names = settings.SHARED_APPS if schema == "public" else settings.TENANT_APPS
    labels = app_labels(names)
    connection.set_schema(schema, include_public=False)
    try:
        with transaction.atomic(using="owner"), connection.schema_editor() as editor:
            for model in _models_in_order(labels):
                editor.create_model(model)
            for table in _WIDER_BY_MIGRATION if schema == "public" else ():
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
    finally:
        connection.set_schema_to_public()


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


def _has_tables(schema: str) -> bool:
    with owner_connection().cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_tables WHERE schemaname = %s LIMIT 1", [schema])
        return cursor.fetchone() is not None


def bring_up(say: Say) -> None:
    """Public, the template, then every shop: made if absent, migrated if behind."""
    owner_connection().set_schema_to_public()
    if _has_tables("public"):
        _told(say, "public", migrate_schema("public"))
    else:
        say("public : tables créées")
        create_from_models("public")
    _fill_content_types()
    _prepare_queue()
    grant_public(owner_connection())
    if schema_exists(TEMPLATE_SCHEMA):
        _told(say, TEMPLATE_SCHEMA, migrate_schema(TEMPLATE_SCHEMA))
    else:
        say(f"{TEMPLATE_SCHEMA} : tables créées")
        with transaction.atomic(using="owner"):
            with owner_connection().cursor() as cursor:
                cursor.execute(f"CREATE SCHEMA {TEMPLATE_SCHEMA}")
            create_from_models(TEMPLATE_SCHEMA)
    grant_schema(owner_connection(), TEMPLATE_SCHEMA)
    for schema in Shop.objects.using("owner").order_by("pk").values_list("schema_name", flat=True):
        done = migrate_schema(schema)
        if done:
            grant_schema(owner_connection(), schema)
            _told(say, schema, done)


def _prepare_queue() -> None:
    """The queue's table is django-q2's: what it lacks is given to it by hand. Idempotent."""
    with owner_connection().cursor() as cursor:
        cursor.execute(PREPARE)


def _told(say: Say, schema: str, count: int) -> None:
    if count:
        say(f"{schema} : {count} migration(s)")


def _fill_content_types() -> None:
    """What ``post_migrate`` would do for the admin: content types and permissions."""
    for config in apps.get_app_configs():
        if config.name in settings.SHARED_APPS:
            create_contenttypes(config, verbosity=0, using="owner")
            create_permissions(config, verbosity=0, using="owner")
