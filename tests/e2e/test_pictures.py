"""The pictures of the README, as a browser sees the demonstration's wine merchant.

``COMPTOIR_PICTURES=1`` stores them anew in ``static/pictures``, small.
"""

import os
from pathlib import Path

import pytest
from PIL import Image

from apps.core.tenancy import in_schema
from apps.loyalty.models import Card
from tests.e2e.browser import DESK, PHONE, look, sign_in, views
from tests.e2e.shops import full_shop
from tests.environment import ROOT

KEPT = ROOT / "static" / "pictures"
MOST_BYTES = 60_000


def _keep(taken: Path, name: str) -> None:
    if not os.environ.get("COMPTOIR_PICTURES"):
        return
    KEPT.mkdir(parents=True, exist_ok=True)
    target = KEPT / f"{name}.webp"
    for quality in (80, 65, 50, 35):
        Image.open(taken).save(target, "WEBP", quality=quality, method=6)
        if target.stat().st_size <= MOST_BYTES:
            return
    pytest.fail(f"{name} does not fit into {MOST_BYTES} bytes")


@views(DESK)
def test_a_picture_of_the_home(page, stack, view):
    shop = full_shop(stack)
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, "/gestion/"), wait_until="networkidle")
    assert page.locator("svg").count(), "a chart is drawn"
    _keep(look(page, "readme-home"), "home")


@views(PHONE)
def test_a_picture_of_the_counter(page, stack, view):
    shop = full_shop(stack)
    sign_in(page, stack, shop, "helper")
    page.goto(stack.url(shop, "/comptoir/?q=th"), wait_until="networkidle")
    assert page.get_by_role("link", name="Scanner une carte").is_visible()
    _keep(look(page, "readme-counter"), "counter")


@views(PHONE)
def test_a_picture_of_the_card(page, stack, view):
    shop = full_shop(stack)
    with in_schema(shop.schema_name):
        shown = Card.objects.filter(balance=7, rewards_ready=0).exclude(contact__last_name="")
        token = shown.order_by("pk")[0].token
    page.goto(stack.url(shop, f"/c/{token}/"), wait_until="networkidle")
    assert page.get_by_role("img", name="Code QR").is_visible()
    _keep(look(page, "readme-card"), "card")
