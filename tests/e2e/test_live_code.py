"""The code on the open card turns by itself, keeps its place, and says when it is worth nothing."""

from dataclasses import replace
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from apps.core.tenancy import in_schema
from apps.loyalty.services import card_of
from tests.e2e.browser import DESK, PHONE, PHONE_DARK, axe, fits, look, views
from tests.factories import ContactFactory, ProgrammeFactory


@pytest.fixture
def address(stack):
    shop = stack.open_shop(f"codes-{uuid4().hex[:8]}", "Cave du Marché")
    with in_schema(shop.schema_name):
        ProgrammeFactory()
        token = card_of(ContactFactory(first_name="Zoé")).token
    return stack.url(shop, f"/c/{token}/")


@views(PHONE, PHONE_DARK, DESK)
def test_it_is_fetched_anew_each_half_minute_and_covered_without_network(
    page, address, view, listener
):
    page.clock.install()
    page.goto(address)
    drawing = page.locator("#code .qr svg")
    expect(drawing).to_be_visible()
    look(page, f"code-{view.name}")
    axe(page)
    fits(page)
    before, place = drawing.inner_html(), drawing.bounding_box()
    page.evaluate("document.querySelector('#code .qr path').setAttribute('d', 'M0 0')")
    with page.expect_response(lambda answer: answer.url.endswith("/code/")):
        page.clock.run_for(31_000)
    expect(page.locator("#code .qr path")).not_to_have_attribute("d", "M0 0")
    assert drawing.inner_html().count("stroke") == before.count("stroke")
    assert drawing.bounding_box() == place
    listener.expect("ERR_INTERNET_DISCONNECTED|Failed to fetch")
    page.context.set_offline(True)
    page.clock.run_for(31_000)
    covered = page.get_by_text("Sans réseau, ce code ne vaut plus.")
    expect(covered).to_be_hidden()
    for _ in range(30):
        page.clock.run_for(5_000)
    expect(covered).to_be_visible()
    look(page, f"code-{view.name}-over")
    axe(page)
    page.context.set_offline(False)
    expect(covered).to_be_hidden()


@views(replace(PHONE, javascript=False))
def test_without_scripts_the_page_has_a_code_of_now_and_says_how_long(page, address, view):
    page.goto(address)
    expect(page.locator("#code .qr svg")).to_be_visible()
    expect(page.locator("#code noscript p")).to_be_visible()  # text within is not searched
    expect(page.get_by_text("Il change toutes les 30 secondes.")).to_be_hidden()
    look(page, "code-without-scripts")
