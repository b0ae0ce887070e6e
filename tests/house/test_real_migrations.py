"""A newcomer's tables are made from the models in two seconds; the migrations would have made
the same ones in two minutes. This test runs both and holds them equal."""

import json
import os
import subprocess
import sys

import pytest

from tests import environment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("migrations")]


def _catalogue(database: str, template: str, *arguments: str) -> dict:
    environment.copy_database(template, database)
    done = subprocess.run(
        [sys.executable, "-m", "tests.house.catalogue", *arguments],
        cwd=environment.ROOT,
        env={**os.environ, **environment.environment(database)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def quick() -> dict:
    return _catalogue("comptoir_test_quick", "template1")


@pytest.fixture(scope="module")
def real() -> dict:
    return _catalogue("comptoir_test_real", "template1", "--migrate")


def _split(columns: str) -> list[str]:
    """``a int, b numeric(11, 2)`` → its columns."""
    found, depth = [""], 0
    for sign in columns:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and not depth:
            found.append("")
        else:
            found[-1] += sign
    return sorted(column.strip() for column in found)


def _unordered(statements: list[str]) -> set[str]:
    """Statements as they are, but for the order of columns: it says nothing."""
    found = set()
    for statement in statements:
        if statement.startswith("CREATE TABLE"):
            head, _, columns = statement[:-1].partition(" (")
            found |= {f"{head}: {column}" for column in _split(columns)}
        else:
            found.add(statement)
    return found


@pytest.mark.parametrize("schema", ["public", "shop_template"])
def test_tables_from_the_models_are_those_of_the_migrations(quick, real, schema):
    made, migrated = _unordered(quick[schema]), _unordered(real[schema])
    assert sorted(made - migrated) == []
    assert sorted(migrated - made) == []


@pytest.mark.parametrize("schema", ["public", "shop_template"])
def test_the_same_migrations_stand_as_applied(quick, real, schema):
    assert quick["migrations"][schema] == real["migrations"][schema]


def test_no_migration_writes_a_row_that_the_quick_way_lacks(quick, real):
    assert quick["rows"] == real["rows"]
