"""A rush on a drop: never one bottle too many, whoever taps at the same instant."""

from uuid import uuid4

from django.db.models import F, Sum

from apps.campaigns import bookings
from apps.campaigns.lot_models import Booking, Lot
from apps.catalog.models import Purchase, Variant
from apps.messaging.models import Message
from tests.campaigns.selling import FRIDAY, TEAM, a_lot, take
from tests.factories import ContactFactory

State = Booking.State


def people(many):
    return lambda _: [ContactFactory(agreeing=True) for _ in range(many)]


def counted(_):
    """Units by state, what the lot and the shelf say, and whether any limit was passed."""
    lot = Lot.objects.get()
    held = Booking.objects.filter(state=State.HELD).aggregate(sum=Sum("units"))["sum"] or 0
    assert lot.taken <= lot.quantity
    assert not Variant.objects.filter(held__gt=F("on_hand")).exists()
    return held, lot.taken, Variant.objects.get().held


def test_forty_people_at_once_get_the_twelve_bottles_and_not_one_more(committed):
    (lot,) = committed(lambda _: a_lot(12), None)
    (crowd,) = committed(people(40), None)
    results = committed(lambda person: take(lot, person), *crowd)
    assert sum(isinstance(result, Booking) for result in results) == 12
    assert sum(isinstance(result, bookings.OnlyLeft) for result in results) == 28
    assert committed(counted, None) == [(12, 12, 12)]


def test_a_rush_by_twos_and_threes_on_less_stock_than_was_said_fills_the_line(committed):
    def short(_):
        lot = a_lot(10)
        Variant.objects.update(on_hand=7)  # three were sold from the shelf meanwhile
        return lot

    (lot,) = committed(short, None)
    (crowd,) = committed(people(16), None)
    wanted = [(person, 2 + turn % 2) for turn, person in enumerate(crowd)]
    results = committed(lambda one: take(lot, one[0], one[1], wait=True), *wanted)
    assert {result.state for result in results} == {State.HELD, State.WAITING}
    held, taken, on_shelf = committed(counted, None)[0]
    assert held == taken == on_shelf <= 7


def test_impatient_taps_hold_once(committed):
    (lot,) = committed(lambda _: a_lot(12), None)
    ((person,),) = committed(people(1), None)
    token = uuid4()
    results = committed(lambda _: take(lot, person, 2, token=token), *range(8))
    assert {result.pk for result in results} == {results[0].pk}
    assert committed(counted, None) == [(2, 2, 2)]


def test_two_phones_of_one_person_hold_what_was_said_last(committed):
    (lot,) = committed(lambda _: a_lot(12), None)
    ((person,),) = committed(people(1), None)
    results = committed(lambda units: take(lot, person, units), 1, 2, 3, 4)
    assert {result.pk for result in results} == {results[0].pk}
    held, taken, on_shelf = committed(counted, None)[0]
    assert held == taken == on_shelf
    assert held in {1, 2, 3, 4}


def test_what_is_given_back_in_the_rush_goes_to_the_line_and_to_nobody_twice(committed):
    (lot,) = committed(lambda _: a_lot(4), None)
    (crowd,) = committed(people(12), None)
    first, late = crowd[:4], crowd[4:]
    mine = committed(lambda person: take(lot, person), *first)
    committed(lambda person: take(lot, person, wait=True), *late)

    committed(lambda one: bookings.cancel(one, by=TEAM, now=FRIDAY), *mine)
    assert committed(counted, None) == [(4, 4, 4)]

    def line(_):
        told = Message.objects.filter(kind="service").values_list("contact", flat=True)
        turns = Booking.objects.filter(state=State.HELD).values_list("contact", flat=True)
        return sorted(told), sorted(turns)

    told, turns = committed(line, None)[0]
    assert told == turns
    assert len(set(turns)) == 4


def test_handed_over_and_cancelled_at_once_ends_in_one_way(committed):
    (lot,) = committed(lambda _: a_lot(12), None)
    ((person,),) = committed(people(1), None)
    (mine,) = committed(lambda _: take(lot, person, 2), None)

    def end(turn):
        if turn % 2:
            return bookings.cancel(mine, by=TEAM, now=FRIDAY)
        gesture = {"gesture": uuid4(), "id_checked": True, "by": TEAM, "now": FRIDAY}
        return bookings.hand_over(mine, **gesture)

    committed(end, *range(8))

    def told(_):
        bought = Purchase.objects.filter(cancelled_at=None).count()
        return Booking.objects.get().state, bought, Variant.objects.get().on_hand

    state, bought, on_hand = committed(told, None)[0]
    assert (bought, on_hand) == ((1, 10) if state == State.FETCHED else (0, 12))
