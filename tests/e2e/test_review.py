"""The owner looks through « À vérifier » in the evening: one tap each, with and without scripts."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.loyalty import watch
from apps.loyalty.models import Card, Movement
from apps.loyalty.services import add_stamp
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

PATH = "/gestion/fidelite/a-verifier/"


@pytest.fixture
def cave(stack):
    """A helper in a hurry, and a card on two phones."""
    shop = stack.open_shop(f"cave-{uuid4().hex[:8]}", "Cave du Marché")
    helper = stack.member(shop, "helper", name="Léa Moreau")
    with in_schema(shop.schema_name):
        ProgrammeFactory(helper_pace=4)
        by, now = Actor("team", helper.pk), timezone.now() - timedelta(hours=2)
        twice = CardFactory(contact=ContactFactory(first_name="Zoé", last_name="Roux"))
        gestures = [(CardFactory(), by, turn) for turn in range(4)]
        gestures += [(twice, by, 60), (twice, replace(by, device=1), 64)]
        for card, who, minutes in gestures:
            at = now + timedelta(minutes=minutes)
            done = add_stamp(card=card, token=uuid4(), by=who, now=at, over_cooldown=True)
            watch.look(done.movement.pk)
    return shop


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_the_list_and_its_settings_read_and_fit(page, stack, cave, view):
    sign_in(page, stack, cave, "owner")
    page.goto(stack.url(cave, PATH))
    expect(page.get_by_text("Léa a tamponné 4 cartes en 5 minutes.")).to_be_visible()
    look(page, f"review-{view.name}")
    axe(page)
    fits(page)
    page.goto(stack.url(cave, "/gestion/fidelite/#garde-fous"))
    page.get_by_text("Ce qui se lit dans « À vérifier »").click()
    look(page, f"review-{view.name}-settings")
    axe(page)
    fits(page)


@views(PHONE)
def test_one_tap_undoes_a_rush_and_one_says_that_all_is_well(page, stack, cave, view):
    sign_in(page, stack, cave, "owner")
    page.goto(stack.url(cave, PATH))
    page.get_by_role("button", name="Annuler les 4 tampons").click()
    expect(page.get_by_text("4 tampons annulés.", exact=True)).to_be_visible()
    page.get_by_role("button", name="C’est normal").click()
    expect(page.get_by_role("heading", name="Rien à vérifier")).to_be_visible()
    expect(page.locator("#to-review")).to_be_empty()
    look(page, "review-done")
    axe(page)
    with in_schema(cave.schema_name):
        assert Movement.objects.filter(kind="undo").count() == 4
        assert sorted(Card.objects.values_list("balance", flat=True)) == [0, 0, 0, 0, 2]


@views(replace(PHONE, javascript=False))
def test_without_scripts_it_is_two_forms(page, stack, cave, view):
    sign_in(page, stack, cave, "owner")
    page.goto(stack.url(cave, f"{PATH}?genre=helper-pace"))
    page.get_by_role("button", name="Annuler les 4 tampons").click()
    expect(page.get_by_text("4 tampons annulés.", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Rien de ce genre")).to_be_visible()
    page.get_by_label("Genre").select_option("")
    page.get_by_role("button", name="Filtrer").click()
    expect(page.get_by_text("La carte de Zoé Roux a été")).to_be_visible()
