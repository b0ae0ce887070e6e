"""The shop's own phone, lived: scanned from the desk, somebody's digits, stamped, passed on."""

import re
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.accounts import devices, pins
from apps.accounts.models import Membership, Pin
from apps.audit.models import Entry
from apps.core.roles import Role
from apps.core.tenancy import in_schema
from tests.accounts.phones import DIGITS
from tests.e2e.browser import (
    DESK,
    DESK_DARK,
    PHONE,
    PHONE_DARK,
    View,
    axe,
    fits,
    look,
    sign_in,
    views,
)
from tests.e2e.stack import wait_for
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory


@pytest.fixture
def cave(stack):
    """A shop whose team has chosen its PINs, and one customer."""
    shop = stack.open_shop(f"cave-{uuid4().hex[:8]}", "Cave du Marché", trade="wine")
    with in_schema(shop.schema_name):
        ProgrammeFactory()
        CardFactory(contact=ContactFactory(first_name="Camille", last_name="Bernard"))
        for name, role in (
            ("Claire Fontaine", Role.OWNER),
            ("Léa Moreau", Role.HELPER),
            ("Marie-Antoinette-Joséphine de Clermont", Role.HELPER),
        ):
            user = stack.member(shop, role, name=name)
            member = Membership.objects.get(user=user)
            pins.choose(by=member, digits=DIGITS, now=timezone.now())
    return shop


def offered(shop):
    with in_schema(shop.schema_name):
        owner = Membership.objects.get(role=Role.OWNER)
        return devices.offer(by=owner, name="Téléphone du comptoir", now=timezone.now())


def paired(page, stack, shop):
    page.goto(stack.url(shop, f"/comptoir/relier/?code={offered(shop).code}"))
    page.get_by_role("button", name="Relier").click()
    return page


@views(DESK)
def test_from_the_desks_screen_to_a_stamp_with_two_names(page, stack, cave, someone, view):
    sign_in(page, stack, cave, "owner")
    page.goto(stack.url(cave, "/gestion/equipe/"))
    page.get_by_label("nom du téléphone", exact=False).fill("Téléphone du comptoir")
    page.get_by_role("button", name="Relier un téléphone").click()
    code = page.locator(".pairing .figure").inner_text()
    phone = someone(PHONE)
    phone.goto(stack.url(cave, "/comptoir/relier/"))
    phone.get_by_label("Code du téléphone").fill(code)
    phone.get_by_role("button", name="Relier").click()
    expect(phone.get_by_role("heading", name=re.compile("Qui est là"))).to_be_visible()
    expect(page.get_by_text("Relié à l’instant")).to_be_visible()  # by itself, at the desk
    phone.get_by_role("link", name="Léa").click()
    for digit in DIGITS:
        phone.get_by_role("button", name=digit, exact=True).click()
    phone.get_by_role("button", name="Entrer").click()
    expect(phone.get_by_role("button", name="Léa · changer")).to_be_visible()
    phone.locator("#q").fill("Camille")
    phone.get_by_role("link", name="Camille").click()
    phone.get_by_role("button", name="Tamponner").click()
    expect(phone.get_by_text("Tampon ajouté", exact=False).first).to_be_visible()

    def told():
        with in_schema(cave.schema_name):
            return Entry.objects.filter(verb="stamp", device=1).exists()

    wait_for(told, "the stamp's line in the trail")
    page.goto(stack.url(cave, "/gestion/equipe/"))
    page.get_by_role("button", name="Retirer Téléphone du comptoir").click()
    phone.reload()
    expect(phone.get_by_text("n’est plus relié", exact=False)).to_be_visible()


@views(View("no-script", 390, 844, javascript=False))
def test_without_javascript_the_phones_own_keyboard_serves(page, stack, cave, listener, view):
    listener.expect("403")
    paired(page, stack, cave).get_by_role("link", name="Claire").click()
    expect(page.locator("#pad")).to_be_hidden()
    page.get_by_label("Votre code").fill("9157")
    page.get_by_role("button", name="Entrer").click()
    expect(page.get_by_text(re.compile("Essais restants.*4"))).to_be_visible()
    page.get_by_label("Votre code").fill(DIGITS)
    page.get_by_role("button", name="Entrer").click()
    expect(page.get_by_role("button", name="Claire · changer")).to_be_visible()
    page.get_by_role("button", name="Claire · changer").click()
    expect(page.get_by_role("heading", name=re.compile("Qui est là"))).to_be_visible()


def check(page, view, what):
    axe(page)
    fits(page)
    look(page, f"{view.name}-phone-{what}")


@views(PHONE, PHONE_DARK, DESK, DESK_DARK)
def test_every_screen_of_the_phone_fits_and_reads(page, stack, cave, view, listener):
    listener.expect("403|410|423")
    page.goto(stack.url(cave, "/comptoir/relier/"))
    page.get_by_label("Code du téléphone").fill("ABCD 2345")
    page.get_by_role("button", name="Relier").click()
    check(page, view, "no-code")
    paired(page, stack, cave)
    check(page, view, "who")
    page.get_by_role("link", name="Marie").click()
    check(page, view, "pin")
    for _ in range(5):
        page.get_by_label("Votre code").fill("9157")
        page.get_by_role("button", name="Entrer").click()
        page.get_by_role("alert").wait_for()
    check(page, view, "locked")
    page.get_by_role("link", name=re.compile("Qui est là")).click()
    check(page, view, "who-locked")
    page.get_by_role("link", name="Léa").click()
    page.get_by_label("Votre code").fill(DIGITS)
    page.get_by_role("button", name="Entrer").click()
    page.get_by_role("button", name="Léa · changer").wait_for()
    check(page, view, "counter")


@views(PHONE, DESK_DARK)
def test_the_desks_pages_about_phones_fit_and_read(page, stack, cave, view):
    sign_in(page, stack, cave, "owner")
    waiting = offered(cave)
    with in_schema(cave.schema_name):
        locked = Pin.objects.latest("pk")
        Pin.objects.filter(pk=locked.pk).update(wrong=5, locked_at=timezone.now())
    number = f"telephones/{waiting.number}/"
    for what, path in (("team", ""), ("pairing", number)):
        page.goto(stack.url(cave, f"/gestion/equipe/{path}"))
        check(page, view, what)
    page.goto(stack.url(cave, "/gestion/compte/"))
    check(page, view, "account")
