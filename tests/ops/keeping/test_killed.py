"""kill -9 in the middle: a restore leaves nothing, an erasure goes on where it was."""

import pytest
from django.conf import settings

from apps.core.tenancy import in_schema
from apps.ops.keeping import erasing, reading
from apps.ops.models import Erasure
from apps.shops.models import Shop
from tests.ops.keeping import full
from tests.ops.keeping.conftest import (
    SHARED,
    files_of,
    kill_when_it_waits,
    lose,
    manage,
    owner_of,
    process,
    rows_of,
)

LEFT_OF = (
    "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = %s),"
    " (SELECT count(*) FROM shops_shop WHERE schema_name = %s)"
)


def _stands(schema: str) -> tuple:
    with owner_of() as owner:
        return owner.execute(LEFT_OF, [schema, schema]).fetchone()


def test_a_restore_that_is_killed_leaves_nothing_and_the_next_one_makes_the_shop(was, tmp_path):
    path = tmp_path / "gardee.zip"
    path.write_bytes(was.kept)
    lose(was.schema)
    with owner_of() as rival:
        rival.autocommit = False
        # All tables are filled by then: the shop's rows in public come last.
        rival.execute("LOCK TABLE shops_domain IN EXCLUSIVE MODE")
        kill_when_it_waits(process("restore_shop", str(path)))
    assert _stands(was.schema) == (0, 0)
    done = manage("restore_shop", str(path))
    assert done.returncode == 0, done.stderr
    assert _stands(was.schema) == (1, 1)
    assert files_of(was.schema) == was.files
    assert len(rows_of(was.schema)["loyalty_movement"]) == len(was.rows["loyalty_movement"])


@pytest.fixture
def back(was, kept):
    """The shop stands again when the test begins, and leaves no erasure behind."""
    if _stands(was.schema) == (0, 0):
        full.again(kept)
    yield
    Erasure.objects.using("owner").all().delete()


def test_an_erasure_that_is_killed_before_the_shop_is_dropped_goes_on(was, back, tmp_path):
    arguments = ("erase_shop", full.SLUG, "--yes-i-mean", full.SLUG, "--archive", str(tmp_path))
    with owner_of() as reader:
        reader.autocommit = False
        reader.execute(f"SELECT 1 FROM {was.schema}.contacts_contact")
        kill_when_it_waits(process(*arguments))
    assert _stands(was.schema)[0] == 1
    assert Shop.objects.get(schema_name=was.schema).closed_at
    done = manage(*arguments)
    assert done.returncode == 0, done.stderr
    _is_gone(was.schema)
    assert len(list(tmp_path.iterdir())) == 1


class Killed(BaseException):
    """What no code catches."""


STEPS = ["_begin", "_close", "_archive", "digest_of", "_drop", "remove_media"]


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_same_command_finishes(was, back, monkeypatch, step, before):
    whole = getattr(erasing, step)

    def killed(*args, **kwargs):
        if not before:
            whole(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(erasing, step, killed)
        with pytest.raises(Killed):
            full.erase()
    _until_the_server_has_noticed()
    done = full.erase()
    assert done.ended_at
    _is_gone(was.schema)
    with erasing.open_archive(done.archive) as file:
        assert erasing.Reader(file).members["contacts_consentevent.csv"]["rows"] == len(
            was.rows["contacts_consentevent"]
        )


def _until_the_server_has_noticed() -> None:
    """That the connection of the one that was killed is gone, and its lock with it."""
    with owner_of() as owner:
        owner.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"erase:{full.SLUG}"])


def _is_gone(schema: str) -> None:
    assert _stands(schema) == (0, 0)
    assert files_of(schema) == {}
    with owner_of() as owner:
        for table in SHARED:
            mine = f"SELECT count(*) FROM {table} WHERE shop_schema = %s"
            assert owner.execute(mine, [schema]).fetchone() == (0,)
        assert owner.execute(
            "SELECT count(*) FROM django_q_ormq WHERE key LIKE '%%' || %s", [schema]
        ).fetchone() == (0,)


def test_while_it_is_being_erased_nobody_writes_in_it(was, back, monkeypatch):
    def killed(*args):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "_archive", killed)
        with pytest.raises(Killed):
            full.erase()
    with in_schema(was.schema), pytest.raises(erasing.OperationalError.__base__):
        full.Contact.objects.create(phone="+33698989898")
    full.erase()


def test_a_restore_that_fails_takes_its_files_along_and_no_others(was, back, kept, monkeypatch):
    lose(was.schema)
    newer = settings.MEDIA_ROOT / was.schema / "newer.webp"
    newer.write_bytes(b"since the backup")
    (settings.MEDIA_ROOT / was.schema / "imports/liste.csv").unlink()

    def fails(*args):
        raise OSError("panne")

    with monkeypatch.context() as patch:
        patch.setattr(reading, "_settle", fails)
        with pytest.raises(OSError, match="panne"):
            full.again(kept)
    assert _stands(was.schema) == (0, 0)
    assert set(files_of(was.schema)) == {"0123456789abcdef.webp", "newer.webp"}
    newer.unlink()


def test_a_backup_waits_for_who_changes_a_table_and_keeps_others_from_it(was, back):
    """A table rewritten after the snapshot would look empty to it."""
    with owner_of() as deploy:
        deploy.autocommit = False
        deploy.execute(f"ALTER TABLE {was.schema}.contacts_tag ADD COLUMN colour text")
        kill_when_it_waits(process("backup_shop", full.SLUG, "-"))
        deploy.rollback()
