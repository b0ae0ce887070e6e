"""From the poster to the card, as a customer lives it."""

from uuid import uuid4

import pytest
from django.utils import timezone

from apps.contacts.models import Contact
from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.loyalty.services import add_stamp, card_of
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, View, axe, fits, look, views
from tests.factories import ContactFactory, ProgrammeFactory

NARROW = View("narrow", 320, 640)
BARE = View("bare", 390, 844, javascript=False)
ENGLISH = View("en", 390, 844, language="en-GB")
SPANISH = View("es", 390, 844, language="es-ES")
ALL = (PHONE, PHONE_DARK, DESK, DESK_DARK, NARROW)


@pytest.fixture
def shop(stack):
    """A wine merchant of one's own, whose name is as long as names get."""

    def make(**fields):
        slug = f"cave-{uuid4().hex[:8]}"
        name = fields.pop("name", "Cave du Marché")
        rules = fields.pop("rules", {})
        made = stack.open_shop(slug, name, **{"trade": "wine", "sells_alcohol": True, **fields})
        with in_schema(made.schema_name):
            ProgrammeFactory(**{"cooldown_minutes": 0, **rules})
        return made

    return make


def card_in(shop, stamps=0, **person):
    with in_schema(shop.schema_name):
        card = card_of(ContactFactory(**person))
        for _ in range(stamps):
            add_stamp(card=card, token=uuid4(), by=SYSTEM, now=timezone.now())
        return card


def checked(page, name, *, scripted=True):
    look(page, f"joining-{name}")
    fits(page)
    if scripted:  # without a page's own script, axe's promise may never be kept
        axe(page)


@views(*ALL, BARE)
def test_a_customer_joins_from_the_poster(page, stack, shop, view):
    here = shop()
    page.goto(stack.url(here))
    checked(page, f"form-{view.name}", scripted=view.javascript)
    page.get_by_label("Votre prénom").fill("Camille")
    page.get_by_label("Votre mobile").fill("06 12 34 56 78")
    page.get_by_label("J’ai 18 ans ou plus.").check()
    page.get_by_role("button", name="Prendre ma carte").click()
    page.get_by_role("heading", name="Bienvenue Camille").wait_for()
    page.locator(".qr svg").wait_for()
    checked(page, f"new-card-{view.name}", scripted=view.javascript)


@views(PHONE, DESK, NARROW)
def test_a_slip_is_shown_where_it_was_made(page, stack, shop, view, listener):
    listener.expect("422")
    page.goto(stack.url(shop()))
    page.get_by_label("Votre prénom").fill("Camille")
    page.get_by_label("Votre mobile").fill("06 12")
    page.get_by_role("button", name="Prendre ma carte").click()
    page.get_by_text("n’est pas un numéro de téléphone").wait_for()
    assert page.get_by_label("Votre prénom").input_value() == "Camille"
    checked(page, f"slip-{view.name}")


@views(PHONE, DESK_DARK, NARROW)
def test_cards_of_every_state(page, stack, shop, view):
    here = shop()
    long = shop(
        name="La Grande Épicerie Fine de Saint-Germain-en-Laye et Fils",
        trade="food",
        accent="#f2c230",
        rules={"goal": 12, "reward": "Un panier garni de produits de saison choisi avec vous"},
    )
    cards = {
        "some": (here, card_in(here, 7, first_name="Camille")),
        "nearly": (here, card_in(here, 9, first_name="Thomas")),
        "won": (here, card_in(here, 12, first_name="Anaïs")),
        "long": (long, card_in(long, 5, first_name="Marie-Françoise-Antoinette")),
    }
    for name, (where, card) in cards.items():
        page.goto(stack.url(where, f"/c/{card.token}/"))
        checked(page, f"card-{name}-{view.name}")


@views(PHONE)
def test_every_trade_stamps_with_its_own_picture(page, stack, shop, view):
    for trade, accent in (
        ("cafe", "#1f5b4a"),
        ("sneakers", "#16202c"),
        ("hair", "#b4476a"),
        ("other", "#2f4f9f"),
    ):
        here = shop(name="Chez Léon", trade=trade, accent=accent, sells_alcohol=False)
        page.goto(stack.url(here))
        checked(page, f"form-{trade}-{view.name}")
        page.goto(stack.url(here, f"/c/{card_in(here, 4).token}/"))
        checked(page, f"card-{trade}-{view.name}")


@views(PHONE, DESK_DARK)
def test_the_link_of_the_message_and_the_pages_behind_the_card(page, stack, shop, view, listener):
    listener.expect("404")
    here = shop()
    page.goto(stack.url(here))
    page.get_by_label("Votre prénom").fill("Inès")
    number = f"06 98 {uuid4().int % 90 + 10} {uuid4().int % 90 + 10} {uuid4().int % 90 + 10}"
    page.get_by_label("Votre mobile").fill(number)
    page.get_by_label("par SMS").check()
    page.get_by_label("J’ai 18 ans ou plus.").check()
    page.get_by_role("button", name="Prendre ma carte").click()
    page.get_by_text("Touchez son lien").wait_for()
    with in_schema(here.schema_name):
        person = Contact.objects.get()
        link = f"/v/{person.joinings.get().token}/"
        to = person.phone
    assert stack.last_posted(to).link() == stack.url(here, link)
    page.goto(stack.url(here, link))
    checked(page, f"verify-{view.name}")
    page.get_by_role("button", name="C’est bien moi").click()
    page.get_by_role("heading", name="Inès").wait_for()
    assert page.get_by_text("Touchez son lien").count() == 0
    page.get_by_role("link", name="Mes données").click()
    page.get_by_role("heading", name="Ce que nous savons de vous").wait_for()
    checked(page, f"data-{view.name}")
    page.get_by_label("Votre prénom").fill("Agnès")
    page.get_by_role("button", name="Corriger mon prénom").click()
    page.get_by_text("C’est enregistré.").wait_for()
    page.get_by_role("link", name="Revenir à ma carte").click()
    old = page.url
    page.get_by_role("link", name="Changer de lien").click()
    checked(page, f"renew-{view.name}")
    page.get_by_role("button", name="Changer le lien maintenant").click()
    page.get_by_text("Voici votre nouveau lien").wait_for()
    page.goto(old)
    page.get_by_role("heading", name="Ce lien ne mène plus à une carte").wait_for()
    checked(page, f"gone-{view.name}")


@views(ENGLISH, SPANISH)
def test_a_tourist_joins_in_their_language(page, stack, shop, view):
    page.goto(stack.url(shop()))
    assert page.locator("html").get_attribute("lang") == view.name
    checked(page, f"form-{view.name}")
    page.get_by_role("button", name="Français").click()
    assert page.locator("html").get_attribute("lang") == "fr"


def test_the_first_view_weighs_at_most_60_kilobytes(page, stack, shop):
    sizes = []
    page.on("requestfinished", lambda request: sizes.append(request.sizes()))
    page.goto(stack.url(shop()), wait_until="networkidle")
    total = sum(s["responseBodySize"] + s["responseHeadersSize"] for s in sizes)
    assert total <= 60_000, f"{total} bytes"
