"""The code on an open card: another one every half minute, worth two, and nothing afterwards."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.loyalty import live_code, showing
from apps.loyalty.services import card_of
from apps.loyalty.showing import CodeOver, card_shown
from apps.review.models import Case
from apps.review.queries import lines
from tests.factories import ContactFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_cache")]
LEA, KARIM = Actor("team", 7), Actor("team", 8)
MINUTE = timedelta(minutes=1)
in_one_shop = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
moments = st.datetimes(datetime(2026, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
seconds = st.floats(-40, 400, allow_nan=False)


@pytest.fixture
def card(shop):
    return card_of(ContactFactory(first_name="Zoé", last_name="Roux"))


def scan(client, code):
    return client.get("/comptoir/scan/", {"code": code})


def text(answer):
    return answer.content.decode().replace("\u202f", " ").replace("\u00a0", " ")


@in_one_shop
@given(st.integers(1, 2**32 - 1), moments)
def test_a_code_says_its_card_and_half_minute_to_its_own_shop(shop, number, now):
    shown = live_code.read(live_code.code_of(number, now))
    assert shown.number == number
    assert timedelta() <= now - shown.at < live_code.EVERY
    assert now + live_code.left(now) - shown.at == live_code.EVERY


@in_one_shop
@given(moments, seconds, st.floats(-30, 30))
def test_two_servers_whose_clocks_differ_agree_on_what_is_worth_something(shop, now, after, skew):
    """Whatever the phones' clocks say: they have no part in it."""
    shown = live_code.read(live_code.code_of(1001, now))
    judged = now + timedelta(seconds=after + skew)
    if 0 <= after <= 60:
        assert shown.is_fresh(judged)
    if after > 150:
        assert not shown.is_fresh(judged)
    assert shown.is_fresh(judged) == (-live_code.EVERY <= judged - shown.at <= 2 * MINUTE)


@in_one_shop
@given(st.integers(1, 22), st.sampled_from("ABCxyz019-_"))
def test_a_code_with_one_sign_changed_is_none_of_ours(shop, place, sign):
    code = live_code.code_of(1001, timezone.now())
    other = code[:place] + sign + code[place + 1 :]
    read = live_code.read(other)
    # The last sign holds two bits only: another one may say the same.
    assert read is None or read == live_code.read(code)


@in_one_shop
@given(st.text(max_size=40))
def test_what_is_no_code_is_read_as_none(shop, said):
    assert live_code.read(said) is None
    assert live_code.read(f"~{said}") is None


def test_the_neighbours_code_opens_nothing_here(shop, other_shop, card):
    with in_schema(other_shop.schema_name):
        theirs = live_code.code_of(card.number, timezone.now())
    assert live_code.read(theirs) is None


def test_a_scan_opens_the_card_for_two_minutes(shop, card):
    now = timezone.now()
    code = live_code.code_of(card.number, now)
    made = live_code.read(code).at
    for read in (code, f"https://cave.exemple.fr/c/{code}/"):
        assert card_shown(read, by=LEA, now=made + 2 * MINUTE) == card
    with pytest.raises(CodeOver):
        card_shown(code, by=LEA, now=made + 2 * MINUTE + timedelta(seconds=1))


def test_a_screenshot_after_two_minutes_is_refused_with_what_to_do(helper_client, card):
    old = scan(helper_client, live_code.code_of(card.number, timezone.now() - 3 * MINUTE))
    assert old.status_code == 410
    assert "Ce code a plus de deux minutes" in text(old)
    assert "Demandez à la personne d’ouvrir sa carte" in text(old)
    fresh = scan(helper_client, live_code.code_of(card.number, timezone.now()))
    assert fresh["Location"] == f"/comptoir/carte/{card.pk}/"


def test_the_code_that_stays_is_taken_from_somebody_of_the_team_alone(helper_client, visitor, card):
    assert scan(helper_client, card.token)["Location"] == f"/comptoir/carte/{card.pk}/"
    for code in (card.token, live_code.code_of(card.number, timezone.now())):
        answer = scan(visitor, code)
        assert answer.status_code == 302
        assert "/comptoir/carte/" not in answer["Location"]


def test_a_strangers_camera_learns_nothing_and_the_teams_opens_the_card(
    visitor, helper_client, neighbour_client, card
):
    code = live_code.code_of(card.number, timezone.now())
    for stranger in (visitor, neighbour_client):
        page = stranger.get(f"/c/{code}/")
        assert page.status_code == 404
        assert "se montre au comptoir" in text(page)
        assert "Zoé" not in text(page)
        assert card.token not in text(page)
    assert helper_client.get(f"/c/{code}/")["Location"] == f"/comptoir/scan/?code={code}"


def test_the_page_shows_the_code_of_now_and_never_its_own_address(visitor, card, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "apps.loyalty.card_page.code_of", lambda shop, code: drawn.append(code) or f"<svg>{code}"
    )
    page = text(visitor.get(f"/c/{card.token}/"))
    answer = visitor.get(f"/c/{card.token}/code/")
    assert drawn[0] in page
    assert drawn[1] in text(answer)
    assert [live_code.read(code).number for code in drawn] == [card.number] * 2
    assert 0 <= int(answer["Code-Left"]) <= 30_000
    assert answer["Cache-Control"] == "no-store"


def test_who_has_no_card_gets_no_code(visitor, card):
    for token in ("x" * 22, live_code.code_of(card.number, timezone.now())):
        assert visitor.get(f"/c/{token}/code/").status_code == 404


def test_the_card_that_was_joined_to_another_shows_the_code_of_that_one(visitor, card):
    gone = card_of(ContactFactory(phone="", email="", merged_into=card.contact))
    now = timezone.now()
    assert card_shown(live_code.code_of(gone.number, now), by=LEA, now=now) == card


def test_one_image_on_two_phones_is_a_line_in_the_list(shop, card):
    now = timezone.now()
    code = live_code.code_of(card.number, now)
    for by in (LEA, LEA, KARIM, KARIM, LEA):
        assert card_shown(code, by=by, now=now) == card
    case = Case.objects.get()
    (line,) = lines([case], now)
    assert line.sentence.startswith("Le même code de la carte de Zoé Roux a été scanné sur deux")
    assert (case.actor_id, line.address) == (KARIM.id, f"/comptoir/carte/{card.pk}/")


def test_one_phone_of_the_shop_in_two_hands_is_one_phone(shop, card):
    now = timezone.now()
    code = live_code.code_of(card.number, now)
    for by in (Actor("team", 7, device=1), Actor("team", 8, device=1)):
        card_shown(code, by=by, now=now)
    assert not Case.objects.exists()


def test_what_was_scanned_is_remembered_as_long_as_it_may_be_told_again(shop):
    assert timedelta(seconds=showing.REMEMBERED) > live_code.LASTS
