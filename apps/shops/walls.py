"""Walls in the shared tables: forced row-level security by the schema one stands in.

A model of ``public`` that holds rows of shops says ``walled_by = "<field>"``: the field whose
column is the schema's name, so that no join is needed (a key to the shop by
``to_field="schema_name"``; a plain name where ``public`` has rows too). With ``read_by_all`` its
rows can be read from anywhere, and still be written by their shop alone. A forgotten filter then
finds what is the shop's own, and in public nothing of any shop. That is what walls are for: who
can run SQL of their own as the application can also step into another schema.

Tables that are not ours say whose a row is by an account of the shop's elsewhere
(``settings.WALLED_BY_ACCOUNT``): theirs is the wall of the shop that has the account.
"""

from dataclasses import dataclass
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.db import models

from apps.core.tenancy import PLATFORM_ROLE

# ``name`` collates as "C" and the column does not: without this no index would serve.
_HERE = 'current_schema()::text COLLATE "default"'


@dataclass(frozen=True, slots=True)
class Wall:
    """One walled table; ``column`` holds the name of the schema to which a row belongs."""

    model: type[models.Model]
    column: str
    read_by_all: bool = False

    @property
    def table(self) -> str:
        return str(self.model._meta.db_table)

    @property
    def own(self) -> str:
        """The condition that a row is of the schema one stands in."""
        return f"({self.column})::text = {_HERE}"

    def policies(self, owner: str) -> dict[str, str]:
        """Policy name → the rest of its ``CREATE POLICY … ON …``."""
        own = self.own
        made = {
            "of_the_shop": f"USING ({own}) WITH CHECK ({own})",
            "across_shops": f"TO {PLATFORM_ROLE} USING (true) WITH CHECK (true)",
            "of_the_owner": f"TO {owner} USING (true) WITH CHECK (true)",
        }
        if self.read_by_all:
            made["read_by_all"] = "FOR SELECT USING (true)"
        return made


@dataclass(frozen=True, slots=True)
class AccountWall(Wall):
    """A table whose ``column`` names an account elsewhere; a row without one is the platform's,
    and read by all. ``accounts``: table, name and schema of the shops' accounts."""

    accounts: tuple[str, str, str] = ("", "", "")

    @property
    def own(self) -> str:
        table, name, schema = self.accounts
        theirs = f"one.{name} = {self.column} AND (one.{schema})::text = {_HERE}"
        return f"({self.column} IS NULL OR EXISTS (SELECT FROM public.{table} one WHERE {theirs}))"


def every_wall() -> list[Wall]:
    return [*walls(), *account_walls()]


def account_walls() -> list[AccountWall]:
    """Every table of others that holds rows of the shops' accounts, by name."""
    field, accounts = settings.WALLED_BY_ACCOUNT
    found = (
        AccountWall(model, _column(model, field), accounts=accounts)
        for config in apps.get_app_configs()
        if config.name in settings.SHARED_APPS
        for model in config.get_models()
        if any(one.name == field for one in model._meta.concrete_fields)
    )
    return sorted(found, key=lambda wall: wall.table)


def walls() -> list[Wall]:
    """Every walled table of ``public`` that is ours, by name."""
    return sorted(
        (
            Wall(model, _column(model, model.walled_by), getattr(model, "read_by_all", False))
            for config in apps.get_app_configs()
            if config.name in settings.SHARED_APPS
            for model in config.get_models()
            if hasattr(model, "walled_by")
        ),
        key=lambda wall: wall.table,
    )


def rules_of_walls() -> list[str]:
    """Every policy as a line that changes when it does."""
    return [
        f"{wall.table} {name} {text}"
        for wall in every_wall()
        for name, text in wall.policies("").items()
    ]


def _column(model: type[models.Model], field: str) -> str:
    return str(cast("models.Field[Any, Any]", model._meta.get_field(field)).column)
