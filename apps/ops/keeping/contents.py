"""What belongs to a shop, read from the catalogue and from what models say of themselves.

The tables of its schema, whatever they are; the rows of shared tables that name the shop; the
people those rows and the ledgers name; its files in the media storage. A new room need not
register anywhere: its tables and files are found, and it says on its models only

- ``names_files = ("field",)``: columns that hold the name of a file in the storage;
- ``kept_by_law = ("reason", years)``: rows that outlive the shop (see ``archiving``).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connections, models
from django_q.models import OrmQ, Task

from apps.accounts.models import Pin, PlatformMail, Session, User
from apps.core.jobs import Lane
from apps.core.models import Due
from apps.core.queue import key_of
from apps.core.tenancy import DatabaseWrapper, database
from apps.ops.models import Erasure
from apps.payments.models import (
    Charge,
    Dispute,
    Payout,
    PlanBill,
    Refund,
    ShopAccount,
    Subscriber,
)
from apps.shops.models import Shop
from config.env import database as read_url

ALIAS = "keeping"
# Columns of a shop's tables that hold a user's id, where ``actor_kind`` (if there is one) says so.
USER_COLUMNS = ("actor_id", "created_by", "decided_by")
USER_KINDS = ("team", "staff")
# They name a shop and are no part of it: whoever comes back signs in again and chooses a PIN,
# letters and the register of what was erased are the platform's own, and what is due follows from
# the shop. A copy has subscribed to nothing and has no account.
LEFT_OUT = (
    Session,
    Pin,
    PlatformMail,
    Erasure,
    Due,
    Subscriber,
    ShopAccount,
    PlanBill,
    Charge,
    Refund,
    Dispute,
    Payout,
)

_COLUMNS = """
SELECT c.relname, array_agg(a.attname ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r'
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY c.relname ORDER BY c.relname
"""
_SEQUENCES = """
SELECT c.relname, a.attname,
       pg_get_serial_sequence(format('%%I.%%I', n.nspname, c.relname), a.attname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = %s AND c.relkind = 'r' AND a.attidentity <> '' ORDER BY 1, 2
"""


@contextmanager
def opened(url: str = "") -> Iterator[DatabaseWrapper]:
    """A connection of its own in the owner's role, whatever transaction the caller is in.

    ``url`` names another database, by its owner's role.
    """
    entry = {**settings.DATABASES["owner"], "CONN_MAX_AGE": 0}
    entry |= read_url(url) if url else {}
    # Opened once and closed for good: no pool.
    entry["OPTIONS"] = {k: v for k, v in entry["OPTIONS"].items() if k != "pool"}
    connections.databases[ALIAS] = entry
    try:
        yield database(ALIAS)
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.databases[ALIAS]


def tables(connection: DatabaseWrapper, schema: str) -> dict[str, list[str]]:
    """Each table of ``schema`` and its columns, by name."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [schema])
        return dict(cursor.fetchall())


def sequences(connection: DatabaseWrapper, schema: str) -> list[tuple[str, str, str]]:
    """Table, column and sequence of each identity in ``schema``."""
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES, [schema])
        return list(cursor.fetchall())


def shop_models() -> list[type[models.Model]]:
    """The models whose tables stand in each shop's schema."""
    return [m for m in apps.get_models() if _app(m) in settings.TENANT_APPS]


def _app(model: type[models.Model]) -> str:
    return apps.get_app_config(model._meta.app_label).name


@dataclass(frozen=True, slots=True)
class PublicRows:
    """A shared table with rows of shops; ``column`` holds the shop's ``says`` (an attribute)."""

    model: type[models.Model]
    column: str
    says: str

    @property
    def name(self) -> str:
        return f"public/{self.model._meta.db_table}.jsonl"

    @property
    def table(self) -> str:
        return f'public."{self.model._meta.db_table}"'

    @property
    def is_left_out(self) -> bool:
        return self.model in LEFT_OUT

    def of(self, shop: Shop) -> Any:
        """What stands in ``column`` in the rows of ``shop``."""
        return getattr(shop, self.says)

    def rows(self, connection: DatabaseWrapper, shop: Shop) -> list[dict[str, Any]]:
        """Whole rows of the shop, columns as PostgreSQL writes them in JSON."""
        key = self.model._meta.pk
        assert key
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT to_json(t)::text FROM {self.table} t WHERE "{self.column}" = %s '
                f'ORDER BY "{key.column}"',
                [self.of(shop)],
            )
            return [json.loads(row) for (row,) in cursor.fetchall()]


def public_rows() -> list[PublicRows]:
    """Every shared table that holds rows of shops but the shop's own, as the models say it:
    by a key to the shop, or by the wall it stands behind."""
    found = []
    for model in apps.get_models():
        if _app(model) not in settings.SHARED_APPS or model is Shop:
            continue
        walled = model._meta.get_field(model.walled_by) if hasattr(model, "walled_by") else None
        for field in model._meta.concrete_fields:
            if field.related_model is Shop:
                says = field.target_field.attname  # type: ignore[attr-defined]
                found.append(PublicRows(model, str(field.column), says))
            elif field is walled:
                found.append(PublicRows(model, str(field.column), "schema_name"))
    return sorted(found, key=lambda one: one.model._meta.db_table)


def user_columns(model: type[models.Model]) -> list[str]:
    """The columns of a shared model that are keys to a user."""
    return [str(f.column) for f in model._meta.concrete_fields if f.related_model is User]


def actor_columns() -> Iterator[tuple[str, str, str]]:
    """Table, column and condition of each user's id that stands in a shop's schema."""
    kinds = ", ".join(f"'{kind}'" for kind in USER_KINDS)
    for model in shop_models():
        names = {field.column for field in model._meta.concrete_fields}
        condition = f"actor_kind IN ({kinds})" if "actor_kind" in names else "true"
        for column in USER_COLUMNS:
            if column in names:
                yield model._meta.db_table, column, condition


def file_columns() -> Iterator[tuple[str, str]]:
    """Table and column of each name of a stored file that stands in a shop's schema."""
    for model in shop_models():
        fields = {f.name: str(f.column) for f in model._meta.concrete_fields}
        uploads = {f.name for f in model._meta.concrete_fields if isinstance(f, models.FileField)}
        for name in sorted(uploads | set(getattr(model, "names_files", ()))):
            yield model._meta.db_table, fields[name]


def job_keys(schema: str) -> list[str]:
    return [key_of(lane, schema) for lane in Lane]


def forget_jobs(schema: str) -> None:
    """What is queued for the shop, and what of it was given up."""
    OrmQ.objects.using(ALIAS).filter(key__in=job_keys(schema)).delete()
    Task.objects.using(ALIAS).filter(group__in=job_keys(schema)).delete()


def media(folder: str) -> Iterator[str]:
    """The names of all files under ``folder`` in the media storage."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{name}" for name in sorted(files) if name)
    for below in sorted(folders):
        yield from media(f"{folder}/{below}")


def remove_media(schema: str) -> int:
    """Every file of the shop; on a disk also its folders. Returns how many files."""
    names = list(media(schema))
    for name in names:
        default_storage.delete(name)
    folders = {schema, *(name.rpartition("/")[0] for name in names)}
    for folder in sorted(folders, key=len, reverse=True):
        default_storage.delete(folder)
    return len(names)
