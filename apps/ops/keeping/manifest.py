"""What a backup says of itself, and whether this code and this database may read it."""

from datetime import datetime
from typing import Any

from django.apps import apps
from django.conf import settings

from apps.core.tenancy import DatabaseWrapper
from apps.core.tokens import keyed_hash
from apps.ops.keeping.contents import public_rows, tables
from apps.ops.keeping.refusals import (
    NewerSchema,
    NotOurs,
    NotReady,
    OlderSchema,
    OtherFormat,
    OtherKey,
    OtherTables,
)
from apps.ops.models import Erasure
from apps.shops.models import TEMPLATE_SCHEMA, Shop

FORMAT = 1
BACKUP = "comptoir-boutique"

State = dict[str, list[str]]


def key_mark() -> str:
    """Tells two secret keys apart and says nothing of them."""
    return keyed_hash("keeping", "which key")[:16]


def state_of(connection: DatabaseWrapper, schema: str) -> State:
    """The migrations a shop's rows depend on: its schema's, and those of the shared rooms."""
    rooms = {"shops", "accounts", *_rooms()}
    ours = {c.label for c in apps.get_app_configs() if c.name in settings.TENANT_APPS}
    found: State = {}
    with connection.cursor() as cursor:
        for side, space, labels in (("shop", schema, ours), ("public", "public", rooms)):
            cursor.execute(
                f"SELECT app || '.' || name FROM \"{space}\".django_migrations "
                "WHERE app = ANY(%s) ORDER BY 1",
                [sorted(labels)],
            )
            found[side] = [name for (name,) in cursor.fetchall()]
    return found


def _rooms() -> set[str]:
    return {one.model._meta.app_label for one in public_rows() if not one.is_left_out}


def describe(shop: Shop, state: State, now: datetime) -> dict[str, Any]:
    """The head of a backup's manifest."""
    return {
        "what": BACKUP,
        "format": FORMAT,
        "version": settings.VERSION,
        "made_at": now.isoformat(),
        "slug": shop.slug,
        "schema": shop.schema_name,
        "key": key_mark(),
        "state": state,
    }


def check_readable(manifest: dict[str, Any]) -> None:
    """Raises ``NotOurs``, ``OtherFormat`` or ``OtherKey``."""
    if manifest.get("what") != BACKUP:
        raise NotOurs(wanted="une sauvegarde de boutique")
    if manifest["format"] != FORMAT:
        raise OtherFormat(found=manifest["format"], known=FORMAT, version=manifest["version"])
    if manifest["key"] != key_mark():
        raise OtherKey()


def check_fits(connection: DatabaseWrapper, manifest: dict[str, Any]) -> None:
    """Raises ``NotReady``, ``NewerSchema``, ``OlderSchema`` or ``OtherTables``."""
    shared = tables(connection, "public")
    if not tables(connection, TEMPLATE_SCHEMA) or Erasure._meta.db_table not in shared:
        raise NotReady()
    here, there = state_of(connection, TEMPLATE_SCHEMA), manifest["state"]
    version = manifest["version"]
    if newer := _beyond(there, here):
        raise NewerSchema(names=", ".join(newer), version=version)
    if older := _beyond(here, there):
        raise OlderSchema(names=", ".join(older), version=version)
    made = {name: sorted(columns) for name, columns in tables(connection, TEMPLATE_SCHEMA).items()}
    kept = {name: sorted(columns) for name, columns in manifest["tables"].items()}
    odd = [name for name in sorted({*made, *kept}) if made.get(name) != kept.get(name)]
    if odd:
        raise OtherTables(names=", ".join(odd))


def _beyond(one: State, other: State) -> list[str]:
    return [name for side in ("shop", "public") for name in one[side] if name not in other[side]]
