"""What comes back is what was: every row of every table, the shared ones and the files too."""

import os
import shutil
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ
from psycopg import sql

from apps.accounts.models import User
from apps.audit.models import Entry
from apps.campaigns.models import Drop, State, Trial
from apps.contacts.models import Contact
from apps.core.container import Reader
from apps.core.jobs import enqueue
from apps.core.tenancy import in_schema
from apps.imports.models import ImportRun, ImportState
from apps.loyalty.models import Card, Movement
from apps.messaging.accounts import account_of
from apps.messaging.models import Attempt, Message, Status, Wake
from apps.messaging.providers.base import Account
from apps.messaging.reconciling import STALE
from apps.ops.keeping.contents import actor_columns, opened, public_rows, shop_models, tables
from apps.ops.keeping.reading import restore
from apps.shops.blueprint import read_blueprint
from apps.shops.migrating import owner_connection
from apps.shops.models import (
    TEMPLATE_SCHEMA,
    Domain,
    DomainClaim,
    SchemaState,
    Secret,
    SharedLine,
    Shop,
)
from tests import environment
from tests.conftest import ShopClient
from tests.ops.keeping import full
from tests.ops.keeping.conftest import SHARED, files_of, lose, owner_of, rows_of

# What must not go on by itself after a restore; every other row is as it was.
RESTING = {
    "messaging_message": 4,
    "messaging_attempt": 1,
    "messaging_wake": 1,
    "campaigns_drop": 3,
    "campaigns_lot": 2,
    "campaigns_run": 1,
    "campaigns_trial": 1,
    "campaigns_trigger": 6,
    "imports_importrun": 1,
}


def _resting(was) -> dict[str, int]:
    """What the demonstration's bookkeeper has not been sent yet is asked for first."""
    pieces = len(was.rows["invoicing_delivery"])
    return RESTING | {"invoicing_bookkeeper": 1, "invoicing_delivery": pieces}


def _differences(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, int]:
    """Table → how many of its rows before are not there now."""
    assert before.keys() == after.keys()
    return {name: lost for name in before if (lost := len(before[name] - after[name]))}


@pytest.fixture
def elsewhere():
    """Another installation's database, in which strangers hold the ids of our people."""
    name = f"{environment.NAME}_elsewhere"
    environment.copy_database(environment.BASE, name)
    url = environment._with_database(os.environ["DATABASE_OWNER_URL"], name)
    with owner_of(url) as owner:
        last = User.objects.order_by("-pk").values_list("pk", flat=True)[0]
        for number in range(last + 3):
            owner.execute(
                "INSERT INTO accounts_user (password, is_superuser, email, name, is_staff,"
                " is_active, date_joined) VALUES ('!', false, %s, '', false, true, now())",
                [full.HELPER if number == 0 else f"autre{number}@exemple.fr"],
            )
    return url


def test_nothing_of_a_shop_is_empty_in_this_shop(was):
    """A new room's tables must stand in it, or nobody would see them forgotten."""
    assert [name for name, rows in was.rows.items() if not rows] == []


def test_every_shared_table_with_rows_of_shops_is_compared_here():
    assert {one.model._meta.db_table for one in public_rows() if not one.is_left_out} == {*SHARED}


def test_no_number_of_a_person_stands_in_a_column_that_nobody_looks_at():
    """An id of the team is moved with its person; a plain big number must say what it is."""
    moved = {(table, column) for table, column, _ in actor_columns()}
    known = {
        ("analytics_morning", "last_movement"),
        ("audit_entry", "object_id"),  # of the shop's own rows, but for the few shared ones
        ("campaigns_drop", "frozen_up_to"),  # a contact's
        ("contacts_contact", "spent_cents"),
        ("imports_importline", "subject_id"),  # a contact or a product of the shop
        *(("invoicing_invoice", f"{what}_cents") for what in ("net", "vat", "total")),
        *(("invoicing_closure", f"{what}_cents") for what in ("total", "perpetual")),
        ("invoicing_movement", "amount_cents"),
        ("invoicing_payment", "amount_cents"),
        ("loyalty_programmechange", "ledger_from"),  # a line of the ledger
        ("wallet_clock", "tag"),
        ("wallet_device", "wanted"),  # a tag
        ("wallet_googleobject", "wanted"),
        ("wallet_pass", "tag"),
        ("wallet_pass", "subject"),  # a card of the shop
    }
    plain = {
        (model._meta.db_table, field.column)
        for model in shop_models()
        for field in model._meta.concrete_fields
        if field.get_internal_type() == "BigIntegerField"
    }
    assert plain == moved | known


def test_a_lost_shop_comes_back_as_itself(was, kept):
    lose(was.schema)
    shutil.rmtree(settings.MEDIA_ROOT / was.schema)
    target = restore(kept, now=timezone.now())
    assert target.schema == was.schema
    after = rows_of(target.schema)
    assert _differences(was.rows, after) == _resting(was)
    assert len(after["audit_entry"]) == len(was.rows["audit_entry"]) + 1
    assert files_of(target.schema) == was.files
    assert len(was.files) == 2


