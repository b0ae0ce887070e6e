"""The scanner, in front of a fake camera that shows a customer's card."""

import re
from pathlib import Path

import pytest
import segno
from playwright.sync_api import expect

from apps.core.tenancy import in_schema
from tests.e2e import browser as kit
from tests.e2e.browser import axe, look, sign_in
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

WIDTH, HEIGHT, WHITE, BLACK, GREY = 640, 480, 235, 16, 128


def write_video(path: Path, text: str) -> None:
    """A YUV4MPEG film of one QR code, held still in the middle of a white picture."""
    matrix = [list(row) for row in segno.make(text, error="m").matrix_iter(border=4)]
    scale = min(WIDTH, HEIGHT) // len(matrix)
    side = scale * len(matrix)
    left, top = (WIDTH - side) // 2, (HEIGHT - side) // 2
    rows = [bytes([WHITE]) * WIDTH] * top
    for line in matrix:
        inner = b"".join(bytes([BLACK if dark else WHITE]) * scale for dark in line)
        edge = bytes([WHITE]) * left
        rows += [edge + inner + bytes([WHITE]) * (WIDTH - left - side)] * scale
    rows += [bytes([WHITE]) * WIDTH] * (HEIGHT - len(rows))
    picture = b"".join(rows) + bytes([GREY]) * (WIDTH * HEIGHT // 2)
    header = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420mpeg2\n".encode()
    path.write_bytes(header + (b"FRAME\n" + picture) * 2)


@pytest.fixture(scope="module")
def shop_and_card(_running, django_db_blocker):
    from tests.e2e.stack import its_database

    with django_db_blocker.unblock(), its_database(_running.port):
        shop = _running.open_shop("cave-au-scanner", "Cave au scanner", sells_alcohol=True)
        with in_schema(shop.schema_name):
            ProgrammeFactory(goal=6)
            card = CardFactory(contact=ContactFactory(first_name="Hélène", last_name="Roy"))
        return shop, card


@pytest.fixture
def with_camera(_playwright, stack, shop_and_card, tmp_path, listener):
    """``with_camera(text)``: a phone whose camera sees that code; ``None``: one without."""
    opened = []

    def open_page(text: str | None, *, allowed: bool = True):
        arguments = [*kit.ARGUMENTS]
        if text is not None:
            film = tmp_path / "card.y4m"
            write_video(film, text)
            arguments += [
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={film}",
            ]
        browser = _playwright.chromium.launch(executable_path=kit.CHROMIUM, args=arguments)
        opened.append(browser)
        context = browser.new_context(
            viewport={"width": 390, "height": 844}, locale="fr-FR", reduced_motion="reduce"
        )
        context.set_default_timeout(10_000)
        if allowed:
            context.grant_permissions(["camera"], origin=stack.url(shop_and_card[0], ""))
        listener.listen(context)
        page = context.new_page()
        sign_in(page, stack, shop_and_card[0], "helper")
        return page

    yield open_page
    for browser in opened:
        browser.close()
    assert not listener.unexpected(), "\n".join(listener.unexpected())


def test_a_card_held_to_the_camera_is_two_taps_from_stamped(with_camera, stack, shop_and_card):
    shop, card = shop_and_card
    page = with_camera(f"{shop.url}/c/{card.token}/")
    page.goto(stack.url(shop, "/comptoir/"))
    page.get_by_role("link", name="Scanner une carte").click()
    page.wait_for_url(re.compile(rf"/comptoir/carte/{card.pk}/"))
    page.get_by_role("button", name="Tamponner").click()
    expect(page.locator(".hole.new")).to_be_visible()
    with in_schema(shop.schema_name):
        card.refresh_from_db()
        assert card.balance == 1


def test_the_same_code_is_not_scanned_twice_in_a_row(with_camera, stack, shop_and_card):
    shop, card = shop_and_card
    page = with_camera(f"{shop.url}/c/{card.token}/")
    page.goto(stack.url(shop, "/comptoir/scanner/"))
    page.wait_for_url(re.compile(r"/comptoir/carte/"))
    page.goto(stack.url(shop, "/comptoir/scanner/"))
    expect(page.get_by_text("Cette carte vient d’être scannée.")).to_be_visible()
    assert "/comptoir/scanner/" in page.url
    look(page, "scanner-again")
    axe(page)
    page.get_by_role("link", name="L’ouvrir à nouveau").click()
    page.wait_for_url(re.compile(rf"/comptoir/carte/{card.pk}/"))


def test_a_strangers_code_leads_to_a_clear_page(with_camera, stack, shop_and_card, listener):
    listener.expect("404")
    shop, _card = shop_and_card
    page = with_camera("https://ailleurs.exemple/menu")
    page.goto(stack.url(shop, "/comptoir/scanner/"))
    expect(page.get_by_role("heading", name="Carte inconnue")).to_be_visible()
    axe(page)


def test_a_refused_camera_says_what_to_do(with_camera, stack, shop_and_card):
    shop, _card = shop_and_card
    page = with_camera("rien", allowed=False)
    page.context.clear_permissions()
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () =>"
        " Promise.reject(new DOMException('', 'NotAllowedError'))"
    )
    page.goto(stack.url(shop, "/comptoir/scanner/"))
    expect(page.get_by_text("La caméra est refusée.")).to_be_visible()
    expect(page.get_by_role("button", name="Réessayer la caméra")).to_be_visible()
    axe(page)


def test_a_device_without_a_camera_offers_to_type(with_camera, stack, shop_and_card):
    shop, card = shop_and_card
    page = with_camera(None)
    page.goto(stack.url(shop, "/comptoir/scanner/"))
    expect(page.get_by_text("Aucune caméra sur cet appareil.")).to_be_visible()
    page.get_by_role("searchbox").fill(str(card.number))
    page.get_by_role("button", name="Chercher").click()
    expect(page.get_by_text("Hélène R.")).to_be_visible()


def test_an_insecure_address_says_why_there_is_no_camera(with_camera, stack, shop_and_card):
    shop, _card = shop_and_card
    page = with_camera(None)
    page.add_init_script(
        "Object.defineProperty(window, 'isSecureContext', {value: false});"
        "Object.defineProperty(navigator, 'mediaDevices', {value: undefined});"
    )
    page.goto(stack.url(shop, "/comptoir/scanner/"))
    expect(page.get_by_text("adresse sécurisée")).to_be_visible()
