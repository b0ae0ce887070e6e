"""What a phone installs: a page of nobody, and every file it needs to stand alone."""

import re
from pathlib import Path
from posixpath import normpath

import pytest
from django.contrib.staticfiles import finders

from apps.counter import shell
from tests.conftest import ShopClient
from tests.factories import CardFactory

pytestmark = pytest.mark.django_db


def test_the_shop_is_installed_in_its_own_name_and_colour(visitor, shop):
    manifest = visitor.get("/comptoir/manifeste.json").json()
    assert (manifest["name"], manifest["theme_color"]) == (shop.name, shop.accent)
    assert manifest["start_url"] == manifest["scope"] == "/comptoir/"
    for icon in manifest["icons"]:
        answer = visitor.get(icon["src"])
        assert answer.content.startswith(b"\x89PNG")
        assert "immutable" in answer["Cache-Control"]
    assert visitor.get("/comptoir/icone-ancien-192.png").status_code == 302
    assert visitor.get("/comptoir/icone-x-77.png").status_code == 404


def test_the_page_without_signal_knows_nobody(helper_client, visitor):
    CardFactory()
    pages = [client.get("/comptoir/sans-reseau/") for client in (helper_client, visitor)]
    texts = [page.content.decode() for page in pages]
    assert "csrf" not in texts[0].lower()
    assert texts[0] == texts[1], "whoever is signed in"
    script = visitor.get("/comptoir/service-worker.js").content.decode()
    shop = visitor.shop
    shop.name = "Cave rebaptisée"
    shop.save()
    renamed = ShopClient(shop).get("/comptoir/service-worker.js").content.decode()
    assert renamed.split("edition")[1][:30] != script.split("edition")[1][:30]


def test_every_file_that_the_page_without_signal_is_made_of_is_kept(visitor):
    page = visitor.get("/comptoir/sans-reseau/").content.decode()
    kept = {f"static/{name}" for name in (*shell.FIRST, *shell.SCANNER)}
    asked = set(re.findall(r'(?:src|href)="/(static/[^"]+\.(?:js|css|svg|wasm))"', page))
    for name in (*shell.FIRST, *shell.SCANNER):
        path = finders.find(name)
        assert path, name
        if name.endswith(".js"):
            text = Path(path).read_text()
            found = re.findall(r'(?:from|import\()\s*"(\.\.?/[^"]+)"', text)
            folder = "static/" + name.rpartition("/")[0]
            asked |= {normpath(f"{folder}/{one}") for one in found}
    assert asked <= kept, sorted(asked - kept)
