"""A code from the message to the counter, by hand."""

import re

import pytest

from apps.campaigns.models import Send
from apps.campaigns.personal import shown
from apps.core.tenancy import in_schema
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, look, sign_in, views
from tests.e2e.shops import full_shop


@pytest.fixture
def shop(stack):
    return full_shop(stack)


def _unused(shop):
    """A code that still works, whatever day the tests run."""
    with in_schema(shop.schema_name):
        unused = Send.objects.filter(uses=None).exclude(code=None).order_by("?")
        return unused.values_list("code", flat=True).first()


@views(PHONE, PHONE_DARK)
def test_a_helper_types_a_code_uses_it_and_takes_it_back(page, stack, shop, view, listener):
    listener.expect("422")
    code = _unused(shop)
    sign_in(page, stack, shop, "helper")
    page.goto(stack.url(shop, "/comptoir/"))
    look(page, f"code-counter-{view.name}")
    page.get_by_role("link", name="Un code").click()
    field = page.get_by_label("Dicté par le client")
    field.fill("K7Q-M3X-TPB")
    look(page, f"code-ask-{view.name}")
    page.get_by_role("button", name="Voir ce qu’il donne").click()
    page.get_by_text("Ce code est mal recopié").wait_for()
    look(page, f"code-wrong-{view.name}")
    field.fill(shown(code).lower())
    field.press("Enter")
    page.get_by_text(shown(code)).wait_for()
    look(page, f"code-found-{view.name}")
    page.get_by_role("button", name="Valider ce code").click()
    page.get_by_text("Code validé").wait_for()
    look(page, f"code-used-{view.name}")
    page.get_by_role("button", name="Annuler, c’était une erreur").click()
    page.get_by_text("Code rendu").wait_for()
    assert page.get_by_role("button", name="Valider ce code").is_visible()


@views(PHONE, PHONE_DARK, DESK, DESK_DARK)
def test_a_customer_shows_the_voucher(page, stack, shop, view):
    code = _unused(shop)
    page.goto(stack.url(shop, f"/bon/{code}/"))
    assert page.get_by_role("img", name=re.compile("QR")).is_visible()
    look(page, f"code-voucher-{view.name}")


@views(DESK, PHONE_DARK)
def test_an_owner_offers_a_code_to_each(page, stack, shop, view):
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, "/gestion/messages/nouveau/"))
    page.get_by_role("button", name=re.compile("Page blanche")).click()
    page.get_by_label("Ce qu’il donne").fill("5 € de remise dès 40 € d’achat")
    page.locator("[name=use_email]").set_checked(False, force=True)
    page.get_by_label("Le SMS").fill("{prénom}, 5 euros pour vous au comptoir : {code}")
    page.get_by_text("EXE-MPL-E22").first.wait_for()
    page.locator("#bon").scroll_into_view_if_needed()
    look(page, f"code-composer-{view.name}")
