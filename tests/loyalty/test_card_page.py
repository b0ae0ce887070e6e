"""The card's page: what it shows, what it keeps to itself, what it costs."""

import re
from uuid import uuid4

import pytest
import segno
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from apps.core.actor import Actor
from apps.loyalty import card_code, card_page, live_code
from apps.loyalty.services import add_stamp, card_of
from tests.factories import ContactFactory, ProgrammeFactory

HELPER = Actor("team", 1)


@pytest.fixture(autouse=True)
def programme(shop):
    return ProgrammeFactory(cooldown_minutes=0)


@pytest.fixture
def card(shop):
    return card_of(ContactFactory(first_name="Camille"))


def stamp(card, times):
    for _ in range(times):
        add_stamp(card=card, token=uuid4(), by=HELPER, now=timezone.now())


def read(visitor, path):
    return visitor.get(path).content.decode().replace("\u202f", " ").replace("\u00a0", " ")


def test_the_card_says_how_far_one_is(visitor, card):
    stamp(card, 7)
    page = read(visitor, f"/c/{card.token}/")
    assert "Bonjour Camille" in page
    assert "Plus que 3 tampons" in page
    assert 'aria-label="7 tampons sur 10"' in page
    assert page.count('class="hole on"') == 7


def test_one_left_is_said_in_the_singular(visitor, card):
    stamp(card, 9)
    assert "Plus que 1 tampon<" in read(visitor, f"/c/{card.token}/")


def test_a_shop_without_a_rule_stamps_ten_for_a_surprise(visitor, card, programme):
    programme.delete()
    page = read(visitor, f"/c/{card.token}/")
    assert "0 / 10" in page
    assert "À 10 tampons : Une surprise." in page


def test_the_link_of_a_merged_card_leads_to_the_one_that_stayed(visitor, card):
    gone = card_of(ContactFactory(phone="", email="", merged_into=card.contact))
    assert visitor.get(f"/c/{gone.token}/").url == f"/c/{card.token}/"


def test_a_reward_won_stands_above_the_card(visitor, card, programme):
    stamp(card, 10)
    page = read(visitor, f"/c/{card.token}/")
    assert f"<strong>{programme.reward}</strong>" in page
    assert "0 / 10" in page


def test_the_page_takes_two_statements_in_all(visitor, card):
    """The way into the shop, and all that the card shows; no session, no person, no CSRF's.

    (Which wallets' keys there are is looked up now and then, and not at each view.)
    """
    stamp(card, 12)
    visitor.get(f"/c/{card.token}/")
    with CaptureQueriesContext(connection) as captured:
        answer = visitor.get(f"/c/{card.token}/")
    said = [query["sql"].split()[0] for query in captured.captured_queries]
    assert (answer.status_code, said) == (200, ["SELECT", "SELECT"])
    assert settings.SESSION_COOKIE_NAME not in answer.cookies


def test_nobody_else_keeps_or_lists_the_page(visitor, card):
    answer = visitor.get(f"/c/{card.token}/")
    assert answer["Cache-Control"] == "no-store"
    assert "noindex" in answer["X-Robots-Tag"]
    assert answer["Referrer-Policy"] == "same-origin"


def test_numbers_and_mailboxes_are_never_shown_whole(visitor, card):
    contact = card.contact
    for path in ("", "donnees/"):
        page = read(visitor, f"/c/{card.token}/{path}")
        assert contact.email not in page
        assert contact.phone[3:] not in page.replace(" ", "")


def test_a_first_name_is_corrected_by_its_owner(visitor, card):
    answer = visitor.post(f"/c/{card.token}/donnees/", {"first_name": "Camélia"})
    assert answer.status_code == 302
    card.contact.refresh_from_db()
    assert (card.contact.first_name, card.contact.search[:7]) == ("Camélia", "camelia")
    slip = visitor.post(f"/c/{card.token}/donnees/", {"first_name": "http://x"})
    assert slip.status_code == 422


def test_only_the_team_sees_the_way_to_the_counter(visitor, helper_client, neighbour_client, card):
    link = f"/comptoir/scan/?code={card.token}"
    assert link in read(helper_client, f"/c/{card.token}/")
    assert link not in read(visitor, f"/c/{card.token}/")
    assert link not in read(neighbour_client, f"/c/{card.token}/")


def test_a_link_is_renewed_by_a_button_never_by_opening(visitor, card):
    visitor.get(f"/c/{card.token}/renouveler/")
    assert visitor.get(f"/c/{card.token}/").status_code == 200
    answer = visitor.post(f"/c/{card.token}/renouveler/")
    assert visitor.get(f"/c/{card.token}/").status_code == 404
    assert "Voici votre nouveau lien" in read(visitor, answer["Location"])


def test_the_forms_ask_for_their_token(shop, card):
    strict = Client(SERVER_NAME=shop.host, HTTP_HOST=f"{shop.host}:8000", enforce_csrf_checks=True)
    for path in ("/rejoindre/", f"/c/{card.token}/renouveler/", f"/c/{card.token}/donnees/"):
        assert strict.post(path, {"first_name": "X"}).status_code == 403


@pytest.mark.parametrize("goal", range(2, 21))
def test_every_goal_has_its_place_for_each_stamp(goal):
    row = card_page.columns(goal)
    assert 2 <= row <= 5
    assert len(card_page.holes(goal, 1)) == goal
    assert goal % row != 1 or goal in {16, 11}


def test_the_code_is_dark_on_white_and_says_the_code_of_now(visitor, shop, card):
    before = live_code.code_of(card.number, timezone.now())
    page = visitor.get(f"/c/{card.token}/").content.decode()
    after = live_code.code_of(card.number, timezone.now())
    drawn = card_code.svg(f"{shop.url}/c/", after)
    assert drawn in page or card_code.svg(f"{shop.url}/c/", before) in page
    assert 'stroke="#231a17"' in drawn
    assert "style" not in drawn


@given(
    slug=st.from_regex(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]", fullmatch=True),
    token=st.from_regex(r"~?[A-Za-z0-9_-]{22}", fullmatch=True),
)
@settings_of_hypothesis(max_examples=40, deadline=None)
def test_the_code_is_the_one_that_the_whole_address_encodes_to(slug, token):
    door = f"https://{slug}.comptoir.example/c/"
    lines = card_code.rows(door, token)
    known = [segno.make(f"{door}{token}/", error="m", micro=False, mask=m) for m in range(8)]
    assert lines in [["".join(map(str, row)) for row in code.matrix] for code in known]


def test_the_code_is_drawn_as_its_lines_say(shop, card):
    lines = card_code.rows(f"{shop.url}/c/", card.token)
    x = y = 0
    dark = set()
    for verb, right in re.findall(r"([hm])(-?\d+)", card_code.svg(f"{shop.url}/c/", card.token)):
        if verb == "h":
            dark |= {(x + step, y) for step in range(int(right))}
        x += int(right)
        if x == 0 and verb == "m" and int(right) < 0:
            y += 1
    size = range(len(lines))
    assert dark == {(x, y) for y in size for x in size if lines[y][x] == "1"}
