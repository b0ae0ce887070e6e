"""« Parrainez un ami », as two people and a counter live it."""

from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.loyalty.models import Card
from apps.loyalty.services import add_stamp, card_of
from tests.e2e.browser import DESK, PHONE, PHONE_DARK, View, axe, fits, look, sign_in, views
from tests.factories import ContactFactory, ProgrammeFactory

NARROW = View("narrow", 320, 640)
BARE = View("bare", 390, 844, javascript=False)
ENGLISH = View("en", 390, 844, language="en-GB")


@pytest.fixture
def shop(stack):
    made = stack.open_shop(f"cave-{uuid4().hex[:8]}", "Cave du Marché", trade="wine")
    with in_schema(made.schema_name):
        ProgrammeFactory(cooldown_minutes=0, referral=True, sponsor_gets=2, friend_gets=1)
    return made


@pytest.fixture
def sponsor(shop):
    with in_schema(shop.schema_name):
        card = card_of(ContactFactory(first_name="Camille"))
        add_stamp(card=card, token=uuid4(), by=SYSTEM, now=timezone.now())
    return card


def checked(page, name, *, scripted=True):
    look(page, f"referral-{name}")
    fits(page)
    if scripted:
        axe(page)


@views(PHONE, PHONE_DARK, DESK, NARROW, ENGLISH, BARE)
def test_ones_own_link_is_read_shared_and_followed(page, stack, shop, sponsor, view):
    page.goto(stack.url(shop, f"/c/{sponsor.token}/"))
    checked(page, f"card-{view.name}", scripted=view.javascript)
    page.locator("a.refer").click()
    link = page.locator("#lien").input_value()
    checked(page, f"link-{view.name}", scripted=view.javascript)
    page.context.clear_cookies()
    page.goto(link)
    expect(page.get_by_text("Camille")).to_be_visible()
    checked(page, f"offer-{view.name}", scripted=view.javascript)


@views(PHONE)
def test_the_phones_own_menu_is_given_the_link_and_its_words(page, stack, shop, sponsor, view):
    page.add_init_script("navigator.share = async (what) => { window.shared = what; }")
    page.goto(stack.url(shop, f"/c/{sponsor.token}/parrainer/"))
    page.get_by_role("button", name="Partager mon lien").click()
    shared = page.evaluate("window.shared")
    assert shared["url"] == page.locator("#lien").input_value()
    assert "1 tampon à la première visite" in shared["text"].replace("\u00a0", " ")


@views(PHONE)
def test_a_friend_joins_comes_and_both_have_their_gift(page, stack, shop, sponsor, view):
    page.goto(stack.url(shop, f"/c/{sponsor.token}/parrainer/"))
    link = page.locator("#lien").input_value()
    page.context.clear_cookies()
    page.goto(link)
    page.get_by_label("Votre prénom").fill("Inès")
    page.get_by_label("Votre mobile").fill("06 12 34 56 78")
    page.get_by_role("button", name="Prendre ma carte").click()
    expect(page.get_by_role("heading", name="Bienvenue Inès")).to_be_visible()
    with in_schema(shop.schema_name):
        friend = Card.objects.latest("pk")
        add_stamp(card=friend, token=uuid4(), by=SYSTEM, now=timezone.now())
    page.goto(stack.url(shop, f"/c/{sponsor.token}/"))
    expect(page.get_by_text("3 / 10")).to_be_visible()
    page.goto(stack.url(shop, f"/c/{sponsor.token}/parrainer/"))
    expect(page.get_by_text("1 ami est venu grâce à vous")).to_be_visible()
    checked(page, "came")
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, "/gestion/fidelite/parrainage/"))
    expect(page.get_by_role("link", name="Inès")).to_be_visible()
