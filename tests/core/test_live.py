"""Who follows a page is told that something has changed, cheaply, and nothing else."""

from datetime import timedelta
from threading import Event
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.analytics import queries as analytics
from apps.core import live
from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.loyalty import card_page
from apps.loyalty.services import add_stamp, card_of, redeem, undo_stamp
from config.live import FOLLOWED
from tests.factories import ContactFactory, ProgrammeFactory


@pytest.fixture
def card(shop):
    ProgrammeFactory(goal=2)
    return card_of(ContactFactory())


def stamp(card):
    return add_stamp(card=card, token=uuid4(), by=SYSTEM, now=timezone.now(), over_cooldown=True)


def ask(visitor, address, tag=""):
    return visitor.get(address, headers={"If-None-Match": tag} if tag else {})


def test_nothing_new_is_one_statement_and_no_page(card, visitor):
    address = live.address("card", card.number)
    tag = ask(visitor, address)["ETag"]
    with CaptureQueriesContext(connection) as said:
        answer = ask(visitor, address, tag)
    assert (answer.status_code, answer.content) == (304, b"")
    assert len(said) == 1, "the version; its address says of which shop"
    stamp(card)
    assert ask(visitor, address, tag).status_code == 204


def test_a_page_carries_the_version_it_shows(card, visitor, owner_client):
    for client, path in ((visitor, f"/c/{card.token}/"), (owner_client, "/gestion/")):
        page = client.get(path).content.decode()
        address = page.split('data-live="')[1].split('"')[0]
        shown = page.split('data-version="')[1].split('"')[0]
        assert ask(visitor, address, f'"{shown}"').status_code == 304
        stamp(card)
        assert ask(visitor, address, f'"{shown}"').status_code == 204


def test_each_gesture_at_the_counter_is_another_version_for_the_card_and_the_shop(card):
    def versions():
        return card_page.version(card.number), analytics.version()

    told = [versions()]
    first = stamp(card)
    told.append(versions())
    second = stamp(card)
    told.append(versions())
    redeem(reward=second.reward, token=uuid4(), by=SYSTEM, now=timezone.now(), id_checked=True)
    told.append(versions())
    undo_stamp(movement=stamp(card).movement, token=uuid4(), by=SYSTEM, now=timezone.now())
    told.append(versions())
    assert first.reward is None
    assert len({one for one, _ in told}) == len({one for _, one in told}) == len(told)


def test_a_stamp_that_commits_after_a_later_one_is_news_too(committed):
    """The highest number alone would not tell: it was there before."""

    def two_cards(_):
        ProgrammeFactory()
        return [card_of(contact) for contact in ContactFactory.create_batch(2)]

    ((slow, quick),) = committed(two_cards, None)
    written, seen = Event(), Event()

    def work(which):
        if which == "slow":
            with transaction.atomic():
                stamp(slow)
                written.set()
                seen.wait(60)
            return None
        written.wait(60)
        stamp(quick)
        before = analytics.version()
        seen.set()
        return before

    _, before = committed(work, "slow", "quick")
    assert analytics.version() != before


def test_an_address_tells_of_its_own_shop_and_a_made_up_one_leads_nowhere(
    card, visitor, shop, other_shop
):
    with in_schema(other_shop.schema_name):
        theirs = live.address("shop")
    ours = live.address("shop")
    before = ask(visitor, theirs)["ETag"]
    stamp(card)
    assert ask(visitor, theirs, before).status_code == 304
    elsewhere = ours.replace(shop.schema_name, other_shop.schema_name)
    another = ours.replace("shop.0", "card.1")
    for address in (elsewhere, another, "/vivant/", "/vivant/shop.0", "/vivant/x"):
        assert visitor.get(address).status_code == 404
    with in_schema("s_closed_1"):
        gone = live.address("shop")
    assert visitor.get(gone).status_code == 404


def test_another_s_stamp_is_no_news_for_a_card(card):
    other = card_of(ContactFactory(last_visit_at=timezone.now() - timedelta(days=1)))
    before = card_page.version(card.number)
    stamp(other)
    assert card_page.version(card.number) == before


def test_all_that_can_be_followed_is_known(shop):
    for what in FOLLOWED:
        assert isinstance(live.version(live.address(what, 10**9).removeprefix(live.PATH)), str)
