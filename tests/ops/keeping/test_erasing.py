"""A shop that leaves: nothing of it stays but what the law wants kept, and that can be read."""

import csv
import io
import zipfile
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from twilio.request_validator import RequestValidator

from apps.accounts.models import Membership, Session, User
from apps.audit.models import Entry
from apps.contacts.consent import opposition_hash
from apps.contacts.models import Contact
from apps.core.actor import SYSTEM
from apps.core.container import Reader
from apps.core.jobs import enqueue
from apps.core.roles import Role
from apps.core.tenancy import in_schema
from apps.core.trail import record
from apps.messaging.providers.urls import platform_url
from apps.ops.keeping import erasing
from apps.ops.keeping.archiving import kept_models
from apps.ops.keeping.refusals import AlreadyErasing, HalfErased, NoSuchShop
from apps.ops.models import Erasure
from apps.shops.models import Domain, SchemaState, Shop
from apps.shops.services import provision
from tests.conftest import ShopClient
from tests.ops.keeping import full
from tests.ops.keeping.conftest import STAYING, owner_of, sweep


def _callback(token: str, settings) -> int:
    """What the operator gets who signs a reply to that shop."""
    settings.TWILIO_AUTH_TOKEN = "jeton"
    path = f"/webhooks/twilio/{token}/reponse/"
    fields = {"MessageSid": "SM1", "From": "+33612345678", "Body": "STOP"}
    signature = RequestValidator("jeton").compute_signature(platform_url() + path, fields)
    client = Client(HTTP_HOST="localhost:8000")
    return client.post(path, fields, HTTP_X_TWILIO_SIGNATURE=signature).status_code


@pytest.fixture
def back(was, kept):
    """The shop stands again when the test begins, as it was."""
    with owner_of() as owner:
        for table in ("accounts_staffact", "ops_erasure"):
            owner.execute(f"DELETE FROM {table}")
    sweep(STAYING, people=True)
    full.again(kept)
    return Shop.objects.get(schema_name=was.schema)


def _table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))


def test_the_archive_can_be_read_and_holds_what_the_law_wants(was, back):
    with in_schema(was.schema):
        people = {c.pk: (c.phone, c.email) for c in Contact.objects.all()}
        names = {n for pair in people.values() for n in pair if n}
    done = full.erase()
    with erasing.open_archive(done.archive) as file:
        reader = Reader(file)
        reader.verify()
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            for model in kept_models():
                name = model._meta.db_table
                rows = _table(archive, f"{name}.csv")
                # The trail says of itself that the shop came back, and that it was erased.
                assert len(rows) == len(was.rows[name]) + 2 * (name == "audit_entry")
                ids = [int(row[model._meta.pk.column]) for row in rows]
                assert ids == sorted(set(ids))
            hashes = {int(row["contact_id"]): row for row in _table(archive, "empreintes.csv")}
            team = {row["nom"]: row["role"] for row in _table(archive, "equipe.csv")}
            whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert team == {"Gardienne": "owner", "Aide": "helper"}
    assert hashes.keys() == people.keys()
    for pk, (phone, email) in people.items():
        assert hashes[pk]["sms"] == (opposition_hash("sms", phone) if phone else "")
        assert hashes[pk]["email"] == (opposition_hash("email", email) if email else "")
    assert [name for name in names if name in whole] == []
    assert "Comment le lire, même dans dix ans" in whole
    assert "RGPD, art. 7" in whole


def test_what_was_announced_to_the_trail_is_in_the_archive(was, back):
    with in_schema(was.schema):
        record(SYSTEM, "shop.logo", "shop", back.pk)
    done = full.erase()
    with erasing.open_archive(done.archive) as file, zipfile.ZipFile(file) as archive:
        verbs = [row["verb"] for row in _table(archive, "audit_entry.csv")]
    assert verbs[-2:] == ["shop.logo", "shop.erase"]


def test_its_hosts_and_callbacks_fall_silent_and_its_name_is_free(was, back, settings):
    token, host = back.callback_token, back.host
    assert _callback(token, settings) == 200
    with in_schema(was.schema):
        enqueue("apps.messaging.tasks.drain", bulk=True)
        enqueue("apps.messaging.tasks.drain", at=timezone.now() + timedelta(days=2))
    full.erase()
    assert not OrmQ.objects.filter(key__endswith=was.schema).exists()
    assert Client(HTTP_HOST=host).get("/").status_code == 404
    assert _callback(token, settings) == 404
    assert not Domain.objects.filter(domain__contains="gardee").exists()
    assert not SchemaState.objects.filter(schema=was.schema).exists()
    new = provision(name="Autre cave", slug=full.SLUG)
    assert new.schema_name != was.schema
    assert ShopClient(new).get("/").status_code == 200


