"""Clicks: counted once a person, when a browser with somebody before it follows the link."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.campaigns import freezing, queries, services
from apps.campaigns.estimate import estimate
from apps.campaigns.models import Click, Send
from apps.core.actor import Actor
from apps.core.tokens import short
from apps.loyalty.models import Card
from apps.loyalty.services import card_of
from apps.messaging.models import Message
from tests.factories import ContactFactory, ProgrammeFactory

TEAM = Actor("team", 1)
FRIDAY = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
BROWSER = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1"}
SCANNERS = [
    {},
    {"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"},
    {"User-Agent": "facebookexternalhit/1.1"},
    {"User-Agent": "WhatsApp/2.23"},
    {"User-Agent": "Slackbot-LinkExpanding 1.0"},
]


@pytest.fixture
def drop(shop):
    ProgrammeFactory()
    ContactFactory.create_batch(3, agreeing=True)
    words = {"use_email": False, "sms_text": "{lien} {bon}", "offer": "5 € de remise"}
    drop = services.create(TEAM, written=words, now=FRIDAY)
    drop = services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, FRIDAY), FRIDAY)
    freezing.freeze(drop.pk, str(drop.launch_token), FRIDAY)
    drop.refresh_from_db()
    return drop


def _link(drop, card=None):
    card = card or Card.objects.order_by("pk").first()
    return f"/l/{short(drop.pk)}/{card.token}/"


def test_the_link_in_the_message_leads_to_the_readers_own_card(drop, visitor):
    for message in Message.objects.filter(cause=drop.cause).select_related("contact__card"):
        path = _link(drop, message.contact.card)
        assert path in message.body
        page = visitor.get(path).content.decode()
        assert f'href="/c/{message.contact.card.token}/"' in page


def test_a_click_is_counted_when_the_page_says_that_somebody_is_there_and_once(drop, visitor):
    for _ in range(3):
        assert visitor.post(_link(drop), headers=BROWSER).status_code == 204
    click = Click.objects.get()
    assert (click.drop_id, click.link) == (drop.pk, "card")
    assert click.contact == Card.objects.order_by("pk").first().contact


def test_opening_the_link_alone_counts_nothing(drop, visitor):
    """As mail gateways and phones do before anybody reads."""
    visitor.get(_link(drop), headers=BROWSER)
    visitor.head(_link(drop), headers=BROWSER)
    assert not Click.objects.exists()


@pytest.mark.parametrize("headers", SCANNERS)
def test_what_calls_itself_a_program_counts_nothing(drop, visitor, headers):
    assert visitor.post(_link(drop), headers=headers).status_code == 204
    assert not Click.objects.exists()


def test_a_link_made_up_counts_nothing(drop, visitor):
    stranger = card_of(ContactFactory())  # was not written to
    for path in (
        _link(drop, stranger),
        f"/l/{short(drop.pk + 1)}/{Card.objects.order_by('pk').first().token}/",
        f"/l/zzzzzzzzzzzzz/{stranger.token}/",
        f"/l/{short(drop.pk)}/{'x' * 22}/",
    ):
        assert visitor.post(path, headers=BROWSER).status_code == 204
    assert not Click.objects.exists()


def test_looking_at_the_voucher_is_a_click_too_and_a_person_counts_once(drop, visitor):
    send = Send.objects.order_by("contact_id").first()
    card = send.contact.card
    visitor.post(f"/bon/{send.code}/", headers=BROWSER)
    visitor.post(_link(drop, card), headers=BROWSER)
    assert Click.objects.count() == 2
    clicked = queries.effect(drop).clicked
    assert (clicked.some, clicked.all) == (1, 3)


def test_the_results_say_how_many_followed_the_link(drop, visitor, owner_client):
    visitor.post(_link(drop), headers=BROWSER)
    page = owner_client.get(f"/gestion/messages/{drop.pk}/").content.decode()
    assert "a suivi le lien, soit 33\xa0%" in page


def test_a_drop_without_a_link_speaks_of_none(shop):
    drop = services.create(TEAM, written={"use_email": False, "sms_text": "Bonjour"})
    assert not queries.has_links(drop)


@given(number=st.integers(0, 2**63 - 1))
def test_a_drops_number_is_read_as_it_was_written(number):
    assert int(short(number), 36) == number
    assert len(short(number)) <= 13
