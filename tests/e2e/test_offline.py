"""The counter in a cellar: cut off, used, closed, opened again; all of it arrives once."""

import contextlib
import os
import re
import signal
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Error, expect

from apps.accounts import devices, pins
from apps.accounts.models import Membership
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.counter.models import Gesture
from apps.loyalty.models import Card, Movement, Programme, Redemption
from apps.loyalty.rule import Offer
from apps.loyalty.services import add_stamp
from apps.shops.models import Shop
from tests.accounts.phones import DIGITS
from tests.e2e import browser as kit
from tests.e2e.browser import PHONE, PHONE_DARK, axe, fits, look, sign_in
from tests.e2e.browser import views as seen
from tests.e2e.stack import wait_for
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

VIEWPORT = {"width": 390, "height": 844}
MAY_GIVE = """() => new Promise((resolve) => {
  const asked = indexedDB.open("comptoir");
  asked.onsuccess = () => {
    const got = asked.result.transaction("facts").objectStore("facts").get("gives");
    got.onsuccess = () => { asked.result.close(); resolve(got.result === true); };
  };
})"""


@pytest.fixture
def cellar(stack):
    """A shop of one's own with two customers the phone will know."""
    shop = stack.open_shop(f"cellier-{uuid4().hex[:8]}", "Le Cellier", trade="wine")
    with in_schema(shop.schema_name):
        ProgrammeFactory(goal=6, cooldown_minutes=30)
        for number, (first, last) in enumerate([("Camille", "Bernard"), ("Hélène", "Roy")]):
            person = ContactFactory(first_name=first, last_name=last, phone=f"+33612345{number}84")
            CardFactory(contact=person, number=4800 + number, balance=0)
    return shop


def ready(page, stack, shop, role="helper"):
    """Signed in at the counter once, until the phone keeps what it needs."""
    user = sign_in(page, stack, shop, role)
    await_cards(page, stack, shop)
    return user


def await_cards(page, stack, shop):
    page.goto(stack.url(shop, "/comptoir/"))
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.goto(stack.url(shop, "/comptoir/hors-ligne/"))
    expect(page.get_by_text(re.compile(r"\d cartes? gardées?"))).to_be_visible()


def cut_off(page, stack, shop, listener, role="helper"):
    """``ready``, and then no network; what the browser says of that is part of the story."""
    user = ready(page, stack, shop, role)
    listener.expect("ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to fetch|htmx:(sendError|timeout)")
    page.context.set_offline(True)
    return user


def stamp_offline(page, stack, shop, name):
    page.goto(stack.url(shop, "/comptoir/"))
    page.get_by_role("link", name=re.compile(name)).click()
    page.get_by_role("button", name="Tamponner").click()
    expect(page.locator("[data-notice]")).to_contain_text("Gardé sur ce téléphone")


def arrived(shop, many):
    with in_schema(shop.schema_name):
        wait_for(lambda: Gesture.objects.count() == many, f"{many} gestures")
        return list(Movement.objects.order_by("pk"))


def balance(shop, first_name):
    with in_schema(shop.schema_name):
        return Card.objects.get(contact__first_name=first_name).balance


def test_what_is_done_in_the_cellar_arrives_once(page, stack, cellar, listener):
    cut_off(page, stack, cellar, listener)
    page.goto(stack.url(cellar, "/comptoir/"))
    expect(page.get_by_text("Hors ligne", exact=True)).to_be_visible()
    look(page, "offline-list-phone")
    page.get_by_role("searchbox").fill("bern")
    page.get_by_role("link", name=re.compile("Camille B")).click()
    page.get_by_role("button", name="Tamponner").click()
    expect(page.locator("[data-notice]")).to_contain_text("Gardé sur ce téléphone")
    expect(page.get_by_text("1 en attente · hors ligne")).to_be_visible()
    look(page, "offline-stamped-phone")
    axe(page)
    fits(page)
    page.goto(stack.url(cellar, "/comptoir/ajouter/"))
    page.get_by_label("Téléphone").fill("06 71 42 53 99")
    page.get_by_label("Prénom").fill("Solène")
    page.get_by_role("button", name="Ajouter").click()
    expect(page.get_by_role("heading", name="Contact gardé")).to_be_visible()
    expect(page.get_by_text("2 en attente · hors ligne")).to_be_visible()
    page.reload()
    expect(page.get_by_text("2 en attente · hors ligne")).to_be_visible()
    page.get_by_role("link", name="2 en attente").click()
    expect(page.get_by_role("heading", name="En attente du réseau")).to_be_visible()
    lines = page.locator("main").get_by_role("listitem")
    expect(lines.filter(has_text="Tampon · Camille B.")).to_be_visible()
    expect(lines.filter(has_text="Nouveau contact · Solène")).to_be_visible()
    look(page, "offline-waiting-phone")
    axe(page)
    page.context.set_offline(False)
    page.goto(stack.url(cellar, "/comptoir/"))
    arrived(cellar, 2)
    with in_schema(cellar.schema_name):
        assert Contact.objects.get(phone="+33671425399").card.balance == 1
    expect(page.get_by_text("en attente")).to_have_count(0)
    assert balance(cellar, "Camille") == 1
    page.reload()
    with in_schema(cellar.schema_name):
        assert Movement.objects.count() == 2


