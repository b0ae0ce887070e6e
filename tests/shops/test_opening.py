"""Opening hours are read as they are written, or not at all."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ops.demo.shops import SHOPS
from apps.shops.opening import read_hours

MONDAY = datetime(2026, 11, 16)
NAMES = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


def at(day, hour, minute=0):
    """Monday is day 0."""
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    "text",
    [
        "Mardi à samedi : 10 h – 12 h 30, 15 h – 19 h 30\nDimanche : 10 h – 13 h",
        "Du mardi au samedi 10h-12h30 et 15h-19h30, \ndim. 10h à 13h\nLundi : fermé",
        "Mar-Sam 10:00-12:30 / 15:00-19:30\nDim 10:00-13:00",
        "mardi, mercredi, jeudi, vendredi et samedi de 10 h à 12 h 30 puis de 15 h à 19 h 30\n"
        "\nLe dimanche, 10h — 13h.",
    ],
)
def test_the_same_week_in_the_words_of_several_shopkeepers(text):
    week = read_hours(text)
    shut = [at(0, 11), at(1, 9, 59), at(3, 13), at(5, 19, 31), at(6, 15)]
    assert all(week.is_open(moment) for moment in (at(1, 10), at(4, 12, 30), at(5, 18), at(6, 11)))
    assert not any(week.is_open(moment) for moment in shut)


def test_a_bar_is_open_until_tomorrow_and_every_day():
    week = read_hours("7j/7 : 18 h – 2 h")
    assert week.is_open(at(0, 1))
    assert week.is_open(at(6, 23))
    assert not week.is_open(at(0, 2, 1))
    assert not week.is_open(at(2, 12))
    assert read_hours("Tous les jours, midi à minuit").is_open(at(6, 23, 59))


def test_who_is_served_at_the_closing_hour_is_served_still():
    week, half_an_hour = read_hours("Lundi : 9 h – 18 h"), timedelta(minutes=30)
    assert week.is_open(at(0, 18, 30), half_an_hour)
    assert week.is_open(at(0, 8, 30), half_an_hour)
    assert not week.is_open(at(0, 18, 31), half_an_hour)


@pytest.mark.parametrize(
    "text",
    ["", "Sur rendez-vous", "Mardi à samedi", "10 h – 19 h", "Lundi : fermé", "Mardi : 10 h – 30 h",
     "Mardi : 10 h – 19 h\nsauf jours fériés", "Mardi : 10 h – 19 h, nocturne le jeudi"],
)  # fmt: skip
def test_what_is_unclear_says_nothing_of_any_hour(text):
    assert read_hours(text) is None


@pytest.mark.parametrize("demo", SHOPS, ids=lambda demo: demo.slug)
def test_the_hours_of_the_demonstration_are_read(demo):
    assert read_hours(demo.fields["opening_hours"])


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 22), st.integers(1, 59))
def test_a_range_of_days_is_each_of_its_days_and_no_other(first, last, hour, minute):
    week = read_hours(f"{NAMES[first]} au {NAMES[last]} : {hour} h {minute:02} – {hour + 1}h")
    within = {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    for day in range(7):
        assert week.is_open(at(day, hour, minute)) == (day in within)


@given(st.text(max_size=400))
def test_no_text_is_too_odd_to_be_left_unread(text):
    week = read_hours(text)
    assert week is None or any(week.days)
