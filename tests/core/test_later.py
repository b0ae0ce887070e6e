"""Rows that ride with the COMMIT: there when they are looked for, gone when what caused them is."""

import psycopg
import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from apps.audit.models import Entry
from apps.audit.services import record
from apps.core.actor import SYSTEM
from apps.core.jobs import enqueue
from apps.core.tenancy import in_schema
from apps.shops.models import Shop
from tests.core import work


class Undo(Exception):
    pass


def act() -> None:
    record(SYSTEM, "essai", "shop")
    enqueue(work.nothing)


@transaction.atomic
def undone() -> None:
    act()
    raise Undo


def found() -> tuple[int, int]:
    return Entry.objects.filter(verb="essai").count(), OrmQ.objects.count()


def test_who_looks_finds_what_was_written_a_moment_ago(shop):
    act()
    assert found() == (1, 1)


def test_what_is_undone_leaves_no_trace_and_no_job(shop):
    with pytest.raises(Undo):
        undone()
    act()
    assert found() == (1, 1)


def test_what_stood_before_the_undone_part_stays(shop):
    act()
    with pytest.raises(Undo):
        undone()
    assert found() == (1, 1)


def test_a_line_is_written_in_the_shop_where_it_was_said(shop, other_shop):
    record(SYSTEM, "essai", "shop")
    with in_schema(other_shop.schema_name):
        assert not Entry.objects.filter(verb="essai").exists()
    assert Entry.objects.filter(verb="essai").count() == 1


def test_many_lines_are_all_there(shop):
    for _ in range(50):
        record(SYSTEM, "essai", "shop")
    assert found() == (50, 0)


def test_trail_and_job_are_one_statement(shop):
    Shop.objects.exists()
    with CaptureQueriesContext(connection) as heard:
        act()
        Shop.objects.exists()
    assert len(heard) == 2


def test_they_are_committed_with_the_rest_and_only_then(committed):
    def gesture(_: object) -> tuple[int, int]:
        with transaction.atomic():
            Shop.objects.exists()
            act()
            with psycopg.connect(connection.connection.info.dsn) as stranger:
                seen = stranger.execute("SELECT count(*) FROM public.django_q_ormq").fetchone()
        assert seen == (0,)
        return found()

    assert committed(gesture, None) == [(1, 1)]


def test_a_row_that_cannot_be_written_takes_the_rest_with_it(committed):
    @transaction.atomic
    def too_long() -> None:
        enqueue(work.nothing)
        record(SYSTEM, "x" * 500, "shop")

    def gesture(_: object) -> tuple[int, int]:
        with pytest.raises(DataError):
            too_long()
        return found()

    assert committed(gesture, None) == [(0, 0)]
