"""Prints what a database looks like, as JSON; with ``--migrate``, after the real migrations.

A process of its own: ``python -m tests.house.catalogue`` on the database of its environment.
"""

import json
import os
import sys
from typing import Any

import django

ROWS = """
SELECT schemaname || '.' || tablename FROM pg_tables
WHERE schemaname IN ('public', 'shop_template') AND tablename <> 'django_migrations' ORDER BY 1
"""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

    from apps.shops.blueprint import read_blueprint
    from apps.shops.deploying import bring_up
    from apps.shops.migrating import migrate_schema, owner_connection
    from apps.shops.models import TEMPLATE_SCHEMA

    connection = owner_connection()
    if "--migrate" in sys.argv:
        migrate_schema("public")
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {TEMPLATE_SCHEMA}")
        migrate_schema(TEMPLATE_SCHEMA)
    bring_up(lambda line: None)
    found: dict[str, Any] = {"migrations": {}, "rows": {}}
    for schema in ("public", TEMPLATE_SCHEMA):
        blueprint = read_blueprint(connection, schema)
        found[schema] = [*blueprint.statements, *blueprint.grants]
    with connection.cursor() as cursor:
        cursor.execute(ROWS)
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table}")
            found["rows"][table] = cursor.fetchone()[0]
        for schema in ("public", TEMPLATE_SCHEMA):
            cursor.execute(f"SELECT app, name FROM {schema}.django_migrations ORDER BY 1, 2")
            found["migrations"][schema] = [list(row) for row in cursor.fetchall()]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
