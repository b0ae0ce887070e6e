"""A month of boxes: opened, filled by the worker, ticked, handed over; by thumb and by keyboard."""

import re

import pytest
from django.utils import timezone

from apps.catalog.models import Variant
from apps.club.box_models import Box, BoxState, Round
from apps.core.tenancy import in_schema
from tests.club.boxing import a_member, a_plan, bottle
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.e2e.stack import wait_for
from tests.factories import ContactFactory

NAMES = (("Anaïs", "Zola"), ("Loïc", "Hugo"), ("Zoé", "Sand"))


@pytest.fixture
def cellar(stack):
    """Three members of one plan, whose month is paid, and bottles for all of them."""
    slug = f"box{timezone.now():%H%M%S%f}"
    shop = stack.open_shop(slug, "Cave aux box", trade="wine", sells_alcohol=True)
    with in_schema(shop.schema_name):
        plan, month = a_plan(), timezone.localdate().replace(day=1)
        for first, last in NAMES:
            person = ContactFactory(first_name=first, last_name=last)
            a_member(plan, starts=month, contact=person)
        bottle("Morgon, Domaine de la Grand’Cour du Py"), bottle("Mâcon", "blanc", 1250)
    return shop


def told(shop, what):
    with in_schema(shop.schema_name):
        return what()


@views(PHONE, DESK)
def test_a_month_is_opened_filled_ticked_and_handed_over(page, stack, cellar, view):
    sign_in(page, stack, cellar, "owner", name="Claire Fontaine")
    page.goto(stack.url(cellar, "/gestion/club/box/"))
    page.get_by_role("button", name="Ouvrir").click()
    one = told(cellar, Round.objects.get)
    made = lambda: told(cellar, Box.objects.count) == len(NAMES)  # noqa: E731
    wait_for(made, "the boxes of the month")
    page.get_by_role("link", name="Choisir").click()
    page.get_by_role("button", name=re.compile("Ajouter Morgon")).click()
    page.get_by_label(re.compile("Dans votre choix, Morgon")).fill("3")
    page.get_by_role("button", name="Enregistrer").last.click()
    held = lambda: told(cellar, lambda: Variant.objects.filter(held=9).exists())  # noqa: E731
    wait_for(held, "bottles held for the boxes")
    page.goto(stack.url(cellar, one.get_absolute_url()))
    fits(page)
    look(page, f"boxes-round-{view.name}")
    tick = page.get_by_role("button", name="Box de Anaïs Zola prête")
    ticked = page.locator('[aria-label="Box de Anaïs Zola prête"][aria-pressed="true"]')
    tick.focus()
    page.keyboard.press("Enter")
    ticked.wait_for()
    tick.click()  # a slip: undone
    ticked.wait_for(state="detached")
    tick.click()
    ticked.wait_for()
    page.locator("#avancement").get_by_text("1", exact=True).wait_for()
    look(page, f"boxes-ticked-{view.name}")
    page.goto(stack.url(cellar, "/comptoir/reservations/"))
    page.get_by_label("Chercher un client").fill("zola")
    page.get_by_role("link", name="Anaïs Z.").click()
    page.get_by_label("J’ai vérifié une pièce d’identité").check()
    look(page, f"boxes-handover-{view.name}")
    page.get_by_role("button", name="C’est remis").click()
    page.get_by_text("La box est remise").wait_for()
    assert told(cellar, lambda: Box.objects.filter(state=BoxState.HANDED).count()) == 1


@views(PHONE_DARK, DESK_DARK)
def test_pages_without_boxes_are_readable_too(page, stack, cellar, view):
    sign_in(page, stack, cellar, "owner")
    for name, path in (("rounds", "/gestion/club/box/"), ("rule", "/gestion/club/box/reglage/")):
        page.goto(stack.url(cellar, path))
        axe(page)
        fits(page)
        look(page, f"boxes-{name}-{view.name}")
