"""A birthday message by hand: chosen, filled in, looked back with, switched on, sent."""

from datetime import time, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.campaigns import firing
from apps.campaigns.models import Run, RunState, Trigger
from apps.core.tenancy import in_schema
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.factories import CardFactory, ProgrammeFactory


@pytest.fixture
def cellar(stack):
    """A shop that may write at any hour; four were born on this day, one never agreed."""
    always = {"quiet_until": time(0), "quiet_from": time.max, "sundays_allowed": True}
    name = f"auto-{uuid4().hex[:6]}"
    shop = stack.open_shop(name, "Cave du Marché", sells_alcohol=True, **always)
    born = timezone.localdate().replace(year=1980)
    with in_schema(shop.schema_name):
        ProgrammeFactory()
        CardFactory.create_batch(3, contact__agreeing=True, contact__birth_date=born)
        CardFactory(contact__birth_date=born)
    return shop


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_an_owner_sets_a_birthday_message_up_and_it_leaves(page, stack, cellar, view):
    sign_in(page, stack, cellar, "owner")
    page.goto(stack.url(cellar, "/gestion/automatiques/"))
    axe(page)
    fits(page)
    look(page, f"{view.name}-triggers-empty")
    page.get_by_role("button", name="Anniversaire").click()
    expect(page.locator("h1")).to_have_text("Anniversaire")
    page.get_by_role("button", name="Activer").click()
    expect(page.get_by_text("Il reste à remplir")).to_be_visible()
    page.get_by_label("Le SMS").fill("{prénom}, bel anniversaire de {boutique}")
    expect(page.locator("#apercu")).to_contain_text(", bel anniversaire de Cave")
    page.locator("label.pick", has_text="E-mail").click()
    page.locator("#regarder").click()
    expect(page.locator("#retour")).to_contain_text("3 personnes l’auraient reçu")
    axe(page)
    fits(page)
    look(page, f"{view.name}-trigger-look-back")
    page.locator("#enregistrer").click()
    page.get_by_role("button", name="Activer").click()
    expect(page.locator("header").get_by_text("actif", exact=True)).to_be_visible()
    with in_schema(cellar.schema_name):
        Trigger.objects.update(on_since=timezone.now() - timedelta(days=2), next_at=timezone.now())
        firing.run_due()
        assert Run.objects.filter(state=RunState.SENT).count() == 3
    page.reload()
    expect(page.locator("#suivi-auto")).to_contain_text("3partis")
    axe(page)
