"""The card's page: what it shows, what it keeps to itself, what it costs."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.actor import Actor
from apps.loyalty import card_page
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


def test_a_reward_won_stands_above_the_card(visitor, card, programme):
    stamp(card, 10)
    page = read(visitor, f"/c/{card.token}/")
    assert f"<strong>{programme.reward}</strong>" in page
    assert "0 / 10" in page


def test_the_page_reads_at_most_four_times(visitor, card):
    """The schema's switch (``SET search_path``) is the host's, not the page's."""
    stamp(card, 12)
    with CaptureQueriesContext(connection) as captured:
        visitor.get(f"/c/{card.token}/")
    reads = [q["sql"] for q in captured if "search_path" not in q["sql"]]
    assert 1 < len(reads) <= 4, reads


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


def test_the_code_is_dark_on_white_and_says_the_cards_address(shop, card):
    drawn = card_page.qr(card_page.card_url(shop, card))
    assert 'stroke="#231a17"' in drawn
    assert "style" not in drawn
    assert card_page.card_url(shop, card) == f"{shop.url}/c/{card.token}/"
