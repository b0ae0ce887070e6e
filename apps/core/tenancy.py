"""The schema the connection stands in, with types: django-tenants patches it in at run time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.db import connections
from django.utils import timezone
from django_tenants.postgresql_backend.base import DatabaseWrapper
from django_tenants.utils import get_public_schema_name, get_tenant_model


def database(alias: str = "default") -> DatabaseWrapper:
    return cast(DatabaseWrapper, connections[alias])


def current_schema() -> str:
    """``public``, or the schema of the shop whose host or job this is."""
    return str(database().schema_name)


def use_public() -> None:
    database().set_schema_to_public()


def use_shop(shop: Any) -> None:
    """Only the host middleware and tests call this; everything else uses ``in_schema``."""
    database().set_tenant(shop)


@contextmanager
def in_schema(schema: str) -> Iterator[None]:
    """Stand in ``schema`` for a while, and step back to where one was."""
    connection = database()
    before = connection.tenant
    connection.set_schema(schema)
    try:
        yield
    finally:
        connection.set_tenant(before)


@contextmanager
def by_the_clock_of(schema: str) -> Iterator[None]:
    """Days and hours as the shop lives them; the platform's own in ``public``."""
    is_shop = schema != get_public_schema_name()
    zone = get_tenant_model().objects.get(schema_name=schema).zone if is_shop else None
    with timezone.override(zone):
        yield
