"""A product to reserve, in real browsers: announced by the owner, taken on a phone, handed over."""

import http.client
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import time
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.campaigns.links import short
from apps.campaigns.lot_models import Booking, Lot
from apps.campaigns.models import Drop
from apps.catalog.models import Purchase, Variant
from apps.contacts.models import Contact
from apps.core.tenancy import in_schema
from tests.campaigns.selling import a_lot, bottle, take
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.e2e.meter import opened
from tests.factories import ContactFactory, ProgrammeFactory


@pytest.fixture
def cellar(stack):
    """A shop that may write at any hour, twelve bottles on its shelf."""
    always = {"quiet_until": time(0), "quiet_from": time.max, "sundays_allowed": True}
    where = {"street": "12 place Carnot", "postal_code": "21200", "city": "Beaune"}
    shop = stack.open_shop(
        f"lot-{uuid4().hex[:6]}", "Cave du Marché", sells_alcohol=True, **always, **where
    )
    with in_schema(shop.schema_name):
        ProgrammeFactory()
    return shop


def a_phone() -> str:
    return f"+3367{uuid4().int % 10**7:07d}"


def announced(page, stack, shop) -> None:
    """The owner chooses from the shelf, prices, writes, and lets it go."""
    sign_in(page, stack, shop, "manager")
    page.goto(stack.url(shop, "/gestion/messages/nouveau/"))
    page.get_by_role("button", name=re.compile("Un produit à réserver")).click()
    page.get_by_role("link", name="Choisir un produit").click()
    page.get_by_role("button", name="Choisir Morgon").click()
    page.get_by_label("Prix").fill("12,50")
    page.get_by_label("Quantité").fill("8")
    page.get_by_text("Dire « au lieu de").click()
    page.get_by_label("Trois lignes").fill("Un gamay de coteau.\nFruit noir.\nÀ boire frais.")
    expect(page.locator("#apercu")).to_contain_text("12,50 € au lieu de 14,90 €")
    page.get_by_text("E-mail", exact=True).first.click()
    axe(page)
    look(page, "lot-composer")
    page.get_by_role("button", name=re.compile("Envoyer à 1 client")).click()
    page.get_by_role("button", name=re.compile("Envoyer à 1 client")).click()
    expect(page.locator("#reserves")).to_contain_text("sur 8")


def taken(phone, link: str) -> None:
    """The customer takes two, with one tap."""
    phone.goto(link)
    expect(phone.get_by_role("heading", level=1)).to_have_text("Morgon")
    axe(phone)
    look(phone, "lot-phone")
    phone.get_by_role("button", name=re.compile("^J’en prends 2")).click()
    expect(phone.get_by_role("heading", name="C’est réservé")).to_be_visible()
    axe(phone)
    look(phone, "lot-phone-reserved")


def handed_over(helper, stack, shop) -> None:
    """At the counter, after a look at the age."""
    sign_in(helper, stack, shop, "helper")
    helper.goto(stack.url(shop, "/comptoir/"))
    helper.get_by_role("link", name="À remettre").click()
    axe(helper)
    helper.get_by_role("link", name=re.compile("Bérengère P")).click()
    helper.get_by_text("J’ai vérifié une pièce d’identité").click()
    axe(helper)
    look(helper, "lot-counter")
    helper.get_by_role("button", name="Encaissé et remis").click()
    expect(helper.locator("main")).to_contain_text("l’achat est noté")


@views(DESK)
def test_from_the_shelf_to_the_phone_and_over_the_counter(page, someone, stack, cellar, view):
    number = a_phone()
    with in_schema(cellar.schema_name):
        bottle(12)
        ContactFactory(agreeing=True, first_name="Bérengère", last_name="Prost", phone=number)
    announced(page, stack, cellar)
    taken(someone(PHONE), stack.last_posted(number).link("/r/"))
    expect(page.locator("#reserves")).to_contain_text("Bérengère")
    page.get_by_role("link", name="Toutes les réservations").click()
    expect(page.locator(".bookings")).to_contain_text("Bérengère Prost")
    handed_over(someone(PHONE), stack, cellar)
    expect(page.locator(".bookings")).to_contain_text("remis")
    expect(page.locator("#reservations")).to_contain_text("25,00")
    axe(page)
    look(page, "lot-list")
    with in_schema(cellar.schema_name):
        assert Purchase.objects.get().amount_cents == 2500
        assert Variant.objects.get().on_hand == 10


def test_forty_phones_at_once_over_http_never_get_one_too_many(stack, cellar):
    """Each of them posts its form twice, at once, to a real server."""
    now = timezone.now()
    with in_schema(cellar.schema_name):
        lot = a_lot(12, now)
        crowd = [ContactFactory(agreeing=True, phone=a_phone()).link_token for _ in range(40)]

    def rush(token: str) -> int:
        gesture = uuid4()
        with ThreadPoolExecutor(2) as twice:
            answers = list(twice.map(lambda _: _post(stack, cellar, lot, token, gesture), (1, 2)))
        assert len(set(answers)) == 1, answers
        return answers[0]

    with ThreadPoolExecutor(40) as phones:
        answers = list(phones.map(rush, crowd))
    assert sorted(set(answers)) == [302, 409]
    assert answers.count(302) == 12
    with in_schema(cellar.schema_name):
        assert Lot.objects.get().taken == Variant.objects.get().held == 12
        assert Booking.objects.filter(state="held").count() == 12


def _post(stack, shop, lot: Lot, token: str, gesture) -> int:
    """One form, with the cookie and the word against forgery that its page gave."""
    path = f"/r/{short(lot.drop_id)}/{token}/"
    host = f"{shop.slug}.localhost:{stack.port}"
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        cookie = answer.getheader("Set-Cookie", "").partition(";")[0]
        word = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.read().decode())
        told = {"token": gesture, "act": "take", "units": 1, "csrfmiddlewaretoken": word[1]}
        headers = {
            "Host": host,
            "Cookie": cookie,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection.request("POST", path, urlencode(told), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_every_face_of_the_page_fits_and_reads(page, stack, cellar, view):
    now = timezone.now()
    with in_schema(cellar.schema_name):
        words = "Un gamay de coteau, vieilles vignes.\nFruit noir, poivre.\nÀ boire frais."
        lot = a_lot(4, now, words=words, price_cents=1250, says_former=True)
        free, late, holder = (ContactFactory(agreeing=True, phone=a_phone()) for _ in range(3))
    faces = {"open": free, "public": None, "held": holder, "sold-out": free, "waiting": late}
    for name, person in faces.items():
        with in_schema(cellar.schema_name):
            if name == "held":
                take(lot, holder, 4, now=now)
            if name == "waiting":
                take(lot, late, 2, now=now, wait=True)
        token = f"{person.link_token}/" if person else ""
        page.goto(stack.url(cellar, f"/r/{short(lot.drop_id)}/{token}"))
        for check in (axe, fits):
            check(page)
        page.screenshot(path=look(page, f"lot-{name}-{view.name}"), full_page=True)


def test_the_page_of_a_lot_costs_60_kilobytes_beside_its_photo(page, stack, cellar):
    with in_schema(cellar.schema_name):
        lot = a_lot(4, timezone.now())
        reader = Contact.objects.get()
    path = f"/r/{short(lot.drop_id)}/{reader.link_token}/"
    meter = opened(page, stack.url(cellar, path))
    assert meter.kilobytes() <= 60, meter.kilobytes()
    assert meter.kilobytes("Script") <= 10
    with in_schema(cellar.schema_name):
        assert Drop.objects.get().clicks.count() == 1
