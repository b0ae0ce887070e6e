"""Shops that are really there: backups are read and written on connections of their own, so
nothing here runs inside a test's transaction, and each file of tests sweeps behind itself."""

import os
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone
from psycopg import sql

from apps.ops.keeping.writing import backup
from apps.shops.models import Shop
from tests.ops.keeping import full

STAYING = ["cave", "cafe"]
PEOPLE = (
    "accounts_session",
    "accounts_membership",
    "accounts_invitation",
    "account_emailaddress",
    "accounts_user",
    "shops_domainclaim",
    "django_q_ormq",
)


def sweep(staying: list[str], *, people: bool = False) -> None:
    """Only the shops of ``staying`` remain; with ``people``, nobody either."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        found = owner.execute("SELECT schema_name FROM shops_shop WHERE slug <> ALL(%s)", [staying])
        for (schema,) in found.fetchall():
            owner.execute(
                sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema))
            )
            shutil.rmtree(Path(settings.MEDIA_ROOT) / schema, ignore_errors=True)
            for table in ("accounts_membership", "accounts_invitation", "shops_domainclaim"):
                owner.execute(_OF_SHOP.format(table=table, column="shop_id"), [schema])
            owner.execute(_OF_SHOP.format(table="shops_domain", column="tenant_id"), [schema])
            owner.execute("DELETE FROM shops_shop WHERE schema_name = %s", [schema])
        for table in PEOPLE if people else ():
            owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


_OF_SHOP = "DELETE FROM {table} WHERE {column} = (SELECT id FROM shops_shop WHERE schema_name = %s)"


@pytest.fixture(scope="module")
def _full(django_db_setup: None, django_db_blocker) -> Iterator[tuple[str, bytes]]:
    """The full shop, for all tests of a file, and its backup as it was then."""
    with django_db_blocker.unblock():
        connection.set_schema_to_public()
        shop = full.full_shop()
        kept = BytesIO()
        backup(full.SLUG, kept, timezone.now())
        connections.close_all()
    yield shop.schema_name, kept.getvalue()
    sweep(STAYING, people=True)


@pytest.fixture(autouse=True)
def _for_real(_full: tuple[str, bytes], django_db_blocker) -> Iterator[None]:
    """Statements of a test are committed; shops that it makes leave with it."""
    with django_db_blocker.unblock():
        connection.set_schema_to_public()
        yield
        connections.close_all()
    sweep([*STAYING, full.SLUG])


@pytest.fixture
def kept(_full: tuple[str, bytes]) -> BytesIO:
    """The backup of the full shop."""
    return BytesIO(_full[1])


@pytest.fixture
def full_shop(_full: tuple[str, bytes]) -> Shop:
    return Shop.objects.get(schema_name=_full[0])
