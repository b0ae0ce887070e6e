"""A new version reaches every shop: alike, whatever happens meanwhile, and nobody waits."""

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.db import connections

from apps.core.tenancy import database
from apps.shops.blueprint import Blueprint, read_blueprint
from apps.shops.models import TEMPLATE_SCHEMA
from tests import environment

pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases=["default", "owner"])]

SHOPS = 8


@dataclass
class Ground:
    """A database of its own, and processes of Comptoir on it."""

    name: str

    def environment(self, later: str = "") -> dict[str, str]:
        version = {"LATER": later, "DJANGO_SETTINGS_MODULE": "tests.shops.later.settings"}
        return {
            **os.environ,
            **environment.environment(self.name),
            **(version if later else {"DJANGO_SETTINGS_MODULE": "config.settings"}),
        }

    def start(self, *arguments: str, later: str = "", **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=environment.ROOT,
            env=self.environment(later),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def run(self, *arguments: str, later: str = "") -> tuple[int, str]:
        process = self.start(*arguments, later=later)
        said, _ = process.communicate(timeout=120)
        return process.returncode, said

    def deploy(self, later: str, *options: str) -> tuple[int, str]:
        return self.run("manage.py", "migrate_shops", *options, later=later)

    def owner(self) -> psycopg.Connection[Any]:
        url = self.environment()["DATABASE_OWNER_URL"]
        return psycopg.connect(url, autocommit=True)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.owner() as link:
            return link.execute(query, values).fetchall()

    def shops(self) -> list[str]:
        return [name for (name,) in self.rows("SELECT schema_name FROM shops_shop ORDER BY id")]

    def blueprints(self) -> dict[str, Blueprint]:
        """How the template and each shop look."""
        owner = database("owner")
        made = type(owner)({**owner.settings_dict, "NAME": self.name}, "owner")
        try:
            return {name: read_blueprint(made, name) for name in (TEMPLATE_SCHEMA, *self.shops())}
        finally:
            made.close()


@pytest.fixture(scope="module")
def fleet() -> Ground:
    ground = Ground(f"{environment.NAME}_fleet")
    environment.copy_database(environment.BASE, ground.name)
    code, said = ground.run("-m", "tests.shops.later.drive", "provision", str(SHOPS))
    assert code == 0, said
    return ground


@pytest.fixture
def ground(fleet: Ground) -> Ground:
    connections.close_all()
    copy = Ground(f"{environment.NAME}_deploy")
    environment.copy_database(fleet.name, copy.name)
    return copy


def test_every_shop_gets_what_django_would_have_made(fleet, ground):
    other = Ground(f"{environment.NAME}_django")
    environment.copy_database(fleet.name, other.name)
    code, said = other.run("-m", "tests.shops.later.drive", "by_django", later="everything")
    assert code == 0, said
    code, said = ground.deploy("everything")
    assert code == 0, said
    ours, djangos = ground.blueprints(), other.blueprints()
    assert ours[TEMPLATE_SCHEMA] == djangos[TEMPLATE_SCHEMA]
    for shop in ground.shops():
        assert sorted(ours[shop].statements) == sorted(djangos[shop].statements)
        assert sorted(ours[shop].grants) == sorted(djangos[shop].grants)
