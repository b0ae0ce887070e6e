"""A shop's schema is a closed world, by what the database itself says."""

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from apps.shops.models import TEMPLATE_SCHEMA

pytestmark = pytest.mark.django_db

LEAVING = """
SELECT k.conname FROM pg_constraint k
JOIN pg_class here ON here.oid = k.conrelid JOIN pg_class there ON there.oid = k.confrelid
WHERE k.contype = 'f' AND here.relnamespace <> there.relnamespace
"""
TRIGGERS = """
SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
POWERS = """
SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user
"""
OWNED_BY_APP = "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
# An index that begins as another does, and the one that serves LIKE 'abc%%'.
TWICE = """
SELECT c.relname, a.relname FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class a ON a.oid = i.indexrelid
WHERE c.relnamespace = %s::regnamespace AND NOT i.indisunique AND i.indpred IS NULL
  AND EXISTS (
    SELECT 1 FROM pg_index j
    WHERE j.indrelid = i.indrelid AND j.indexrelid <> i.indexrelid AND j.indpred IS NULL
      AND i.indexprs IS NULL AND j.indexprs IS NULL
      AND j.indkey::text || ' ' LIKE i.indkey::text || ' %%')
"""


def _rows(query: str, *values: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def test_no_foreign_key_leaves_a_schema():
    assert _rows(LEAVING) == []


def test_no_trigger_stands_anywhere():
    assert _rows(TRIGGERS) == []


def test_the_application_owns_nothing_and_is_no_superuser():
    assert _rows(OWNED_BY_APP) == [(0,)]
    assert _rows(
        "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    ) == [(False, False, False)]


def test_what_says_append_only_is_so_for_the_application():
    checked = 0
    for config in apps.get_app_configs():
        schema = TEMPLATE_SCHEMA if config.name in settings.TENANT_APPS else "public"
        for model in config.get_models():
            if not getattr(model, "append_only", False):
                continue
            table = f"{schema}.{model._meta.db_table}"
            for act in ("UPDATE", "DELETE", "TRUNCATE"):
                assert _rows("SELECT has_table_privilege(%s, %s)", table, act) == [(False,)], table
            checked += 1
    assert checked >= 4


def test_a_model_of_a_shop_points_at_nothing_outside():
    shop_side = {c.label for c in apps.get_app_configs() if c.name in settings.TENANT_APPS}
    for label in shop_side:
        for model in apps.get_app_config(label).get_models(include_auto_created=True):
            for field in model._meta.get_fields():
                if field.is_relation and field.concrete:
                    assert field.related_model._meta.app_label in shop_side, field


def test_no_index_of_a_shop_stands_twice():
    """Each is written with each row, and remembered by each connection for each shop."""
    pairs = {
        model._meta.db_table  # Django makes the table between two, and its indexes
        for model in apps.get_models(include_auto_created=True)
        if model._meta.auto_created
    }
    assert [name for table, name in _rows(TWICE, TEMPLATE_SCHEMA) if table not in pairs] == []
