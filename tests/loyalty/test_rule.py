"""The arithmetic of a card, by hand and for whatever numbers."""

from hypothesis import given
from hypothesis import strategies as st

from apps.loyalty.rule import Kind, Offer, Win, climbed, share

COFFEE, MEAL = Offer(5, "Un café"), Offer(10, "Un repas")


def test_each_threshold_is_won_on_the_way_and_the_highest_closes_the_round():
    assert climbed(3, 4, [COFFEE], MEAL) == []
    assert climbed(4, 5, [COFFEE], MEAL) == [Win(COFFEE, 0)]
    assert climbed(9, 10, [COFFEE], MEAL) == [Win(MEAL, 10)]


def test_a_long_leap_wins_all_it_passes():
    coffee, meal = Win(COFFEE, 0), Win(MEAL, 10)
    assert climbed(0, 26, [COFFEE], MEAL) == [coffee, meal, coffee, meal, coffee]


def test_what_stood_above_a_threshold_did_not_climb_through_it():
    assert climbed(7, 8, [COFFEE], MEAL) == []


@given(st.integers(0, 500), st.integers(1, 100), st.data())
def test_the_parts_of_a_return_together_take_exactly_all(units, whole, data):
    left, taken = whole, 0
    while left:
        part = data.draw(st.integers(1, left))
        taken += share(units, whole - left + part, whole) - share(units, whole - left, whole)
        left -= part
    assert taken == units


def test_units_are_said_as_people_count():
    assert Kind.STAMPS.said(1) == "1 tampon"
    assert Kind.VISITS.said(3) == "3 passages"
    assert Kind.EUROS.said(12_50) == "12,50\u00a0€"
    assert Kind.POINTS.said(240) == "240 points"
