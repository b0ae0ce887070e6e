"""Commercial messages keep to the legal hours of whoever receives them."""

from datetime import UTC, date, datetime, time, timedelta
from functools import partial
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


SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)  # 02:00 → 03:00; 03:00 → 02:00


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        # The night of spring has an hour less: eight o'clock is six in UTC, and not seven.
        (datetime(2026, 3, 28, 20, 29, tzinfo=UTC), datetime(2026, 3, 28, 20, 29, tzinfo=UTC)),
        (datetime(2026, 3, 28, 20, 30, tzinfo=UTC), datetime(2026, 3, 29, 6, tzinfo=UTC)),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), datetime(2026, 3, 29, 6, tzinfo=UTC)),
        (datetime(2026, 3, 29, 1, 1, tzinfo=UTC), datetime(2026, 3, 29, 6, tzinfo=UTC)),
        (datetime(2026, 3, 29, 19, 30, tzinfo=UTC), datetime(2026, 3, 30, 6, tzinfo=UTC)),
        # That of autumn has one more, and half past two twice.
        (datetime(2026, 10, 24, 19, 29, tzinfo=UTC), datetime(2026, 10, 24, 19, 29, tzinfo=UTC)),
        (datetime(2026, 10, 24, 19, 30, tzinfo=UTC), datetime(2026, 10, 25, 7, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 7, tzinfo=UTC)),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 10, 25, 7, tzinfo=UTC)),
        (datetime(2026, 10, 25, 20, 30, tzinfo=UTC), datetime(2026, 10, 26, 7, tzinfo=UTC)),
    ],
)
def test_the_nights_on_which_clocks_change_neither_skip_nor_repeat_a_day(asked, allowed):
    assert next_allowed(shop(sundays_allowed=True), MAINLAND, asked) == allowed


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_a_sunday_on_which_clocks_change_is_a_sunday_from_end_to_end(day):
    midnight = datetime.combine(day, time(0), PARIS).astimezone(UTC)
    hours = 23 if day == SPRING else 25
    monday = datetime.combine(day + timedelta(days=1), time(8), PARIS)
    for hour in range(hours):
        assert next_allowed(shop(), MAINLAND, midnight + timedelta(hours=hour)) == monday


def test_an_opening_in_the_hour_that_does_not_exist_is_when_clocks_have_moved_on():
    within = shop(sundays_allowed=True, quiet_until=time(2, 30))
    at_midnight = datetime(2026, 3, 29, 0, tzinfo=UTC)
    assert next_allowed(within, MAINLAND, at_midnight) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_overseas_no_clock_changes():
    for phone, zone in ((REUNION, "Indian/Reunion"), (GUADELOUPE, "America/Guadeloupe")):
        for day in (SPRING, AUTUMN):
            asked = datetime.combine(day, time(7, 59), ZoneInfo(zone))
            allowed = next_allowed(shop(sundays_allowed=True), phone, asked)
            assert allowed == datetime.combine(day, time(8), ZoneInfo(zone))
            assert allowed - asked == timedelta(minutes=1)


# Phone, post code, hours ahead of UTC in November, and an hour of Paris which is 7:59 there.
OVERSEAS = [
    ("+590690123456", "97110", -4, "Guadeloupe"),
    ("+596696123456", "97200", -4, "Martinique"),
    ("+594694123456", "97300", -3, "Guyane"),
    ("+262692123456", "97400", 4, "La Réunion"),
    ("+262639123456", "97600", 3, "Mayotte"),
    ("+508551234", "97500", -3, "Saint-Pierre-et-Miquelon"),
    ("", "97133", -4, "Saint-Barthélémy"),
    ("", "97150", -4, "Saint-Martin"),
]


@pytest.mark.parametrize(("phone", "postal_code", "ahead", "name"), OVERSEAS)
def test_every_overseas_place_has_its_own_morning_and_evening(phone, postal_code, ahead, name):
    """By its number, and by the post code of somebody with a mainland one."""
    friday = datetime(2026, 11, 20, tzinfo=UTC)
    opens = friday + timedelta(hours=8 - ahead)
    closes = friday + timedelta(hours=21.5 - ahead)
    for number in filter(None, (phone, MAINLAND)):
        place = place_of(shop(), number, postal_code)
        assert place.holidays == name
        ask = partial(next_allowed, shop(), number, postal_code=postal_code)
        assert ask(opens - timedelta(minutes=1)) == opens
        assert ask(closes - timedelta(minutes=1)) == closes - timedelta(minutes=1)
        assert ask(closes) == opens + timedelta(days=1)


