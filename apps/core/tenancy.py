"""Where the connection stands: in a shop's schema, in public, or across all shops.

Shared tables that hold a shop's rows are walled (``shops.walls``): the database shows them to
their own shop alone, and in public to nobody. Platform code that needs the rows of several
shops says so by ``across_shops``, the only door.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.db import connections
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, get_tenant_model

from apps.core.postgres.base import DatabaseWrapper

# Holds no login and nothing of its own; the application's role may become it, and does so
# nowhere but in ``across_shops``.
PLATFORM_ROLE = "comptoir_platform"


def database(alias: str = "default") -> DatabaseWrapper:
    return cast(DatabaseWrapper, connections[alias])


def current_schema() -> str:
    """``public``, or the schema of the shop whose host or job this is."""
    return str(database().schema_name)


def use_public() -> None:
    database().set_schema_to_public()


def stood_in(shop: Any) -> None:
    """A statement has moved the connection into the shop's schema. Only the host middleware
    calls this; everything else uses ``in_schema``."""
    database().stood_in(shop)


def one_at_a_time(what: str) -> None:
    """Wait, in this schema, for whoever does the same, and hold it until this transaction ends:
    where no row stands that one could lock."""
    with database().cursor() as cursor:
        name = f"{what}:{current_schema()}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


@contextmanager
def in_schema(schema: str) -> Iterator[None]:
    """Stand in ``schema`` for a while, and step back to where one was.

    Inside ``across_shops`` too one is here the shop and nothing more.
    """
    connection = database()
    before, role = connection.tenant, connection.role
    connection.set_schema(schema)
    try:
        yield
    finally:
        connection.set_tenant(before)
        connection.role = role


@contextmanager
def across_shops() -> Iterator[None]:
    """See and change the walled rows of every shop: the platform's own pages and its clock.

    The platform's role reads the shared tables and no shop's schema. Rows must be fetched
    inside: a queryset read after the door is closed finds what it would find without.
    """
    connection = database()
    before = connection.role
    connection.step_into_role(PLATFORM_ROLE)
    try:
        yield
    finally:
        connection.step_into_role(before)


@contextmanager
def by_the_clock_of(schema: str) -> Iterator[Any]:
    """Days and hours as the shop lives them; the platform's own in ``public``.

    Yields the shop, or None.
    """
    is_shop = schema != get_public_schema_name()
    # The other sixty columns are not fetched for it.
    shops = get_tenant_model().objects.only("region", "schema_version")
    shop = shops.get(schema_name=schema) if is_shop else None
    with timezone.override(shop.zone if shop else None):
        yield shop
