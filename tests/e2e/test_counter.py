"""A helper's day at the counter, in a real browser, by finger and by keyboard."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.contacts.models import Tag
from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.loyalty.models import Card
from apps.loyalty.services import add_stamp
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, View, axe, fits, look, sign_in
from tests.e2e.browser import views as seen
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

LONG = "Marie-Antoinette-Joséphine"


@pytest.fixture
def busy(stack):
    """A shop in the middle of its day: a reward ready, a nameless number, a very long name."""
    shop = stack.open_shop(f"cave-{uuid4().hex[:8]}", "Cave du Marché", trade="wine")
    with in_schema(shop.schema_name):
        ProgrammeFactory(goal=10, cooldown_minutes=30)
        Tag.objects.create(name="Bulles")
        Tag.objects.create(name="Vin nature")
        people = [
            ("Camille", "Bernard", 7, 4),
            ("Thomas", "Mercier", 10, 30),
            ("", "", 1, 50),
            (LONG, "de Saint-Exupéry-Montmorency", 4, 70),
        ]
        for number, (first, last, stamps, minutes) in enumerate(people):
            phone = f"+336123456{number}0"
            contact = ContactFactory(first_name=first, last_name=last, phone=phone)
            card = CardFactory(contact=contact, number=4800 + number)
            for turn in reversed(range(stamps)):
                now = timezone.now() - timedelta(minutes=minutes, days=turn)
                add_stamp(card=card, token=uuid4(), by=Actor("team", 9_999), now=now)
    return shop


def card_of(shop, first_name):
    with in_schema(shop.schema_name):
        return Card.objects.get(contact__first_name=first_name)


@seen(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_every_screen_of_the_counter_fits_and_reads(page, stack, busy, view, listener):
    listener.expect("404|409|422")
    sign_in(page, stack, busy, "manager")
    camille, thomas = card_of(busy, "Camille"), card_of(busy, "Thomas")
    long = card_of(busy, LONG)
    with in_schema(busy.schema_name):
        reward = thomas.rewards.get()
    screens = {
        "home": "/comptoir/",
        "found": "/comptoir/?q=ma",
        "nobody": "/comptoir/?q=0699887766",
        "person": f"/comptoir/carte/{camille.pk}/",
        "ready": f"/comptoir/carte/{thomas.pk}/",
        "long": f"/comptoir/carte/{long.pk}/",
        "give": f"/comptoir/recompense/{reward.pk}/",
        "add": "/comptoir/ajouter/",
        "unknown": "/comptoir/scan/?code=rien",
        "programme": "/gestion/fidelite/",
    }
    for name, path in screens.items():
        page.goto(stack.url(busy, path))
        fits(page)
        look(page, f"counter-{name}-{view.name}")
        axe(page)


@seen(PHONE, DESK_DARK)
def test_an_empty_shop_is_told_what_to_do(page, stack, view):
    shop = stack.open_shop(f"neuve-{uuid4().hex[:8]}")
    sign_in(page, stack, shop, "owner")
    for name, path in {"empty": "/comptoir/", "choose": "/gestion/fidelite/"}.items():
        page.goto(stack.url(shop, path))
        fits(page)
        look(page, f"counter-{name}-{view.name}")
        axe(page)


def test_stamp_undo_and_stamp_again_without_leaving_the_page(page, stack, busy, listener):
    sign_in(page, stack, busy, "helper")
    card = card_of(busy, LONG)
    page.goto(stack.url(busy, "/comptoir/?q=marie"))  # the list shows today's, also at midnight
    page.get_by_role("link", name=re.compile(LONG)).first.click()
    page.get_by_role("button", name="Tamponner").click()
    expect(page.locator(".hole.new")).to_be_visible()
    expect(page.locator("#live")).to_contain_text("Tampon ajouté")
    look(page, "counter-stamped-phone")
    axe(page)
    page.get_by_role("button", name="Annuler le tampon").click()
    expect(page.get_by_text("Tampon annulé.").first).to_be_visible()
    page.get_by_role("button", name="Tamponner").click()
    expect(page.locator(".hole.new")).to_be_visible()
    with in_schema(busy.schema_name):
        card.refresh_from_db()
        assert card.balance == 5


def test_a_double_tap_a_reload_and_a_step_back_stamp_once(page, stack, busy):
    sign_in(page, stack, busy, "helper")
    card = card_of(busy, LONG)
    page.goto(stack.url(busy, f"/comptoir/carte/{card.pk}/"))
    page.get_by_role("button", name="Tamponner").dblclick(no_wait_after=True)
    expect(page.locator(".hole.new")).to_be_visible()
    page.reload()
    page.goto(stack.url(busy, "/comptoir/"))
    page.go_back()
    expect(page.get_by_text("5 / 10")).to_be_visible()
    with in_schema(busy.schema_name):
        card.refresh_from_db()
        assert card.balance == 5


def test_the_second_tap_of_a_double_tap_opens_nothing_else(page, stack, busy):
    sign_in(page, stack, busy, "helper")
    page.goto(stack.url(busy, f"/comptoir/carte/{card_of(busy, LONG).pk}/"))
    page.evaluate(
        """() => {
          const again = { bubbles: true, cancelable: true };
          addEventListener("click", (event) => Object.assign(again, {
            clientX: event.clientX, clientY: event.clientY,
          }), { once: true });
          document.addEventListener("htmx:afterSwap", () => {
            const under = document.elementFromPoint(again.clientX, again.clientY);
            window.allowed = under.dispatchEvent(new MouseEvent("click", again));
          }, { once: true });
        }"""
    )
    page.get_by_role("button", name="Tamponner").click()
    expect(page.locator(".hole.new")).to_be_visible()
    assert page.evaluate("window.allowed") is False
    page.get_by_role("button", name="Annuler le tampon").click()
    expect(page.get_by_text("Tampon annulé.").first).to_be_visible()


def test_a_resting_card_says_when_it_can_be_stamped(page, stack, busy, listener):
    listener.expect("409")
    sign_in(page, stack, busy, "owner")
    card = card_of(busy, "Camille")
    page.goto(stack.url(busy, f"/comptoir/carte/{card.pk}/"))
    page.get_by_role("button", name="Tamponner").click()
    expect(page.get_by_role("alert")).to_contain_text("Prochain tampon possible")
    look(page, "counter-resting-phone")
    axe(page)
    page.get_by_role("button", name="Tamponner quand même").click()
    expect(page.locator(".hole.new")).to_be_visible()


def test_results_come_while_typing_and_the_reward_is_given(page, stack, busy):
    sign_in(page, stack, busy, "helper")
    page.goto(stack.url(busy, "/comptoir/"))
    page.get_by_role("searchbox").press_sequentially("merc", delay=30)
    expect(page.locator("#people li")).to_have_count(1)
    page.get_by_role("link", name=re.compile("Thomas M")).first.click()
    page.get_by_role("link", name="Offrir").click()
    page.get_by_role("button", name="Offrir").click()
    expect(page.get_by_text("Récompense offerte")).to_be_visible()


def test_by_keyboard_a_person_is_added_and_stamped(page, stack, busy):
    sign_in(page, stack, busy, "helper")
    page.goto(stack.url(busy, "/comptoir/ajouter/"))
    page.keyboard.type("0698765432")
    page.keyboard.press("Tab")
    page.keyboard.type("Inès")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 / 10")).to_be_visible()
    look(page, "counter-added-phone")
    axe(page)


@seen(View("no-script", 390, 844, javascript=False))
def test_without_javascript_everything_but_the_scanner_works(page, stack, busy, view):
    sign_in(page, stack, busy, "helper")
    page.goto(stack.url(busy, "/comptoir/"))
    page.get_by_role("searchbox").fill("marie")
    page.get_by_role("button", name="Chercher").click()
    page.get_by_role("link", name=re.compile(LONG)).first.click()
    page.get_by_role("button", name="Tamponner").click()
    expect(page.get_by_text("Tampon ajouté")).to_be_visible()
    page.get_by_role("button", name="Annuler le tampon").click()
    expect(page.get_by_text("Tampon annulé.")).to_be_visible()


def test_the_preview_follows_the_rule_as_it_is_typed(page, stack, busy, view):
    sign_in(page, stack, busy, "owner")
    page.goto(stack.url(busy, "/gestion/fidelite/"))
    page.get_by_label("Ce qu’il faut pour la récompense").fill("6")
    expect(page.locator("#effect")).to_contain_text("1 aura atteint la récompense")
    page.get_by_label("Chaque carte garde ce qu’elle a").check()
    expect(page.locator("#preview .hole")).to_have_count(6)
    look(page, "counter-lowered-phone")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("Le programme est enregistré.")).to_be_visible()


def test_the_counter_is_light_before_the_scanner_is_opened(page, stack, busy):
    sign_in(page, stack, busy, "helper")
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(sum_of(request.sizes())))
    page.goto(stack.url(busy, "/comptoir/"), wait_until="networkidle")
    assert 0 < sum(sizes) < 120_000


def sum_of(sizes):
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]
