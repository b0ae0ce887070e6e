"""A shop's schema is a closed world, by what the database itself says."""

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError
from django.db import connection

from apps.core.tenancy import PLATFORM_ROLE
from apps.shops import privileges
from apps.shops.migrating import owner_connection
from apps.shops.models import TEMPLATE_SCHEMA
from apps.shops.privileges import walls_missing
from apps.shops.walls import every_wall

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

TRIGGERS = """
SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
# Every object that stands in a schema: tables, indexes and sequences with their defaults, rules,
# constraints and policies, types, functions.
STANDS = """
WITH stands (classid, objid, space) AS (
  SELECT 'pg_class'::regclass, oid, relnamespace FROM pg_class
  UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace FROM pg_type
  UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace FROM pg_proc
  UNION ALL SELECT 'pg_constraint'::regclass, oid, connamespace FROM pg_constraint
  UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, c.relnamespace
    FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
  UNION ALL SELECT 'pg_rewrite'::regclass, r.oid, c.relnamespace
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
  UNION ALL SELECT 'pg_trigger'::regclass, t.oid, c.relnamespace
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  UNION ALL SELECT 'pg_policy'::regclass, p.oid, c.relnamespace
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
)
"""
LEAVING = f"""
{STANDS}
SELECT pg_describe_object(d.classid, d.objid, d.objsubid),
       pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
FROM pg_depend d
JOIN stands here ON (here.classid, here.objid) = (d.classid, d.objid)
JOIN stands there ON (there.classid, there.objid) = (d.refclassid, d.refobjid)
WHERE here.space <> there.space
  AND here.space IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)')
  AND there.space IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)')
"""
KINDS = """
SELECT DISTINCT c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema)'
"""
FUNCTIONS = """
SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^(pg_|information_schema)'
"""
MAY_CREATE = """
SELECT nspname FROM pg_namespace WHERE has_schema_privilege(%s, oid, 'CREATE')
"""
OWNED = """
SELECT pg_describe_object(classid, objid, objsubid) FROM pg_shdepend
WHERE deptype = 'o' AND refobjid = %s::regrole
"""
POWERS = """
SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication FROM pg_roles
WHERE rolname = %s
"""
BECOMES = """
SELECT r.rolname, pg_has_role(current_user, r.oid, 'USAGE') FROM pg_auth_members m
JOIN pg_roles r ON r.oid = m.roleid WHERE m.member = current_user::regrole
"""
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
        cursor.execute(query, values or None)
        return cursor.fetchall()


def _me() -> str:
    return str(_rows("SELECT current_user")[0][0])


def test_nothing_of_a_schema_leans_on_another():
    """No foreign key, default, sequence, view, type or policy: foreign keys among them."""
    assert _rows(LEAVING) == []


def test_that_question_would_find_a_key_a_view_and_a_default_that_lean_out():
    with owner_connection().cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            cursor.execute("CREATE SCHEMA s_lean")
            cursor.execute("CREATE TABLE s_lean.t (id bigint REFERENCES public.shops_shop (id))")
            cursor.execute("CREATE VIEW s_lean.v AS SELECT id FROM public.shops_shop")
            cursor.execute(
                "CREATE TABLE s_lean.d (id bigint DEFAULT "
                f"nextval('{TEMPLATE_SCHEMA}.contacts_contact_id_seq'))"
            )
            cursor.execute(LEAVING)
            found = " ".join(str(row) for row in cursor.fetchall())
        finally:
            cursor.execute("ROLLBACK")
    for lean in ("constraint t_id_fkey", "rule _RETURN on view s_lean.v", "default value for"):
        assert lean in found


def test_a_schema_holds_tables_their_indexes_and_sequences_and_no_more():
    assert {kind for (kind,) in _rows(KINDS)} == {"r", "i", "S"}
    assert _rows(FUNCTIONS) == []


def test_no_trigger_stands_anywhere():
    assert _rows(TRIGGERS) == []


def test_the_application_owns_nothing_makes_nothing_and_is_no_superuser():
    assert _rows(POWERS, _me()) == [(False,)]
    assert _rows(OWNED, _me()) == []
    assert _rows(MAY_CREATE, _me()) == []
    assert _rows("SELECT has_database_privilege(current_database(), 'CREATE')") == [(False,)]


def test_the_application_may_become_the_platform_and_is_it_not():
    assert _rows(BECOMES) == [(PLATFORM_ROLE, False)]


def test_the_platforms_role_has_shared_rows_and_nothing_of_a_shop():
    assert _rows(POWERS, PLATFORM_ROLE) == [(False,)]
    assert _rows("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", PLATFORM_ROLE) == [(False,)]
    assert _rows(OWNED, PLATFORM_ROLE) == []
    assert _rows(MAY_CREATE, PLATFORM_ROLE) == []
    spaces = "SELECT nspname FROM pg_namespace WHERE has_schema_privilege(%s, oid, 'USAGE')"
    seen = {name for (name,) in _rows(spaces, PLATFORM_ROLE) if not name.startswith("pg_")}
    assert seen == {"public", "information_schema"}


def test_the_walls_stand_where_the_models_say_and_nowhere_else():
    forced = _rows("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
    assert {name for (name,) in forced} == {wall.table for wall in every_wall()}
    assert _rows("SELECT count(*) FROM pg_class WHERE relrowsecurity <> relforcerowsecurity") == [
        (0,)
    ]


def test_walls_that_stand_are_left_alone_and_one_that_was_changed_is_put_right():
    connection = owner_connection()
    assert walls_missing(connection) == []
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            cursor.execute("DROP POLICY of_the_shop ON accounts_membership")
            cursor.execute("CREATE POLICY wide ON accounts_membership USING (true)")
            cursor.execute("ALTER TABLE accounts_session NO FORCE ROW LEVEL SECURITY")
            missing = walls_missing(connection)
            assert len(missing) == 5
            cursor.execute(";".join(missing))
            assert walls_missing(connection) == []
        finally:
            cursor.execute("ROLLBACK")


def test_a_server_without_the_platforms_role_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(privileges, "PLATFORM_ROLE", "comptoir_nobody")
    with pytest.raises(CommandError, match="CREATE ROLE comptoir_nobody NOLOGIN"):
        privileges.grant_public(owner_connection())


def test_a_role_that_is_the_platform_without_asking_is_refused(monkeypatch):
    monkeypatch.setattr(privileges, "app_role", lambda: PLATFORM_ROLE)
    with pytest.raises(CommandError, match="en hérite"):
        privileges.grant_public(owner_connection())


def test_what_says_append_only_is_so_for_the_application():
    checked = 0
    for config in apps.get_app_configs():
        schema = TEMPLATE_SCHEMA if config.name in settings.TENANT_APPS else "public"
        for model in config.get_models():
            if not getattr(model, "append_only", False):
                continue
            table = f"{schema}.{model._meta.db_table}"
            for role in (_me(), PLATFORM_ROLE):
                for act in ("UPDATE", "DELETE", "TRUNCATE"):
                    may = _rows("SELECT has_table_privilege(%s, %s, %s)", role, table, act)
                    assert may == [(False,)], table
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
