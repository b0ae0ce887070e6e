"""A rush on a few bottles: never one too many."""

from uuid import uuid4

from django.db.models import Sum
from django.utils import timezone

from apps.catalog.models import MoveCause, Reservation, Variant
from apps.catalog.services.products import ProductWords, VariantWords, save_product
from apps.catalog.services.stock import NotEnough, collect, move_stock, release, reserve
from apps.core.actor import Actor
from tests.factories import ContactFactory

HELPER = Actor("team", 7)


def _twelve_bottles(_):
    words = ProductWords("Morgon", "wine", [VariantWords(1490)])
    bottle = save_product(words, by=HELPER, now=timezone.now()).variants.get()
    return move_stock(
        variant=bottle,
        units=12,
        cause=MoveCause.RECEIPT,
        token=uuid4(),
        by=HELPER,
        now=timezone.now(),
    )


def _promise(bottle, person, units=1, token=None):
    return reserve(
        variant=bottle,
        contact=person,
        units=units,
        cause="drop:1",
        token=token or uuid4(),
        now=timezone.now(),
    )


def _people(count):
    return lambda _: [ContactFactory() for _ in range(count)]


def test_forty_people_at_once_get_the_twelve_bottles_and_not_one_more(committed):
    (bottle,) = committed(_twelve_bottles, None)
    (people,) = committed(_people(40), None)
    results = committed(lambda person: _promise(bottle, person), *people)
    assert sum(isinstance(result, Reservation) for result in results) == 12
    assert sum(isinstance(result, NotEnough) for result in results) == 28

    def told(_):
        held = Variant.objects.get(pk=bottle.pk).held
        return held, Reservation.objects.standing().aggregate(sum=Sum("units"))["sum"]

    assert committed(told, None) == [(12, 12)]


def test_one_person_s_impatient_taps_hold_once(committed):
    (bottle,) = committed(_twelve_bottles, None)
    ((person,),) = committed(_people(1), None)
    token = uuid4()
    results = committed(lambda _: _promise(bottle, person, 2, token), *range(8))
    assert {result.pk for result in results} == {results[0].pk}
    assert committed(lambda _: Variant.objects.get(pk=bottle.pk).held, None) == [2]


def test_fetched_and_cancelled_at_once_ends_in_one_way(committed):
    (bottle,) = committed(_twelve_bottles, None)
    ((person,),) = committed(_people(1), None)
    (mine,) = committed(lambda _: _promise(bottle, person, 2), None)

    def end(turn):
        if turn % 2:
            return release(reservation=mine, now=timezone.now())
        return collect(reservation=mine, by=HELPER, now=timezone.now())

    committed(end, *range(8))
    ended = committed(lambda _: Reservation.objects.get(pk=mine.pk).ending, None)[0]
    variant = committed(lambda _: Variant.objects.get(pk=bottle.pk), None)[0]
    assert (variant.on_hand, variant.held) == ((10, 0) if ended == "collected" else (12, 0))