@pytest.fixture
def phone(_playwright, listener, tmp_path):
    """``phone()``: a browser of its own over one memory, opened again after it was killed."""
    opened = []

    def switch_on():
        context = _playwright.chromium.launch_persistent_context(
            tmp_path, executable_path=kit.CHROMIUM, args=kit.ARGUMENTS, viewport=VIEWPORT
        )
        listener.listen(context)
        opened.append(context)
        return context.pages[0]

    yield switch_on
    for context in opened:
        with contextlib.suppress(Error):
            context.close()
    assert not listener.unexpected(), "\n".join(listener.unexpected())


def kill(memory):
    """The browser over ``memory``, as a phone whose battery is taken out."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"--user-data-dir={memory}".encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def test_a_dead_battery_an_ended_session_and_another_person_lose_nothing(
    phone, stack, cellar, listener, tmp_path
):
    page = phone()
    first = cut_off(page, stack, cellar, listener)
    stamp_offline(page, stack, cellar, "Camille B")
    kill(tmp_path)
    listener.expect("40[13]")
    page = phone()
    page.context.clear_cookies()
    page.goto(stack.url(cellar, "/comptoir/sans-reseau/"))
    expect(page.get_by_role("link", name="1 en attente · reconnectez-vous")).to_be_visible()
    look(page, "offline-signed-out-phone")
    second = sign_in(page, stack, cellar, "manager")
    page.goto(stack.url(cellar, "/comptoir/"))
    (stamp,) = arrived(cellar, 1)
    assert stamp.actor_id == first.pk != second.pk


def test_a_stamp_whose_network_drops_waits_under_its_own_name(page, stack, cellar, listener):
    ready(page, stack, cellar)
    page.goto(stack.url(cellar, "/comptoir/"))
    page.get_by_role("searchbox").fill("hel")
    page.get_by_role("link", name=re.compile("Hélène R")).click()
    listener.expect("ERR_|Failed to fetch|htmx:sendError")
    token = page.locator("form[data-gesture] input[name=token]").input_value()
    page.context.set_offline(True)
    page.get_by_role("button", name="Tamponner").click()
    expect(page.get_by_text("1 en attente · hors ligne")).to_be_visible()
    expect(page.locator(".dock [data-told]")).to_contain_text("gardé sur ce téléphone")
    look(page, "offline-dropped-phone")
    axe(page)
    page.context.set_offline(False)
    (stamp,) = arrived(cellar, 1)
    assert str(stamp.token) == token


def test_a_contact_whose_network_drops_waits_too(page, stack, cellar, listener):
    ready(page, stack, cellar)
    page.goto(stack.url(cellar, "/comptoir/ajouter/"))
    page.get_by_label("Téléphone").fill("06 71 42 53 98")
    listener.expect("ERR_|Failed to fetch|htmx:sendError")
    page.context.set_offline(True)
    page.get_by_role("button", name="Ajouter").click()
    expect(page.get_by_text("1 en attente · hors ligne")).to_be_visible()
    page.context.set_offline(False)
    (stamp,) = arrived(cellar, 1)
    with in_schema(cellar.schema_name):
        assert stamp.card.contact.phone == "+33671425398"


def test_who_signs_out_leaves_no_card_and_loses_no_gesture(page, stack, cellar, listener):
    cut_off(page, stack, cellar, listener)
    stamp_offline(page, stack, cellar, "Camille B")
    page.context.route("**/comptoir/hors-ligne/e*", lambda route: route.abort())
    page.context.set_offline(False)
    page.goto(stack.url(cellar, "/gestion/compte/"))
    page.get_by_role("button", name="Se déconnecter", exact=True).click()
    page.wait_for_url("**/sortie/")
    page.context.set_offline(True)
    page.goto(stack.url(cellar, "/comptoir/"))
    expect(page.get_by_role("heading", name="Qui est là ?")).to_be_visible()
    expect(page.get_by_text("1 en attente · hors ligne")).to_be_visible()
    look(page, "offline-forgotten-phone")
    axe(page)
    page.goto(stack.url(cellar, "/comptoir/ajouter/"))
    expect(page.get_by_role("button", name="Ajouter")).to_have_count(0)


def say_who(page, name):
    page.get_by_role("link", name=name).click()
    for digit in DIGITS:
        page.get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("button", name="Entrer").click()
    expect(page.get_by_role("button", name=f"{name} · changer")).to_be_visible()


def test_on_a_shared_phone_each_gesture_stays_its_own_persons(page, stack, cellar, listener):
    with in_schema(cellar.schema_name):
        team = {name: stack.member(cellar, "helper", name=name) for name in ("Léa", "Karim")}
        for user in team.values():
            by = Membership.objects.get(user=user)
            pins.choose(by=by, digits=DIGITS, now=timezone.now())
        offered = devices.offer(by=by, name="Téléphone du comptoir", now=timezone.now())
    page.goto(stack.url(cellar, f"/comptoir/relier/?code={offered.code}"))
    page.get_by_role("button", name="Relier").click()
    say_who(page, "Léa")
    await_cards(page, stack, cellar)
    listener.expect("ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to fetch")
    page.context.set_offline(True)
    stamp_offline(page, stack, cellar, "Camille B")
    expect(page.locator("#head")).to_contain_text("Léa")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)  # it has rested for too long
    listener.expect("40[13]")
    page.context.set_offline(False)
    expect(page.get_by_text("1 en attente · reconnectez-vous")).to_be_visible()
    page.goto(stack.url(cellar, "/comptoir/"))
    say_who(page, "Karim")
    (stamp,) = arrived(cellar, 1)
    assert (stamp.actor_id, stamp.device) == (team["Léa"].pk, offered.number)


@seen(PHONE, PHONE_DARK)
def test_a_reward_is_given_offline_on_the_one_device_only(page, stack, cellar, view, listener):
    with in_schema(cellar.schema_name):
        card = Card.objects.get(contact__first_name="Camille")
        now = timezone.now() - timedelta(days=9)
        for turn in range(6):
            by = Actor("team", 9_999)
            add_stamp(card=card, token=uuid4(), by=by, now=now + timedelta(days=turn))
    cut_off(page, stack, cellar, listener, "owner")
    page.goto(stack.url(cellar, f"/comptoir/carte/{card.pk}/"))
    expect(page.get_by_text("à offrir au retour du réseau")).to_be_visible()
    page.context.set_offline(False)
    page.goto(stack.url(cellar, "/comptoir/hors-ligne/"))
    page.get_by_label("Nom de cet appareil").fill("Téléphone de la cave")
    look(page, f"offline-overview-{view.name}")
    page.get_by_role("button", name="Autoriser cet appareil").click()
    expect(page.get_by_text("Téléphone de la cave peut offrir sans réseau.")).to_be_visible()
    axe(page)
    fits(page)
    wait_for(lambda: page.evaluate(MAY_GIVE), "the phone knows that it may")
    page.context.set_offline(True)
    page.goto(stack.url(cellar, f"/comptoir/carte/{card.pk}/"))
    page.get_by_role("link", name="Offrir").click()
    look(page, f"offline-give-{view.name}")
    axe(page)
    page.get_by_role("button", name="Offrir").click()
    expect(page.get_by_role("heading", name="Récompense offerte")).to_be_visible()
    page.context.set_offline(False)
    arrived(cellar, 1)
    with in_schema(cellar.schema_name):
        assert Redemption.objects.count() == 1


def test_every_reward_that_waits_is_shown_offline_and_every_gift_of_the_card(
    page, stack, cellar, listener
):
    with in_schema(cellar.schema_name):
        Programme.objects.update(steps=[Offer(3, "Un verre au comptoir", False).kept()])
        card = Card.objects.get(contact__first_name="Camille")
        now = timezone.now() - timedelta(days=9)
        for turn in range(7):
            at = now + timedelta(days=turn)
            add_stamp(card=card, token=uuid4(), by=Actor("team", 9_999), now=at)
        main = Programme.objects.get().reward
    cut_off(page, stack, cellar, listener)
    page.goto(stack.url(cellar, "/comptoir/"))
    page.get_by_role("link", name=re.compile("Camille B.*2 récompenses prêtes")).click()
    expect(page.locator(".ready strong")).to_have_text(["Un verre au comptoir", main])
    expect(page.locator(".hole.gift")).to_have_count(2)
    look(page, "offline-rewards-phone")
    axe(page)
    fits(page)


def test_a_new_edition_is_offered_and_leaves_nothing_of_the_old_one(page, stack, cellar):
    ready(page, stack, cellar)
    with in_schema(cellar.schema_name):
        Shop.objects.filter(pk=cellar.pk).update(name="Le Cellier de la Tour")
    page.goto(stack.url(cellar, "/comptoir/"))
    button = page.get_by_role("button", name="Nouvelle version — recharger")
    expect(button).to_be_visible()
    with page.expect_navigation():
        button.click()
    expect(button).to_be_hidden()
    held = "caches.keys().then((names) => names.filter((name) => name.startsWith('comptoir-')))"
    wait_for(lambda: len(page.evaluate(held)) == 1, "one edition only")
