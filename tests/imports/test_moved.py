"""The imports of a shop that was there before they had a room of their own."""

import pytest
from psycopg.types.json import Jsonb

from apps.imports.models import ImportLine, ImportRun
from apps.shops.migrating import alone_in, executor_for

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

SCHEMA = "shop_of_old"


def migrated(connection, migration):
    """In the database's own transactions, which end with the test."""
    executor_for(SCHEMA).migrate([("audience", migration)])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_earlier_imports_and_each_line_s_fate_come_along():
    with alone_in(SCHEMA) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {SCHEMA}")
        migrated(connection, "0001_initial")
        cursor.execute(
            "INSERT INTO audience_importrun (id, state, file, file_name, digest, encoding,"
            " separator, header, mapping, tag, consent_origin, total, done, created_at, touched_at)"
            " VALUES (41, 'running', 'ici.csv', 'liste.csv', 'd', 'utf-8', ';', true, %s,"
            " 'Salon 2025', 'paper', 9, 1, now(), now())",
            [Jsonb({"phone": 0})],
        )
        cursor.execute(
            "INSERT INTO audience_importline (run_id, number, fate, reasons)"
            " VALUES (41, 2, 'refused', 'address')"
        )
        migrated(connection, "0002_imports_have_a_room")

        run = ImportRun.objects.using("owner").get()
        assert (run.pk, run.kind, run.mapping, run.done) == (41, "people", {"phone": 0}, 1)
        assert run.options == {"tag": "Salon 2025", "consent_origin": "paper"}
        line = run.lines.get()
        assert (line.number, line.fate, line.reasons, line.subject_id) == (
            2,
            "refused",
            "address",
            None,
        )
        ImportLine.objects.using("owner").create(run=run, number=3, fate="same")
        run.pk = None
        run.save(using="owner")
        assert run.pk == 42
