"""Commercial messages keep to the legal hours of whoever receives them."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.messaging.hours import is_day_off, next_allowed, place_of
from apps.shops.models import Shop

PARIS = ZoneInfo("Europe/Paris")
MAINLAND, REUNION, GUADELOUPE = "+33612345678", "+262692123456", "+590690123456"


def shop(**fields):
    hours = {"quiet_from": time(21, 30), "quiet_until": time(8), "postal_code": "21200"}
    return Shop(**{**hours, **fields})


def paris(*parts):
    return datetime(*parts, tzinfo=PARIS)


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        (paris(2026, 11, 20, 17, 30), paris(2026, 11, 20, 17, 30)),
        (paris(2026, 11, 20, 7, 59), paris(2026, 11, 20, 8)),
        (paris(2026, 11, 20, 8), paris(2026, 11, 20, 8)),
        (paris(2026, 11, 20, 21, 29, 59), paris(2026, 11, 20, 21, 29, 59)),
        (paris(2026, 11, 20, 21, 30), paris(2026, 11, 21, 8)),
        (paris(2026, 11, 21, 22), paris(2026, 11, 23, 8)),  # Saturday night → Monday
        (paris(2026, 12, 24, 23), paris(2026, 12, 26, 8)),  # Christmas is skipped
        (paris(2026, 11, 11, 12), paris(2026, 11, 12, 8)),
    ],
)
def test_a_message_waits_for_the_next_legal_moment(asked, allowed):
    assert next_allowed(shop(), MAINLAND, asked) == allowed


def test_a_shop_may_allow_sundays_and_holidays():
    sunday = paris(2026, 11, 22, 11)
    assert next_allowed(shop(sundays_allowed=True), MAINLAND, sunday) == sunday


@pytest.mark.parametrize(
    ("phone", "asked", "allowed"),
    [
        # 10:00 in Paris is 13:00 in Saint-Denis and 05:00 in Pointe-à-Pitre.
        (REUNION, paris(2026, 11, 20, 10), paris(2026, 11, 20, 10)),
        (GUADELOUPE, paris(2026, 11, 20, 10), paris(2026, 11, 20, 13)),
        # 19:00 in Paris is 22:00 in Saint-Denis.
        (REUNION, paris(2026, 11, 20, 19), paris(2026, 11, 21, 5)),
    ],
)
def test_the_clock_is_the_recipients(phone, asked, allowed):
    assert next_allowed(shop(), phone, asked) == allowed


@pytest.mark.parametrize(
    ("where", "day"),
    [
        ("67000", date(2027, 3, 26)),  # Good Friday in Alsace
        ("57000", date(2026, 12, 26)),
        ("68100", date(2026, 12, 26)),
        ("97100", date(2027, 5, 27)),
        ("97200", date(2027, 5, 22)),
        ("97300", date(2027, 6, 10)),
        ("97400", date(2026, 12, 20)),
        ("97600", date(2027, 4, 27)),
        ("97133", date(2026, 10, 9)),
        ("97150", date(2027, 5, 28)),
    ],
)
def test_each_territory_keeps_its_own_days_off(where, day):
    assert is_day_off(day, place_of(shop(), where))
    if day.isoweekday() != 7:
        assert not is_day_off(day, place_of(shop(), "75011"))


def test_who_gave_no_postal_code_keeps_the_days_off_around_the_shop():
    second_day = paris(2026, 12, 26, 12)
    assert next_allowed(shop(), MAINLAND, second_day) == second_day
    assert next_allowed(shop(postal_code="67000"), MAINLAND, second_day) == paris(2026, 12, 28, 8)
    mine = next_allowed(shop(postal_code="67000"), MAINLAND, second_day, postal_code="75011")
    assert mine == second_day


def test_a_mainland_number_with_an_overseas_address_lives_overseas():
    assert place_of(shop(), MAINLAND, "97400").zone.key == "Indian/Reunion"
    assert place_of(shop(region="RE"), "").zone.key == "Indian/Reunion"
    assert place_of(shop(), "+4915112345678").zone.key == "Europe/Berlin"


def test_clocks_that_change_neither_skip_nor_repeat_a_day():
    allowed = shop(sundays_allowed=True)
    # 29 March 2026, 02:00 → 03:00; 25 October 2026, 03:00 → 02:00.
    assert next_allowed(allowed, MAINLAND, datetime(2026, 3, 29, 0, 30, tzinfo=UTC)) == datetime(
        2026, 3, 29, 6, tzinfo=UTC
    )
    assert next_allowed(allowed, MAINLAND, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == datetime(
        2026, 10, 25, 7, tzinfo=UTC
    )
    eve = datetime(2026, 10, 24, 19, 30, tzinfo=UTC)  # 21:30 of summer
    assert next_allowed(allowed, MAINLAND, eve) == datetime(2026, 10, 25, 7, tzinfo=UTC)
    within_the_gap = shop(sundays_allowed=True, quiet_until=time(2, 30))
    assert next_allowed(within_the_gap, MAINLAND, datetime(2026, 3, 29, 0, tzinfo=UTC)) == datetime(
        2026, 3, 29, 1, 30, tzinfo=UTC
    )


def test_hours_turned_inside_out_fall_back_on_the_law():
    wrong = shop(quiet_from=time(8), quiet_until=time(21, 30))
    assert next_allowed(wrong, MAINLAND, paris(2026, 11, 20, 7)) == paris(2026, 11, 20, 8)


moments = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1)).map(
    lambda naive: naive.replace(tzinfo=UTC)
)
places = st.sampled_from([MAINLAND, REUNION, GUADELOUPE, "67000", "97600", "", "+4915112345678"])


@given(moments, places, st.booleans())
def test_whatever_the_moment_the_answer_is_legal_and_stays(at, where, sundays):
    given_shop = shop(sundays_allowed=sundays)
    allowed = next_allowed(given_shop, where, at)
    place = place_of(given_shop, where)
    local = allowed.astimezone(place.zone)
    assert allowed >= at
    assert time(8) <= local.time() < time(21, 30)
    assert sundays or not is_day_off(local.date(), place)
    assert next_allowed(given_shop, where, allowed) == allowed
