"""The owner prints: the worker draws, the page shows each sheet as soon as it is there."""

from playwright.sync_api import expect

from tests.e2e.browser import DESK, PHONE_DARK, axe, fits, look, sign_in, views
from tests.e2e.shops import full_shop

SHOWN = "images => images.every(image => image.complete && image.naturalWidth > 300)"


@views(PHONE_DARK, DESK)
def test_the_sheets_appear_as_they_are_drawn(page, stack, view):
    shop = full_shop(stack)
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, "/gestion/fidelite/"))
    page.get_by_role("link", name="Supports à imprimer").click()
    pictures = page.locator("#supports img")
    expect(pictures).to_have_count(4)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    assert pictures.evaluate_all(SHOWN)
    axe(page)
    fits(page)
    look(page, f"supports-{view.name}")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Imprimer L’affiche (PDF)").click()
    opened.value.close()
