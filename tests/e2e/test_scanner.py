"""The scanner, in front of a fake camera that shows a customer's card."""

import random
import re
from io import BytesIO
from math import sin
from pathlib import Path

import pytest
import segno
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import expect

from apps.core.tenancy import in_schema
from tests.e2e import browser as kit
from tests.e2e.browser import axe, look, sign_in
from tests.e2e.stack import wait_for
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

WIDTH, HEIGHT, GREY = 640, 480, 128
# What a phone does for the thumb and the ear stays to be asked on the next page.
FELT = """
  navigator.vibrate = (time) => { sessionStorage.setItem("felt", time); return true; };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function () {
    sessionStorage.setItem("heard", this.frequency.value);
    start.call(this);
  };
"""
TORCH = """
  MediaStreamTrack.prototype.getCapabilities = () => ({ torch: true });
  MediaStreamTrack.prototype.applyConstraints = async ({ advanced: [{ torch }] }) => {
    window.lit = torch;
  };
"""


def held_still(text: str) -> Image.Image:
    """A code in the middle of a white picture, as the camera sees a phone held well."""
    code = Image.open(BytesIO(_png(text))).convert("L")
    seen = Image.new("L", (WIDTH, HEIGHT), 235)
    seen.paste(code, ((WIDTH - code.width) // 2, (HEIGHT - code.height) // 2))
    return seen


def _png(text: str) -> bytes:
    into = BytesIO()
    segno.make(text, error="m").save(into, kind="png", scale=9, border=4)
    return into.getvalue()


def crumpled_and_dim(text: str) -> Image.Image:
    """Printed, folded in a wallet for months, held askew in a cellar's light."""
    flat = held_still(text)
    for fold in ((0, 330, WIDTH, 205), (250, 0, 330, HEIGHT)):  # where the ink has gone
        ImageDraw.Draw(flat).line(fold, fill=235, width=4)
    step, folds = 20, []
    for left in range(0, WIDTH, step):
        for top in range(0, HEIGHT, step):
            box = (left, top, left + step, top + step)
            corners = [(left, top), (left, top + step), (left + step, top + step)]
            corners.append((left + step, top))
            folds.append((box, [at for corner in corners for at in _creased(*corner)]))
    paper = flat.transform(flat.size, Image.Transform.MESH, folds, Image.Resampling.BILINEAR)
    tilted = paper.rotate(17, Image.Resampling.BILINEAR, fillcolor=235)
    blurred = tilted.filter(ImageFilter.GaussianBlur(1.2))
    chance = random.Random(4)
    grain = Image.frombytes("L", flat.size, chance.randbytes(WIDTH * HEIGHT))
    # Of the light a fifth is left, and the sensor's own noise lies over it.
    return Image.blend(blurred.point(lambda light: 22 + light // 5), grain, 0.06)


def _creased(x: float, y: float) -> tuple[float, float]:
    return x + 1.3 * sin(y / 31), y + sin(x / 23) + 1.6 * sin((x + y) / 90)


def write_video(path: Path, picture: Image.Image) -> None:
    """A YUV4MPEG film in which nothing moves."""
    header = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420mpeg2\n".encode()
    frame = picture.tobytes() + bytes([GREY]) * (WIDTH * HEIGHT // 2)
    path.write_bytes(header + (b"FRAME\n" + frame) * 2)


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
    """``with_camera(text)``: a phone whose camera sees that code (as ``seen`` draws it); ``None``:
    one without."""
    opened = []

    def open_page(text: str | None, *, allowed: bool = True, seen=held_still):
        arguments = [*kit.ARGUMENTS]
        if text is not None:
            film = tmp_path / "card.y4m"
            write_video(film, seen(text))
            arguments += [
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={film}",
            ]
        browser = _playwright.chromium.launch(executable_path=kit.CHROMIUM, args=arguments)
        opened.append(browser)
        context = browser.new_context(
            viewport={"width": 390, "height": 844}, locale="fr-FR", reduced_motion="reduce"
        )
        context.set_default_timeout(kit.PATIENCE)
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
    page.add_init_script(FELT)
    page.goto(stack.url(shop, "/comptoir/"))
    page.get_by_role("link", name="Scanner une carte").click()
    page.wait_for_url(re.compile(rf"/comptoir/carte/{card.pk}/"))
    felt = page.evaluate("['felt', 'heard'].map((what) => Number(sessionStorage.getItem(what)))")
    assert felt == [60, 880], "the thumb and the ear are told"
    page.get_by_role("button", name="Tamponner").click()
    expect(page.locator(".hole.new")).to_be_visible()
    with in_schema(shop.schema_name):
        card.refresh_from_db()
        assert card.balance == 1


def test_a_crumpled_card_in_a_dim_cellar_is_read(with_camera, stack, shop_and_card):
    shop, card = shop_and_card
    page = with_camera(f"{shop.url}/c/{card.token}/", seen=crumpled_and_dim)
    page.goto(stack.url(shop, "/comptoir/scanner/"))
    page.wait_for_url(re.compile(rf"/comptoir/carte/{card.pk}/"))


def test_the_lamp_is_offered_where_there_is_one(with_camera, stack, shop_and_card):
    shop, _card = shop_and_card
    page = with_camera("", seen=lambda _text: Image.new("L", (WIDTH, HEIGHT), 30))
    page.goto(stack.url(shop, "/comptoir/scanner/"))
    expect(page.get_by_text("Placez le code de la carte dans le cadre.")).to_be_visible()
    expect(page.get_by_role("button", name="Lampe")).to_be_hidden()
    page.add_init_script(TORCH)
    page.reload()
    lamp = page.get_by_role("button", name="Lampe")
    for lit in (True, False):
        lamp.click()
        expect(lamp).to_have_attribute("aria-pressed", str(lit).lower())
        assert page.evaluate("window.lit") is lit


def test_the_way_back_from_the_scanner_is_the_page_before(with_camera, stack, shop_and_card):
    shop, _card = shop_and_card
    page = with_camera("", seen=lambda _text: Image.new("L", (WIDTH, HEIGHT), 30))
    page.goto(stack.url(shop, "/comptoir/"))
    page.get_by_role("link", name="Scanner une carte").click()
    expect(page.get_by_text("Placez le code de la carte dans le cadre.")).to_be_visible()
    assert page.url.endswith("/comptoir/scanner/")
    look(page, "scanner-open")
    axe(page)
    page.go_back()
    expect(page.get_by_role("heading", name="Comptoir")).to_be_visible()


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


SCANNER_KEPT = """async () => {
  for (const name of await caches.keys()) {
    const paths = (await (await caches.open(name)).keys()).map(({ url }) => url);
    if (paths.some((path) => path.includes("zxing_reader"))) return true;
  }
  return false;
}"""


def test_a_phone_cut_off_before_its_first_scan_says_so(with_camera, stack, shop_and_card, listener):
    shop, card = shop_and_card
    page = with_camera(f"{shop.url}/c/{card.token}/")
    page.goto(stack.url(shop, "/comptoir/"))
    page.wait_for_function("() => navigator.serviceWorker.controller")
    listener.expect("ERR_|Failed to fetch")
    page.context.set_offline(True)
    page.goto(stack.url(shop, "/comptoir/scanner/"))
    expect(page.get_by_text("Le scanner n’est pas encore sur ce téléphone")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_visible()


def test_in_the_cellar_a_known_card_is_read_too(with_camera, stack, shop_and_card, listener):
    shop, card = shop_and_card
    page = with_camera(f"{shop.url}/c/{card.token}/")
    page.goto(stack.url(shop, "/comptoir/hors-ligne/"))
    wait_for(lambda: page.evaluate(SCANNER_KEPT), "the scanner on the phone")
    page.wait_for_function("() => navigator.serviceWorker.controller")
    listener.expect("ERR_|Failed to fetch")
    page.context.set_offline(True)
    page.goto(stack.url(shop, "/comptoir/scanner/"))
    page.wait_for_url(re.compile(r"/comptoir/scan/\?code="))
    expect(page.get_by_role("heading", name="Hélène R.")).to_be_visible()
    expect(page.get_by_text("Hors ligne", exact=True)).to_be_visible()