def test_its_schema_is_a_provisioned_shop_s_to_the_letter(full_shop, kept):
    target = restore(kept, slug="gardee-bis", now=timezone.now())
    template = read_blueprint(owner_connection(), TEMPLATE_SCHEMA)
    assert read_blueprint(owner_connection(), target.schema) == template


def test_a_copy_is_another_shop_with_the_same_people(was, full_shop, kept):
    now = rows_of(was.schema)
    target = restore(kept, slug="gardee-bis", now=timezone.now())
    after = rows_of(target.schema)
    shared = {*SHARED, "shops_shop"}
    own = _differences(
        {name: rows for name, rows in was.rows.items() if name not in shared},
        {name: rows for name, rows in after.items() if name not in shared},
    )
    # Beside what rests: the message under way, phones and browsers are the original's affair.
    phones = {
        name: len(was.rows[name])
        for name in ("wallet_device", "wallet_googleobject", "wallet_registration")
    }
    browsers = {"messaging_browser": 1, "contacts_contact": 1}
    assert own == _resting(was) | {"messaging_message": 5} | phones | browsers
    assert rows_of(was.schema) == now
    copy = Shop.objects.get(slug="gardee-bis")
    assert copy.callback_token != full_shop.callback_token
    assert copy.logo == f"{target.schema}/0123456789abcdef.webp"
    assert files_of(target.schema) == was.files
    hosts = Domain.objects.filter(tenant=copy).values_list("domain", flat=True)
    assert list(hosts) == ["gardee-bis.localhost"]
    with in_schema(copy.schema_name):
        assert not DomainClaim.objects.exists()
        assert not SharedLine.objects.exists()
        assert account_of(copy) is None
        assert ImportRun.objects.get().file == f"{target.schema}/imports/liste.csv"
        attached = Message.objects.exclude(file="").values_list("file", flat=True)
        assert set(attached) == {f"{target.schema}/factures/F2026-00001.pdf"}
        assert {m.user.email for m in copy.memberships.select_related("user")} == {
            full.OWNER,
            full.HELPER,
        }
        (invitation,) = copy.invitations.all()
        assert invitation.revoked_at
        assert invitation.token != full_shop.invitations.values_list("token").first()


def test_the_vault_opens_again_for_the_very_shop(full_shop, kept):
    assert full.TOKEN not in kept.getvalue()
    assert full.TOKEN.hex().encode() not in kept.getvalue()
    lose(full_shop.schema_name)
    target = restore(kept, now=timezone.now())
    with in_schema(target.schema):
        account = account_of(Shop.objects.get(schema_name=target.schema))
        assert account == Account(full.ACCOUNT, full.TOKEN.decode())


@pytest.mark.parametrize("slug", ["", "gardee-bis"], ids=["other keys", "copy"])
def test_where_it_does_not_open_the_vault_is_empty_and_it_is_said(full_shop, kept, slug, settings):
    if not slug:
        settings.VAULT_KEYS = (bytes(range(64, 96)),)
        lose(full_shop.schema_name)
    said = []
    target = restore(kept, slug=slug, now=timezone.now(), say=said.append)
    assert f"« twilio:{full.ACCOUNT} » est à ressaisir" in "".join(said)
    with in_schema(target.schema):
        assert not Secret.objects.exists()
        # A copy writes by the platform's account; the shop itself by none until it is put right.
        account = account_of(Shop.objects.get(schema_name=target.schema))
        assert account == (None if slug else Account(full.ACCOUNT, ""))


@pytest.mark.parametrize("slug", ["", "gardee-bis"], ids=["itself", "copy"])
def test_nothing_that_waited_is_ever_sent_again(full_shop, kept, slug):
    if not slug:
        lose(full_shop.schema_name)
    target = restore(kept, slug=slug, now=timezone.now())
    with in_schema(target.schema):
        assert not Message.objects.due(timezone.now() + timezone.timedelta(days=400)).exists()
        rested = Message.objects.filter(reason="restored", cause__startswith="drop:")
        ends = sorted(rested.exclude(status=Status.UNKNOWN).values_list("status", flat=True))
        assert ends == ["cancelled", "cancelled", "cancelled", "failed"]
        assert "restaurée" in rested[0].why
        asked = Attempt.objects.exclude(ask_at=None)
        if slug:
            assert not Attempt.objects.filter(status=Status.SENDING).exists()
            assert not asked.exists()
        else:
            # Whatever the provider answers then, it is too late for another try.
            assert [one.ask_at - one.at for one in asked] == [STALE]
        assert not Wake.objects.exists()
        assert Drop.objects.get(title="En route").state == State.CANCELLED
        assert Drop.objects.get(title="En préparation").state == State.CANCELLED
        assert Drop.objects.get(title="Demain").is_draft
        assert not Trial.objects.exclude(to="").exists()
        assert ImportRun.objects.get().state == ImportState.DRAFT
        assert Entry.objects.get(verb="shop.restore").after["copy"] == bool(slug)