# The day on which each place remembers the abolition of slavery, and one that is not theirs.
ABOLITION = {
    "97110": ((5, 27), (4, 27)),
    "97200": ((5, 22), (5, 27)),
    "97300": ((6, 10), (5, 22)),
    "97400": ((12, 20), (6, 10)),
    "97600": ((4, 27), (12, 20)),
    "97133": ((10, 9), (5, 28)),
    "97150": ((5, 28), (10, 9)),
}


@pytest.mark.parametrize("postal_code", ABOLITION)
@pytest.mark.parametrize("year", [2025, 2026, 2027, 2028])
def test_the_day_of_the_abolition_is_kept_where_it_is_remembered_and_nowhere_else(
    postal_code, year
):
    place = place_of(shop(), postal_code)
    its_own, another = (date(year, *day) for day in ABOLITION[postal_code])
    noon = datetime.combine(its_own, time(12), place.zone)
    assert is_day_off(its_own, place)
    assert next_allowed(shop(), postal_code, noon).astimezone(place.zone).date() > its_own
    assert is_day_off(another, place) == (another.isoweekday() == 7)
    assert is_day_off(its_own, place_of(shop(), "75011")) == (its_own.isoweekday() == 7)


@pytest.mark.parametrize("department", ["57", "67", "68"])
def test_alsace_and_moselle_keep_good_friday_and_the_second_day_of_christmas(department):
    good_fridays = [date(2025, 4, 18), date(2026, 4, 3), date(2027, 3, 26), date(2028, 4, 14)]
    for day in [*good_fridays, *(date(year, 12, 26) for year in range(2025, 2030))]:
        noon = datetime.combine(day, time(12), PARIS)
        assert next_allowed(shop(), f"{department}100", noon).date() > day
        assert is_day_off(day, place_of(shop(), "54000")) == (day.isoweekday() == 7)


def test_easter_in_strasbourg_is_closed_from_thursday_evening_to_tuesday_but_for_saturday():
    ask = partial(next_allowed, shop(), "67000")
    assert ask(paris(2027, 3, 25, 22)) == paris(2027, 3, 27, 8)
    assert ask(paris(2027, 3, 27, 22)) == paris(2027, 3, 30, 8)


def test_hours_turned_inside_out_fall_back_on_the_law():
    wrong = shop(quiet_from=time(8), quiet_until=time(21, 30))
    assert next_allowed(wrong, MAINLAND, paris(2026, 11, 20, 7)) == paris(2026, 11, 20, 8)


moments = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1)).map(
    lambda naive: naive.replace(tzinfo=UTC)
)
places = st.sampled_from(
    [MAINLAND, REUNION, GUADELOUPE, "", "67000", "+4915112345678", *(one[1] for one in OVERSEAS)]
)
openings = st.sampled_from([time(0), time(2, 30), time(8), time(10, 15)])
closings = st.sampled_from([time(12), time(19), time(21, 30), time.max])


@given(moments, places, st.booleans(), openings, closings)
def test_whatever_the_moment_the_answer_is_legal_and_stays(at, where, sundays, opens, closes):
    given_shop = shop(sundays_allowed=sundays, quiet_until=opens, quiet_from=closes)
    allowed = next_allowed(given_shop, where, at)
    place = place_of(given_shop, where)
    local = allowed.astimezone(place.zone)
    assert allowed >= at
    # An opening in the hour that is left out in spring comes an hour later on the clock.
    assert opens <= local.time() < closes
    assert sundays or not is_day_off(local.date(), place)
    assert next_allowed(given_shop, where, allowed) == allowed


@given(moments, places, st.booleans(), st.timedeltas(timedelta(0), timedelta(days=4)))
def test_no_sooner_moment_was_allowed_and_who_asks_later_is_not_answered_sooner(
    at, where, sundays, more
):
    given_shop = shop(sundays_allowed=sundays)
    allowed = next_allowed(given_shop, where, at)
    assert next_allowed(given_shop, where, at + more) >= allowed
    between = at + more
    if between < allowed:
        assert next_allowed(given_shop, where, between) == allowed
