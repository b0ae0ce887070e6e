"""Stock: nothing is promised twice, nothing is counted twice."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.db.utils import ProgrammingError
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.catalog.details import Kind
from apps.catalog.models import MoveCause, Reservation, StockMove, Variant
from apps.catalog.services.products import ProductWords, VariantWords, save_product
from apps.catalog.services.stock import (
    DUE,
    NotEnough,
    ReservationOver,
    collect,
    count_stock,
    move_stock,
    release,
    release_overdue,
    reserve,
)
from apps.catalog.tasks import look_at_reservations
from apps.core import due
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from tests.factories import ContactFactory

HELPER = Actor("team", 7)
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


def bottles(count: int, **words) -> Variant:
    product = ProductWords("Morgon", Kind.WINE, [VariantWords(1490, **words)])
    variant = save_product(product, by=HELPER, now=NOW).variants.get()
    return move_stock(
        variant=variant, units=count, cause=MoveCause.RECEIPT, token=uuid4(), by=HELPER, now=NOW
    )


def promise(variant: Variant, units: int, contact=None, **more) -> Reservation:
    more = {"token": uuid4(), "cause": "drop:1", "now": NOW, **more}
    return reserve(variant=variant, contact=contact or ContactFactory(), units=units, **more)


def test_a_delivery_sent_twice_is_counted_once(shop):
    bottle, token = bottles(6), uuid4()
    for _ in range(2):
        bottle = move_stock(
            variant=bottle, units=6, cause=MoveCause.RECEIPT, token=token, by=HELPER, now=NOW
        )
    assert bottle.on_hand == 12


def test_an_inventory_writes_the_difference(shop):
    bottle = count_stock(variant=bottles(12), counted=11, token=uuid4(), by=HELPER, now=NOW)
    assert bottle.on_hand == 11
    assert StockMove.objects.get(cause=MoveCause.COUNT).units == -1


def test_the_ledger_cannot_be_rewritten(shop):
    bottles(3)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        StockMove.objects.update(units=5)


def test_the_last_bottle_is_promised_once(shop):
    bottle = bottles(1)
    promise(bottle, 1)
    with pytest.raises(NotEnough, match="reste plus"):
        promise(bottle, 1)


def test_who_asks_for_too_many_hears_how_many_are_left(shop):
    bottle = bottles(3)
    promise(bottle, 1)
    with pytest.raises(NotEnough, match="que 2") as refused:
        promise(bottle, 3)
    assert refused.value.left == 2


def test_a_person_may_change_how_many_they_take(shop):
    bottle, person = bottles(4), ContactFactory()
    promise(bottle, 1, person)
    assert promise(bottle, 4, person).units == 4
    promise(bottle, 2, person)
    bottle.refresh_from_db()
    assert (bottle.held, bottle.available) == (2, 2)


def test_a_reservation_sent_twice_holds_once(shop):
    bottle, person, token = bottles(4), ContactFactory(), uuid4()
    first = promise(bottle, 2, person, token=token)
    assert promise(bottle, 2, person, token=token) == first
    bottle.refresh_from_db()
    assert bottle.held == 2


def test_what_is_fetched_leaves_the_stock_once(shop):
    bottle = bottles(4)
    mine = promise(bottle, 3)
    for _ in range(2):
        collect(reservation=mine, by=HELPER, now=NOW)
    bottle.refresh_from_db()
    assert (bottle.on_hand, bottle.held) == (1, 0)
    with pytest.raises(ReservationOver):
        release(reservation=mine, now=NOW)


def test_what_nobody_fetched_goes_back_to_the_shelf(shop):
    bottle = bottles(2)
    mine = promise(bottle, 2, until=NOW + timedelta(days=2))
    assert release_overdue(NOW + timedelta(days=1)) == 0
    assert release_overdue(NOW + timedelta(days=2)) == 1
    mine.refresh_from_db()
    bottle.refresh_from_db()
    assert (mine.ending, bottle.available) == ("lapsed", 2)


def test_a_shop_where_no_reservation_has_run_out_is_not_opened(shop, run_jobs):
    now = timezone.now()
    early, late = bottles(4), bottles(4)
    promise(early, 1, until=now - timedelta(minutes=1))
    promise(late, 1, until=now + timedelta(days=1))
    connection.set_schema_to_public()
    look_at_reservations()
    connection.set_tenant(shop)
    run_jobs()
    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.available, late.available) == (4, 3)
    connection.set_schema_to_public()
    assert due.take(DUE, now) == []
    assert due.take(DUE, now + timedelta(days=1)) == [shop.schema_name]


def test_a_shop_that_does_not_count_promises_what_is_asked(shop):
    bottle = bottles(0, is_counted=False)
    assert promise(bottle, 24).units == 24
    bottle.refresh_from_db()
    assert bottle.available is None


GESTURES = st.lists(
    st.tuples(
        st.sampled_from(["receive", "lose", "promise", "release", "collect"]), st.integers(1, 5)
    ),
    max_size=25,
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(gestures=GESTURES)
def test_whatever_happens_the_sums_are_those_of_the_ledgers(shop, gestures):
    bottle, promised = bottles(5), []
    for gesture, units in gestures:
        try:
            if gesture in {"receive", "lose"}:
                cause = MoveCause.RECEIPT if gesture == "receive" else MoveCause.LOSS
                signed = units if gesture == "receive" else -units
                move_stock(
                    variant=bottle, units=signed, cause=cause, token=uuid4(), by=HELPER, now=NOW
                )
            elif gesture == "promise":
                promised.append(promise(bottle, units))
            elif promised and gesture == "release":
                release(reservation=promised[units % len(promised)], now=NOW)
            elif promised:
                collect(reservation=promised[units % len(promised)], by=HELPER, now=NOW)
        except Refusal:
            pass
        bottle.refresh_from_db()
        moved = bottle.moves.aggregate(sum=Sum("units"))["sum"]
        standing = bottle.reservations.standing().aggregate(sum=Sum("units"))["sum"] or 0
        assert (bottle.on_hand, bottle.held) == (moved, standing)
