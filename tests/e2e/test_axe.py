"""Every page, full and empty, on phone and desk, light and dark: readable by everybody."""

import pytest
from django.conf import settings
from playwright.sync_api import Page

from apps.shops.models import Shop
from tests.conftest import ShopClient
from tests.e2e import walk
from tests.e2e.browser import (
    DESK,
    DESK_DARK,
    PHONE,
    PHONE_DARK,
    View,
    axe,
    fits,
    look,
    sign_in,
    views,
)
from tests.e2e.shops import empty_shop, full_shop, places
from tests.e2e.stack import Stack


def _walk(page: Page, stack: Stack, host: str, found: list[walk.Address], name: str) -> list[str]:
    """Open each page; returns what is wrong with them."""
    base = f"http://{host}:{stack.port}"
    cookies = "; ".join(f"{c['name']}={c['value']}" for c in page.context.cookies(base))
    told, opened = [], 0
    for address in found:
        if not walk.is_page(stack.port, host, address.path, cookies):
            continue
        page.goto(base + address.path)
        opened += 1
        for check in (axe, fits, _titled):
            try:
                check(page)
            except AssertionError as error:
                told.append(f"{address.name}: {error}")
        look(page, f"{name}-{address.name}".replace(":", "-").replace("/", "-"))
    assert opened, f"no page answered on {host}"
    return told


def _titled(page: Page) -> None:
    assert page.title().strip(" ·"), "no title"
    assert page.locator("h1").count() == 1, f"{page.locator('h1').count()} h1"
    assert page.locator("html").get_attribute("lang") == "fr"


def _names(shop: Shop, view: View) -> str:
    return f"{view.name}-{shop.slug}"


@views(PHONE, DESK_DARK)
def test_every_page_of_a_shop_with_a_year_of_life(page, stack, view):
    shop = full_shop(stack)
    sign_in(page, stack, shop, "owner", name="Camille Martin")
    found = walk.addresses(settings.ROOT_URLCONF, places(shop))
    told = _walk(page, stack, shop.host, found, _names(shop, view))
    assert not told, "\n\n".join(told)


@views(PHONE_DARK, DESK)
def test_every_page_of_a_shop_that_has_nobody_yet(page, stack, view):
    shop = empty_shop(stack)
    sign_in(page, stack, shop, "owner")
    found = walk.addresses(settings.ROOT_URLCONF, places(shop))
    told = _walk(page, stack, shop.host, found, _names(shop, view))
    assert not told, "\n\n".join(told)


@views(PHONE, DESK_DARK)
def test_every_page_of_the_platform_for_somebody_from_the_street(page, stack, view):
    found = walk.addresses(settings.PUBLIC_SCHEMA_URLCONF, {})
    told = _walk(page, stack, "localhost", found, f"{view.name}-platform")
    assert not told, "\n\n".join(told)


@views(PHONE_DARK, DESK)
def test_every_page_of_the_platform_for_somebody_signed_in(page, stack, view):
    shop = full_shop(stack)
    user = stack.member(shop, "manager", name="Camille Martin")
    client = ShopClient(shop)
    client.force_login(user)  # stands in public: a session of the platform's host
    page.context.add_cookies(
        [
            {
                "name": settings.SESSION_COOKIE_NAME,
                "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
                "url": stack.url("platform"),
            }
        ]
    )
    known = {"enter_shop": {"slug": shop.slug}}
    found = walk.addresses(settings.PUBLIC_SCHEMA_URLCONF, known)
    told = _walk(page, stack, "localhost", found, f"{view.name}-platform-in")
    assert not told, "\n\n".join(told)


# What has an address with a place in it and is no page, by how its name begins.
NO_PAGES = (
    "account_confirm_email",
    "account_reset_password_from_key",
    "apple",
    "closure_sheet",
    "club_act_",
    "club_bottles_back",
    "club_member_leaves",
    "club_member_stays",
    "counter-code-back",
    "counter-icon",
    "counter-open-card",
    "counter-pay",
    "counter-settle",
    "daily_csv",
    "dismiss_alert",
    "enter_pin",
    "enter_shop",
    "import_",
    "invitation",
    "invoice_discard",
    "invoice_issue",
    "invoice_payment",
    "invoice_send",
    "logo",
    "loyalty-take-back",
    "news",
    "one_click",
    "pass_picture",
    "payment_reverse",
    "photo",
    "plan_invoice",
    "push_connect",
    "review-decide",
    "settings_domain_",
    "settings_plan_",
    "settings_sms_act",
    "short_link",
    "step",
    "support_file",
    "team_",
    "template_look",
    "template_retire",
    "twilio_",
)


@pytest.mark.parametrize("table", [settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF])
def test_the_walk_knows_how_to_open_every_address(stack, table):
    """A new address with a place in it must be taught to ``shops.places`` or be no page."""
    shop = full_shop(stack)
    lost = [
        name
        for name in walk.unknown(table, places(shop))
        if not name.startswith(NO_PAGES) and name not in {"decline", "drop_act", "drop_pick"}
    ]
    assert lost == []
