"""The file itself: what is damaged, foreign or of another time writes no row."""

import json
import os
import zipfile
from io import BytesIO, StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.container import MANIFEST, Damaged, Reader, Writer
from apps.ops.keeping.reading import restore
from apps.ops.keeping.refusals import (
    BadName,
    NewerSchema,
    NotOurs,
    NotReady,
    OlderSchema,
    OtherFormat,
    OtherKey,
    OtherTables,
    StillThere,
)
from tests import environment
from tests.ops.keeping import full
from tests.ops.keeping.conftest import lose, manage, owner_of


def _rewritten(kept: BytesIO, **changes: object) -> BytesIO:
    """The same file as another version of the code would have sealed it."""
    reader, out = Reader(kept), BytesIO()
    writer = Writer(out)
    for name in reader.members:
        writer.add(name, reader.blocks(name)).update(reader.members[name])
    head = {key: value for key, value in reader.manifest.items() if key != "members"}
    writer.close({**head, **changes})
    return out


def _traces() -> tuple:
    with owner_of() as owner:
        return owner.execute(
            "SELECT (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM shops_shop),"
            " (SELECT count(*) FROM accounts_membership), (SELECT count(*) FROM shops_domain)"
        ).fetchone()


@pytest.fixture
def nothing_written():
    before = _traces()
    yield
    assert _traces() == before


def test_any_zip_tool_opens_it(kept):
    with zipfile.ZipFile(kept) as plain:
        assert plain.testzip() is None
        manifest = json.loads(plain.read(MANIFEST))
        people = plain.read("tables/contacts_contact.copy").decode()
    assert manifest["members"]["tables/contacts_contact.copy"]["rows"] == people.count("\n")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_one_changed_byte_anywhere_is_seen(was, data):
    where = data.draw(st.integers(0, len(was.kept) - 1), label="byte")
    change = data.draw(st.integers(1, 255), label="change")
    broken = bytearray(was.kept)
    broken[where] ^= change
    with pytest.raises(Damaged):
        Reader(BytesIO(bytes(broken)))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_truncated_file_is_seen(was, data):
    length = data.draw(st.integers(0, len(was.kept) - 1))
    with pytest.raises(Damaged):
        Reader(BytesIO(was.kept[:length]))


def test_a_damaged_file_writes_nothing(was, nothing_written):
    broken = bytearray(was.kept)
    broken[len(broken) // 2] ^= 1
    with pytest.raises(Damaged) as refusal:
        restore(BytesIO(bytes(broken)), slug="gardee-bis", now=timezone.now())
    assert "rien n’a été écrit" in str(refusal.value)


def test_a_newer_backup_is_refused_with_what_to_do(kept, nothing_written):
    state = Reader(kept).manifest["state"]
    newer = {**state, "shop": [*state["shop"], "loyalty.0002_points"]}
    with pytest.raises(NewerSchema) as refusal:
        restore(_rewritten(kept, state=newer), slug="gardee-bis", now=timezone.now())
    assert "loyalty.0002_points" in str(refusal.value)
    assert "migrate_shops" in str(refusal.value)


def test_an_older_backup_is_refused_with_what_to_do(kept, nothing_written):
    state = Reader(kept).manifest["state"]
    older = {**state, "shop": [name for name in state["shop"] if not name.startswith("loyalty.")]}
    with pytest.raises(OlderSchema) as refusal:
        restore(_rewritten(kept, state=older, version="0.0.9"), slug="bis", now=timezone.now())
    assert "loyalty.0001_initial" in str(refusal.value)
    assert "0.0.9" in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"format": 2}, OtherFormat),
        ({"key": "another"}, OtherKey),
        ({"what": "comptoir-archive"}, NotOurs),
        ({"tables": {"contacts_contact": ["id"]}}, OtherTables),
    ],
)
def test_what_is_not_for_us_is_refused(kept, nothing_written, changes, refusal):
    with pytest.raises(refusal):
        restore(_rewritten(kept, **changes), slug="gardee-bis", now=timezone.now())


@pytest.mark.parametrize("slug", ["", "cave", "admin", "Trop Grand"])
def test_a_name_that_is_taken_or_none_is_refused(full_shop, kept, nothing_written, slug):
    with pytest.raises((StillThere, BadName)):
        restore(kept, slug=slug, now=timezone.now())


def test_a_database_without_our_tables_is_refused(kept):
    name = f"{environment.NAME}_empty"
    environment.copy_database("template1", name)
    url = environment._with_database(os.environ["DATABASE_OWNER_URL"], name)
    with pytest.raises(NotReady) as refusal:
        restore(kept, url=url, now=timezone.now())
    assert "migrate_shops" in str(refusal.value)


# --- the commands -------------------------------------------------------------------------


def test_a_backup_is_for_its_owner_s_eyes_and_the_trail_says_it_was_made(full_shop, tmp_path):
    path = tmp_path / "gardee.zip"
    call_command("backup_shop", full.SLUG, str(path), stdout=StringIO())
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("rb") as file:
        Reader(file).verify()
    assert [p.name for p in tmp_path.iterdir()] == ["gardee.zip"]
    with owner_of() as owner:
        verbs = owner.execute(
            f"SELECT verb FROM {full_shop.schema_name}.audit_entry ORDER BY id DESC LIMIT 1"
        ).fetchone()
    assert verbs == ("shop.backup",)


def test_a_backup_overwrites_nothing(full_shop, tmp_path):
    path = tmp_path / "gardee.zip"
    path.write_text("celle d’hier")
    with pytest.raises(CommandError, match="existe déjà"):
        call_command("backup_shop", full.SLUG, str(path))
    assert path.read_text() == "celle d’hier"


def test_an_unknown_shop_and_an_impossible_folder_are_said_in_french(tmp_path):
    with pytest.raises(CommandError, match="Aucune boutique"):
        call_command("backup_shop", "inconnue", str(tmp_path / "x.zip"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CommandError, match="Écriture impossible"):
        call_command("backup_shop", full.SLUG, "/nulle-part/x.zip")
    with pytest.raises(CommandError, match="Lecture impossible"):
        call_command("restore_shop", str(tmp_path / "absent.zip"))


def test_a_full_disk_leaves_no_half_backup(full_shop, tmp_path):
    done = manage("backup_shop", full.SLUG, str(tmp_path / "gardee.zip"), limit=8192)
    assert done.returncode == 1
    assert "Écriture impossible" in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


def test_by_the_standard_streams_it_passes_through_a_pipe(full_shop):
    made = manage("backup_shop", full.SLUG, "-")
    assert made.returncode == 0, made.stderr
    lose(full_shop.schema_name)
    done = manage("restore_shop", "-", given=made.stdout)
    assert done.returncode == 0, done.stderr
    assert "en service" in done.stdout.decode()