def test_who_has_no_other_shop_is_forgotten_and_who_has_stays(was, back):
    cafe = Shop.objects.get(slug="cafe")
    helper = User.objects.get(email=full.HELPER)
    with in_schema(cafe.schema_name):
        Membership.objects.create(shop=cafe, user=helper, role=Role.HELPER)
    ShopClient(back).enter(User.objects.get(email=full.OWNER))
    done = full.erase()
    assert done.people == 1
    assert set(User.objects.values_list("email", flat=True)) == {full.HELPER}
    with owner_of() as owner:
        assert owner.execute("SELECT count(*) FROM accounts_session").fetchone() == (0,)
        owner.execute("DELETE FROM accounts_membership")


def test_staff_of_the_platform_and_its_register_of_acts_stay(was, back):
    owner_ = User.objects.get(email=full.OWNER)
    User.objects.filter(email=full.HELPER).update(is_staff=True)
    staff = User.objects.get(email=full.HELPER)
    staff_acts = owner_.__class__.objects  # same table, read below
    with owner_of() as owner:
        owner.execute(
            "INSERT INTO accounts_staffact (staff_id, user_id, act, reason, at) "
            "VALUES (%s, %s, 'reset_second_factor', 'téléphone perdu', now())",
            [staff.pk, owner_.pk],
        )
    full.erase()
    shell = staff_acts.get(pk=owner_.pk)
    assert (shell.name, shell.is_active, shell.has_usable_password()) == ("", False, False)
    assert shell.email == f"efface-{owner_.pk}@compte.invalid"
    assert staff_acts.filter(pk=staff.pk, email=full.HELPER).exists()


def test_the_platform_keeps_a_trace_of_the_act_and_no_person(was, back, tmp_path):
    done = full.erase(folder=tmp_path)
    with owner_of() as owner:
        (row,) = owner.execute("SELECT e::text FROM ops_erasure e").fetchall()
    assert done.by == "ops"
    assert done.files == len(was.files)
    (archive,) = tmp_path.iterdir()
    assert done.archive == str(archive)
    assert archive.stat().st_mode & 0o777 == 0o600
    assert erasing.digest_of(done.archive) == done.archive_sha256
    assert "Cave" not in row[0]


def test_erased_twice_under_one_name_both_archives_stay(was, back, kept):
    first = full.erase()
    kept.seek(0)
    full.again(kept)
    second = erasing.erase(full.SLUG, by="ops", now=timezone.now() + timedelta(seconds=2))
    assert first.archive != second.archive
    assert erasing.digest_of(first.archive) == first.archive_sha256


def test_a_second_command_at_the_same_time_is_refused(was, back):
    with owner_of() as other:
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"erase:{full.SLUG}"])
        with pytest.raises(AlreadyErasing):
            full.erase()
    with pytest.raises(NoSuchShop):
        erasing.erase("inconnue", by="ops", now=timezone.now())


def test_an_archive_that_does_not_read_back_keeps_the_shop(was, back, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(erasing, "digest_of", lambda place: "0" * 64)
        with pytest.raises(erasing.ArchiveUnproven):
            full.erase()
    with owner_of() as owner:
        rows = owner.execute(f"SELECT count(*) FROM {was.schema}.contacts_contact").fetchone()
    assert rows == (len(was.rows["contacts_contact"]),)
    full.erase()


def test_a_backup_is_not_restored_into_a_half_erased_shop(was, back, kept, monkeypatch):
    def killed(schema: str) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "remove_media", killed)
        with pytest.raises(KeyboardInterrupt):
            full.erase()
    kept.seek(0)
    with pytest.raises(HalfErased):
        full.again(kept)
    full.erase()


def test_the_command_wants_the_name_twice(was, back):
    for meant in ("", "cave"):
        with pytest.raises(CommandError):
            call_command("erase_shop", full.SLUG, yes_i_mean=meant)
    assert not Shop.objects.get(schema_name=was.schema).closed_at
    said = io.StringIO()
    call_command("erase_shop", full.SLUG, yes_i_mean=full.SLUG, stdout=said)
    assert "est effacée" in said.getvalue()
    assert Erasure.objects.using("owner").get().ended_at


def test_what_outlives_a_shop_says_why_and_how_long():
    assert {model._meta.label for model in kept_models()} >= {
        "audit.Entry",
        "contacts.ConsentEvent",
        "contacts.Opposition",
    }
    for model in kept_models():
        reason, years = model.kept_by_law
        assert reason
        assert 1 <= years <= 10
    assert Entry.kept_by_law
    assert not hasattr(Contact, "kept_by_law")
    assert not hasattr(Session, "kept_by_law")