def test_a_restored_shop_works(full_shop, kept):
    """The team enters with its sign-ins, a stamp counts, and numbers go on where they were."""
    target = restore(kept, slug="gardee-bis", now=timezone.now())
    shop = Shop.objects.get(schema_name=target.schema)
    helper = ShopClient(shop).enter(User.objects.get(email=full.HELPER))
    assert helper.get("/comptoir/").status_code == 200
    connection.set_tenant(shop)
    last_card = Card.objects.order_by("-number").values_list("number", flat=True)[0]
    last_id = Contact.objects.order_by("-pk").values_list("pk", flat=True)[0]
    moved = Movement.objects.order_by("-pk").values_list("pk", flat=True)[0]
    card = Card.objects.filter(contact__merged_into=None).order_by("last_stamp_at")[0]
    done = helper.post(f"/comptoir/carte/{card.pk}/tampon/", {"token": uuid4(), "over": "1"})
    assert done.status_code == 302
    assert Movement.objects.order_by("-pk")[0].pk > moved
    token = str(uuid4())
    helper.post("/comptoir/ajouter/", {"phone": "06 98 76 54 32", "token": token, "gesture": token})
    added = Contact.objects.get(phone="+33698765432")
    assert added.pk > last_id
    assert added.card.number > last_card
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('audit_entry', 'UPDATE')")
        assert cursor.fetchone() == (False,)


def test_the_ledger_knows_the_restored_shop(full_shop, kept):
    target = restore(kept, slug="gardee-bis", now=timezone.now())
    version = SchemaState.objects.get(schema=TEMPLATE_SCHEMA).version
    assert SchemaState.objects.get(schema=target.schema).version == version
    assert Shop.objects.get(schema_name=target.schema).schema_version == version


def test_jobs_of_the_lost_shop_touch_no_row_of_the_restored_one(was, kept):
    """They name rows by numbers which will be somebody else's."""
    with in_schema(was.schema):
        enqueue("apps.messaging.tasks.drain", 57)
    lose(was.schema)
    restore(kept, now=timezone.now())
    assert not OrmQ.objects.filter(key__endswith=was.schema).exists()


def test_into_another_database_no_id_becomes_a_stranger_s(full_shop, kept, elsewhere):
    ours = {user.email: user.pk for user in User.objects.all()}
    target = restore(kept, url=elsewhere, now=timezone.now())
    # The storage is the same here, and these files are the living shop's.
    assert target.schema != full_shop.schema_name
    with owner_of(elsewhere) as owner:
        there = dict(owner.execute("SELECT email, id FROM accounts_user").fetchall())
        made = owner.execute(
            "SELECT u.email, u.name, u.password, a.verified FROM accounts_user u "
            "JOIN account_emailaddress a ON a.user_id = u.id"
        ).fetchall()
        team = owner.execute(
            "SELECT u.email, m.role FROM accounts_membership m JOIN accounts_user u "
            "ON u.id = m.user_id WHERE shop_schema = %s ORDER BY 2 DESC",
            [target.schema],
        ).fetchall()
        acts = owner.execute(
            sql.SQL(
                "SELECT actor_kind, actor_id FROM {} WHERE verb = 'contact.note' ORDER BY id"
            ).format(sql.Identifier(target.schema, "audit_entry"))
        ).fetchall()
        stamps = owner.execute(
            sql.SQL("SELECT DISTINCT actor_id FROM {} WHERE actor_kind = 'team'").format(
                sql.Identifier(target.schema, "loyalty_movement")
            )
        ).fetchall()
    assert team == [("owner", full.OWNER)[::-1], ("helper", full.HELPER)[::-1]]
    ((email, name, password, verified),) = made
    assert (email, name, verified) == (full.OWNER, "Gardienne", True)
    assert password.startswith("!")
    left = ours[full.LEFT]
    with in_schema(full_shop.schema_name):
        deleted = Entry.objects.filter(verb="contact.note").order_by("pk")[1].actor_id
    assert acts == [("team", -left), ("team", -deleted), ("customer", left)]
    assert {actor for (actor,) in stamps} == {there[full.OWNER], there[full.HELPER]}


def test_into_another_database_every_row_is_the_same_but_for_whom(was, kept, elsewhere):
    target = restore(kept, url=elsewhere, now=timezone.now())
    after = rows_of(target.schema, elsewhere)
    more = {"audit_entry": 1, "messaging_wake": -1}
    assert {name: len(rows) for name, rows in after.items()} == {
        name: len(rows) + more.get(name, 0) for name, rows in was.rows.items()
    }
    for name in ("contacts_contact", "loyalty_card", "loyalty_reward", "messaging_callback"):
        assert after[name] == was.rows[name]


def test_the_backup_says_what_it_holds(was, kept):
    reader = Reader(kept)
    reader.verify()
    with opened() as owner:
        assert reader.manifest["tables"] == tables(owner, was.schema)
    for name in reader.manifest["tables"]:
        assert reader.members[f"tables/{name}.copy"]["rows"] == len(was.rows[name])
    assert reader.manifest["slug"] == full.SLUG
    assert reader.manifest["version"] == settings.VERSION
