"""A café with points: the rule is set, a purchase counts, a coffee is paid, goods come back."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.loyalty.models import Card, Programme
from apps.loyalty.rule import Offer
from apps.loyalty.services import add_stamp
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory


@pytest.fixture
def cafe(stack):
    shop = stack.open_shop(f"cafe-{uuid4().hex[:8]}", "Café des Halles", trade="cafe")
    with in_schema(shop.schema_name):
        ProgrammeFactory(
            kind="points",
            goal=300,
            reward="Un brunch",
            cooldown_minutes=0,
            steps=[Offer(40, "Un café").kept(), Offer(90, "Une part de gâteau").kept()],
        )
        card = CardFactory(contact=ContactFactory(first_name="Camille", last_name="Bernard"))
        for days in (9, 2):
            now = timezone.now() - timedelta(days=days)
            by = Actor("team", 9_999)
            add_stamp(card=card, token=uuid4(), by=by, now=now, amount_cents=31_50)
    return shop


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_every_screen_of_a_points_programme_fits_and_reads(page, stack, cafe, view):
    sign_in(page, stack, cafe, "owner")
    with in_schema(cafe.schema_name):
        card = Card.objects.get()
    screens = {
        "rule": "/gestion/fidelite/",
        "sheet": f"/comptoir/carte/{card.pk}/",
        "pay": f"/comptoir/carte/{card.pk}/offrir/40/",
        "return": f"/comptoir/carte/{card.pk}/retour/",
        "card": f"/c/{card.token}/",
        "join": "/",
        "people": "/gestion/clients/",
        "person": f"/gestion/clients/{card.contact_id}/",
    }
    for name, path in screens.items():
        page.goto(stack.url(cafe, path), wait_until="networkidle")
        look(page, f"loyalty-{view.name}-{name}")
        axe(page)
        fits(page)


@views(PHONE)
def test_a_purchase_counts_and_a_coffee_is_paid_with_points(page, stack, cafe, view):
    sign_in(page, stack, cafe, "owner")
    with in_schema(cafe.schema_name):
        card = Card.objects.get()
    page.goto(stack.url(cafe, f"/comptoir/carte/{card.pk}/"))
    page.get_by_label("Montant de l’achat").fill("40")
    page.get_by_role("button", name="Ajouter l’achat").click()
    expect(page.get_by_text("102 points").first).to_be_visible()
    page.get_by_role("link", name="Offrir : Une part de gâteau").click()
    page.get_by_role("button", name="Offrir").click()
    expect(page.get_by_text("Récompense offerte")).to_be_visible()
    expect(page.get_by_text("12 points").first).to_be_visible()
    page.get_by_role("link", name="Un retour").click()
    page.get_by_label("Montant rendu").fill("10")
    page.get_by_role("button", name="Reprendre").click()
    expect(page.get_by_text("10 points de moins")).to_be_visible()
    with in_schema(cafe.schema_name):
        assert Card.objects.get().balance == 2


@views(DESK)
def test_the_owner_changes_the_rule_sees_the_effect_and_comes_back(page, stack, cafe, view):
    sign_in(page, stack, cafe, "owner")
    page.goto(stack.url(cafe, "/gestion/fidelite/"))
    page.get_by_label("Euros dépensés").check()
    page.get_by_label("Ce qu’il faut pour la récompense").fill("150")
    page.get_by_label("Chaque carte est convertie, en proportion").check()
    look(page, "loyalty-change")
    page.get_by_role("button", name="Enregistrer").click()
    with in_schema(cafe.schema_name):
        expect(page.get_by_role("button", name="Revenir en arrière")).to_be_visible()
        assert Card.objects.get().balance == 31_00
    look(page, "loyalty-changed")
    page.get_by_role("button", name="Revenir en arrière").click()
    expect(page.get_by_text("comme avant le changement")).to_be_visible()
    with in_schema(cafe.schema_name):
        assert (Card.objects.get().balance, Programme.objects.get().kind) == (62, "points")
