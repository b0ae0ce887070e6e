"""Segments in a real browser: put together by thumb and by keyboard, counted as one types."""

import re

import pytest
from playwright.sync_api import expect

from apps.audience.models import Segment
from apps.core.tenancy import in_schema
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.e2e.shops import empty_shop, full_shop

pytestmark = pytest.mark.browser
LIST = "/gestion/clients/segments/"


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_every_screen_of_segments_fits_and_reads(page, stack, view):
    shop = full_shop(stack)
    with in_schema(shop.schema_name):
        fans = Segment.objects.get(name__startswith="Amateurs")
    sign_in(page, stack, shop, "manager")
    for name, path in {"list": "", "one": f"{fans.pk}/", "new": "nouveau/"}.items():
        page.goto(stack.url(shop, LIST + path))
        if name == "list":
            expect(page.locator(".tally .figure").first).to_have_text(re.compile(r"\d"))
        page.screenshot(path=look(page, f"segments-{name}-{view.name}"), full_page=True)
        fits(page)
        axe(page)
    empty = empty_shop(stack)
    sign_in(page, stack, empty, "manager")
    page.goto(stack.url(empty, LIST))
    page.screenshot(path=look(page, f"segments-empty-{view.name}"), full_page=True)
    fits(page)
    axe(page)


@views(PHONE, DESK)
def test_a_segment_is_composed_counted_as_one_types_and_written_to(page, stack, view):
    shop = full_shop(stack)
    sign_in(page, stack, shop, "manager")
    page.goto(stack.url(shop, f"{LIST}nouveau/"))
    page.get_by_label("Nom, pour vous seul").fill(f"Fidèles {view.name}")
    page.get_by_role("button", name="Nombre de visites", exact=True).click()
    field = page.locator("[name=g0r0_least]")
    expect(field).to_be_focused()
    count = page.locator("#combien")
    before = count.inner_text()
    field.fill("12")
    expect(count).not_to_have_text(before)
    expect(page.locator("#exemples")).to_contain_text("Clients venus au moins 12 fois.")
    expect(field).to_be_focused()
    page.get_by_role("button", name="Ajouter un groupe").click()
    page.get_by_role("group", name="Groupe 2").get_by_role("button", name="Étiquettes").click()
    page.get_by_role("group", name="Groupe 2").locator("label.pick").first.click()
    page.locator("[name=g1_not]").select_option("1")
    expect(page.locator("#exemples")).to_contain_text("sauf ceux étiquetés")
    expect(count).to_be_in_viewport()
    if view.is_phone:  # and not behind the bar at the top
        bar = page.locator(".nav").bounding_box()
        assert count.bounding_box()["y"] >= bar["y"] + bar["height"] - 3
    page.screenshot(path=look(page, f"segments-composed-{view.name}"), full_page=True)
    fits(page)
    axe(page)
    page.get_by_role("button", name="Retirer le critère Étiquettes").click()
    expect(page.get_by_role("group", name="Groupe 2")).to_have_count(0)
    page.get_by_role("button", name="Enregistrer").click()
    page.get_by_role("link", name=re.compile(f"Leur écrire : Fidèles {view.name}")).click()
    expect(page.get_by_text("le segment")).to_be_visible()
    page.get_by_role("button", name=re.compile("Page blanche")).click()
    expect(page.locator("#criteres")).to_contain_text("venus au moins 12 fois")
    expect(page.get_by_role("radio", name=f"Fidèles {view.name}")).to_be_checked()
