"""Who crosses between shops, and by which role: decided once, held here by reading the code."""

import re

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction

from apps.contacts.models import Contact
from apps.core.models import RateCounter
from apps.core.tenancy import in_schema
from apps.shops.models import Shop
from apps.shops.walls import walls
from tests.environment import ROOT
from tests.factories import UserFactory
from tests.watch import NOT_WALLED, watch

CODE = {
    str(path.relative_to(ROOT)): path.read_text()
    for top in ("apps", "config")
    for path in (ROOT / top).rglob("*.py")
}
# Written by hand: to look across shops is a decision.
ACROSS_SHOPS = {
    "apps/core/tenancy.py": "the door",
    "apps/accounts/mail.py": "forgetting old mails",
    "apps/accounts/platform_views.py": "a person's own shops, invitations and sessions",
    "apps/accounts/services.py": "ending a person's sessions everywhere",
    "apps/accounts/sessions.py": "forgetting ended sessions",
    "apps/accounts/team.py": "which shop an invitation's token opens",
    "apps/core/due.py": "which shops have something due by the clock",
    "apps/messaging/lines.py": "whose an answer to the shared number is",
    "apps/ops/admin_site.py": "the platform's staff",
    "apps/payments/reconciling.py": "what was paid for plans and stands on no invoice",
    "apps/shops/domains.py": "whose a domain was",
    "apps/shops/vault.py": "a new key for every shop's secrets",
}
# The owner's role migrates, provisions, and keeps a whole shop (backup, restore, erasure).
OWNERS = re.compile(
    r"apps/shops/(management/commands/\w+|migrating|deploying|ledger|privileges|services)\.py"
    r"|apps/ops/(keeping/\w+|management/commands/(backup|restore|erase)_shop)\.py"
    r"|apps/accounts/services\.py"  # the first membership, in the provisioning's transaction
    r"|config/(settings|env|embedded|demo)\.py"
)
OWNER = re.compile(
    r"""using\(?=?\(?["']owner["']|owner_connection|\[["']owner["']\]|database\(["']owner["']\)"""
    r"""|ALIAS = ["']owner["']|DATABASE_OWNER_URL"""
)
MADE_IN_THE_DATABASE = re.compile(
    r"\bCREATE\s+(OR\s+REPLACE\s+)?(CONSTRAINT\s+)?(TRIGGER|FUNCTION|PROCEDURE|RULE|VIEW"
    r"|MATERIALIZED|EXTENSION)\b|\bDO\s+\$",
    re.IGNORECASE,
)


def test_the_door_across_shops_is_where_it_was_decided():
    uses = {name for name, text in CODE.items() if re.search(r"\bacross_shops\(\)", text)}
    assert uses == set(ACROSS_SHOPS)
    roles = {name for name, text in CODE.items() if "step_into_role" in text or "SET ROLE" in text}
    assert roles == {"apps/core/postgres/base.py", "apps/core/tenancy.py"}


def test_the_owners_role_migrates_provisions_and_keeps_and_nothing_else():
    uses = {name for name, text in CODE.items() if OWNER.search(text)}
    assert {"apps/shops/migrating.py", "apps/shops/services.py"} <= uses
    assert {name for name in uses if not OWNERS.fullmatch(name)} == set()


def test_no_rule_is_kept_in_a_function_or_trigger_of_the_database():
    assert [name for name, text in CODE.items() if MADE_IN_THE_DATABASE.search(text)] == []


def test_no_migration_reaches_into_another_schema():
    found = [
        name
        for name, text in CODE.items()
        if "/migrations/" in name and re.search(r"RunSQL\(", text) and "public." in text
    ]
    assert found == []


# --- walls ---------------------------------------------------------------------------------


def _leads_to_a_shop(model: type[models.Model], seen: frozenset = frozenset()) -> bool:
    if model is Shop:
        return True
    return any(
        field.name in {"shop", "tenant", "schema", "schema_name", "shop_schema"}
        or (
            field.is_relation
            and field.related_model not in seen
            and _leads_to_a_shop(field.related_model, seen | {model})
        )
        for field in model._meta.concrete_fields
    )


def test_every_shared_table_that_leads_to_a_shop_is_walled_or_listed_with_a_reason():
    shared = [
        model
        for config in apps.get_app_configs()
        if config.name in settings.SHARED_APPS
        for model in config.get_models(include_auto_created=True)
    ]
    leading = {model._meta.db_table for model in shared if _leads_to_a_shop(model)}
    walled = {wall.table for wall in walls()}
    assert walled <= leading
    assert leading - walled - set(NOT_WALLED) == set(), "walled_by, or a reason in tests/watch.py"
    assert not walled & set(NOT_WALLED)


@pytest.mark.parametrize("wall", walls(), ids=lambda wall: wall.table)
def test_a_walled_row_says_its_schema_itself(wall):
    field = wall.model._meta.get_field(wall.model.walled_by)
    named = field.target_field if field.is_relation else field
    assert named.name in {"schema", "schema_name"}
    assert not field.null


def test_the_tables_of_a_shop_need_no_wall():
    for config in apps.get_app_configs():
        if config.name in settings.TENANT_APPS:
            assert not [m for m in config.get_models() if hasattr(m, "walled_by")]


# --- the watch -----------------------------------------------------------------------------


@pytest.fixture
def broken():
    yield watch.broken
    watch.broken.clear()


def _write(schema: str) -> None:
    with in_schema(schema):
        Contact.objects.create(first_name="Camille")


def test_the_watch_sees_a_transaction_that_writes_to_two_shops(shop, other_shop, broken):
    with transaction.atomic():
        _write(shop.schema_name)
        _write(other_shop.schema_name)
    assert broken == [f"one transaction writes to {other_shop.schema_name} and {shop.schema_name}"]


def test_the_watch_sees_it_in_raw_sql_and_behind_savepoints(shop, other_shop, broken):
    with transaction.atomic():
        with transaction.atomic():
            _write(shop.schema_name)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {other_shop.schema_name}.contacts_contact SET first_name = ''")
    assert len(broken) == 1


def test_the_watch_lets_two_shops_have_a_transaction_each(shop, other_shop, broken):
    for schema in (shop.schema_name, other_shop.schema_name) * 2:
        with transaction.atomic():
            _write(schema)
            RateCounter.objects.count()
    _write(shop.schema_name)
    _write(other_shop.schema_name)
    with transaction.atomic():
        _write(shop.schema_name)
        with in_schema(other_shop.schema_name):
            Contact.objects.count()
    assert broken == []


def test_the_watch_sees_what_a_shop_leaves_in_a_shared_table_without_a_wall(shop, broken):
    UserFactory()
    assert broken == []
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_admin_log")
    assert broken == ["django_admin_log is written from a shop and says neither walled_by nor why"]
