"""What is stamped at the counter is seen elsewhere within two seconds, and nobody reloads."""

import re
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.loyalty.services import add_stamp, card_of, redeem
from tests.e2e.browser import DESK, PHONE, axe, fits, look, sign_in, views
from tests.factories import ContactFactory, ProgrammeFactory

SOON = 2_000  # milliseconds of the page's own clock
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def shop(stack):
    found = stack.open_shop(f"vive-{uuid4().hex[:8]}", "Cave du Marché")
    with in_schema(found.schema_name):
        ProgrammeFactory(goal=4)
    return found


def cards(shop, many):
    with in_schema(shop.schema_name):
        return [card_of(contact) for contact in ContactFactory.create_batch(many)]


def stamp_at_counter(page, stack, shop, card):
    """As a helper does it; returns when the counter says that it is done."""
    page.goto(stack.url(shop, f"/comptoir/carte/{card.pk}/"))
    page.get_by_role("button", name="Tamponner").click()
    expect(page.locator(".hole.new")).to_be_visible()


def with_its_clock_held(page):
    """Its time goes on only as we wind it: a busy machine makes no page late."""
    page.clock.install(time=0)
    page.clock.pause_at(1_000)


@views(DESK)
def test_the_home_follows_the_counter(page, stack, shop, someone, view):
    helper = someone(PHONE)
    sign_in(helper, stack, shop, "helper")
    sign_in(page, stack, shop, "owner")
    with_its_clock_held(page)
    page.goto(stack.url(shop, "/gestion/"))
    (card,) = cards(shop, 1)
    stamp_at_counter(helper, stack, shop, card)
    page.clock.run_for(SOON)
    told = "1 visite cette semaine"
    expect(page.locator("#accueil")).to_have_attribute("data-say", told)
    page.clock.resume()
    expect(page.locator("#live")).to_have_text(told)
    fits(page)
    axe(page)


@views(PHONE)
def test_a_card_held_out_follows_the_counter(page, stack, shop, someone, view):
    helper = someone(PHONE)
    sign_in(helper, stack, shop, "helper")
    (card,) = cards(shop, 1)
    with_its_clock_held(page)
    page.goto(stack.url(shop, f"/c/{card.token}/"))
    stamp_at_counter(helper, stack, shop, card)
    page.clock.run_for(SOON)
    expect(page.get_by_role("img", name="1 tampon sur 4")).to_be_visible()
    expect(page.locator(".hole.on.new")).to_have_count(1)
    page.clock.resume()
    expect(page.locator("#live")).to_have_text("1 tampon")
    look(page, "live-card")
    axe(page)


def test_a_reward_won_and_handed_over_comes_and_goes_on_the_card(page, stack, shop):
    (card,) = cards(shop, 1)
    page.goto(stack.url(shop, f"/c/{card.token}/"))
    with in_schema(shop.schema_name):
        for _ in range(4):
            won = add_stamp(
                card=card, token=uuid4(), by=SYSTEM, now=timezone.now(), over_cooldown=True
            )
    expect(page.get_by_text("C’est gagné.")).to_be_visible()
    with in_schema(shop.schema_name):
        redeem(reward=won.reward, token=uuid4(), by=SYSTEM, now=timezone.now(), id_checked=True)
    expect(page.get_by_text("C’est gagné.")).to_have_count(0)


def test_nobody_asks_for_a_tab_nobody_sees_and_ever_less_while_the_network_fails(
    page, stack, shop, listener
):
    (card,) = cards(shop, 1)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with_its_clock_held(page)
    page.goto(stack.url(shop, f"/c/{card.token}/"))

    def asks_in(minutes):
        asked.clear()
        for _ in range(minutes * 40):
            page.clock.run_for(1500)
        return sum("/vivant/" in url for url in asked)

    def asks_again():
        asked.clear()
        while sum("/vivant/" in url for url in asked) < 3:  # each after the answer to the last
            page.clock.run_for(1500)

    asks_again()
    page.evaluate(HIDE, True)
    assert asks_in(1) <= 1
    page.evaluate(HIDE, False)
    asks_again()
    listener.expect("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    assert asks_in(2) <= 8
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    asks_again()


def test_a_hand_that_is_in_a_list_is_left_where_it_is(page, stack, shop):
    """The home moves under somebody who walks it by keyboard: the focus stays where it was."""
    (card,) = cards(shop, 1)
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, "/gestion/"))
    link = page.locator("#accueil a").first
    link.focus()
    name = link.inner_text()
    with in_schema(shop.schema_name):
        add_stamp(card=card, token=uuid4(), by=SYSTEM, now=timezone.now())
    home = page.locator("#accueil")
    expect(home).to_have_attribute("data-say", re.compile("1 visite"))
    assert page.evaluate("document.activeElement.innerText") == name
