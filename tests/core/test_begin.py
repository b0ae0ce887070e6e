"""BEGIN travels with the first statement, and a transaction is one all the same."""

import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction
from psycopg.pq import TransactionStatus

from apps.core.tenancy import in_schema
from apps.shops.models import Shop
from tests.at_once import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def apart(shop):
    """``apart(work)``: on a connection of its own, outside the test's transaction."""

    def run(work):
        def inside(_):
            with in_schema(shop.schema_name):
                connection.cursor().close()  # the server knows the schema
                return work()

        (found,) = at_once(inside, None)
        return found

    return run


def status():
    return connection.connection.info.transaction_status


def test_the_first_statement_begins_and_its_answer_is_read(shop, apart):
    def work():
        with transaction.atomic():
            name = Shop.objects.values_list("name", flat=True).get(pk=shop.pk)
            assert status() == TransactionStatus.INTRANS
        return name, status()

    assert apart(work) == (shop.name, TransactionStatus.IDLE)


def test_what_was_written_goes_with_a_rollback(shop, apart):
    def work():
        with transaction.atomic():
            Shop.objects.filter(pk=shop.pk).update(city="Ailleurs")
            transaction.set_rollback(True)
        return Shop.objects.values_list("city", flat=True).get(pk=shop.pk)

    assert apart(work) == shop.city


@pytest.mark.parametrize("statement", ["SELEC 1", "SELECT 1/0", "SELECT * FROM nowhere"])
def test_a_first_statement_that_fails_leaves_no_half_open_transaction(shop, apart, statement):
    def work():
        with pytest.raises(DatabaseError), transaction.atomic():
            connection.cursor().execute(statement)
        with transaction.atomic():
            Shop.objects.filter(pk=shop.pk).update(city="Ailleurs")
            transaction.set_rollback(True)
        return status(), Shop.objects.values_list("city", flat=True).get(pk=shop.pk)

    assert apart(work) == (TransactionStatus.IDLE, shop.city)


def test_who_swallows_an_unreadable_statement_still_writes_in_a_transaction(shop, apart):
    def work():
        with transaction.atomic():
            with pytest.raises(ProgrammingError):
                connection.cursor().execute("SELEC 1")
            assert status() == TransactionStatus.IDLE
            connection.needs_rollback = False
            Shop.objects.filter(pk=shop.pk).update(city="Ailleurs")
            assert status() == TransactionStatus.INTRANS
            transaction.set_rollback(True)
        return Shop.objects.values_list("city", flat=True).get(pk=shop.pk)

    assert apart(work) == shop.city


def test_rows_are_streamed_and_locked_inside_a_transaction(shop, apart):
    def work():
        with transaction.atomic():
            Shop.objects.exists()
            return [found.pk for found in Shop.objects.select_for_update().iterator()]

    assert shop.pk in apart(work)


def test_many_values_and_nothing_at_all_begin_as_ever(apart):
    def work():
        with transaction.atomic():
            pass
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany("SELECT %s", [(1,), (2,)])
            assert status() == TransactionStatus.INTRANS
        return status()

    assert apart(work) == TransactionStatus.IDLE
