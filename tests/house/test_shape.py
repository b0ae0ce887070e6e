"""How the code is laid out, held by reading it (see « the map of rooms » in README.md)."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.environment import ROOT

ROOMS = sorted(path.parent.name for path in ROOT.glob("apps/*/__init__.py"))
PYTHON = sorted(
    path
    for top in ("apps", "config", "tests")
    for path in (ROOT / top).rglob("*.py")
    if "migrations" not in path.parts
)
PAGES = sorted((ROOT / "templates").rglob("*.*"))
SCRIPTS = sorted((ROOT / "static/js").glob("*.js"))
STUBS = re.compile(
    r"\b(TODO|FIXME|XXX|coming soon|bientôt disponible|prochainement|en construction"
    r"|lorem ipsum|à venir dans une prochaine|not implemented)\b",
    re.IGNORECASE,
)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _contracts() -> list[dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_every_import_contract_is_kept():
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_no_room_is_forgotten_by_the_contracts():
    floors, inside = _contracts()[:2]
    on_floors = {room for floor in floors["layers"] for room in floor.split(" | ")}
    assert on_floors == set(ROOMS)
    assert {name.removeprefix("apps.") for name in inside["containers"]} == set(ROOMS)


@pytest.mark.parametrize("path", PYTHON + PAGES + SCRIPTS, ids=_name)
def test_no_file_is_longer_than_500_lines(path):
    assert len(path.read_text().splitlines()) <= 500


@pytest.mark.parametrize("path", PYTHON, ids=_name)
def test_no_function_is_longer_than_50_lines(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 50, f"{node.name}, line {node.lineno}"


def test_no_drawer_for_odds_and_ends():
    odd = {"signals.py", "utils.py", "helpers.py", "managers.py"}
    assert [_name(path) for path in PYTHON if path.name in odd] == []


def test_only_the_host_chooses_a_shop():
    """A task or a view that moves the connection leaks its shop into the next one's work."""
    moving = re.compile(r"\b(stood_in|set_tenant|tenant_context|schema_context)\(|\.activate\(\)")
    allowed = {
        "apps/core/postgres/base.py",
        "apps/core/tenancy.py",
        "apps/shops/middleware.py",
    }
    found = {
        _name(path)
        for path in PYTHON
        if path.parts[len(ROOT.parts)] != "tests" and moving.search(path.read_text())
    }
    assert found <= allowed


@pytest.mark.parametrize("path", PAGES + SCRIPTS, ids=_name)
def test_no_page_promises_what_is_not_there(path):
    assert not STUBS.search(path.read_text())


def test_no_code_promises_what_is_not_there():
    itself = Path(__file__)
    assert [_name(p) for p in PYTHON if p != itself and STUBS.search(p.read_text())] == []


def test_every_template_is_a_page_of_the_house_or_a_part_of_one():
    used = "\n".join(path.read_text() for path in PYTHON + PAGES)
    alone = []
    for path in PAGES:
        name = str(path.relative_to(ROOT / "templates"))
        text = path.read_text()
        # allauth's and Django's own pages are replaced by templates of the same name.
        foreign = name.startswith(("account/", "mfa/", "socialaccount/", "admin/", "django/"))
        if name == "base.html" or foreign or path.suffix != ".html":
            continue
        if "{% extends" not in text and f'"{name}"' not in used:
            alone.append(name)
    assert alone == []


def test_nothing_in_a_page_needs_an_inline_script_or_style():
    inline = re.compile(r"<style|\sstyle=|\son[a-z]+=\"|hx-on|javascript:|<script(?![^>]*\bsrc=)")
    told = [
        f"{_name(path)}: {match.group()}"
        for path in PAGES
        if path.suffix == ".html" and "mail" not in (path.stem, path.parent.name)  # no stylesheet
        for match in [inline.search(path.read_text())]
        if match
    ]
    assert told == []
