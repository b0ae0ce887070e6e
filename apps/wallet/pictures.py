"""The pictures of a pass, drawn by Typst in three scales and kept by what they show.

Drawing takes some tens of milliseconds, and a shop has as many strips as its card has places: a
process keeps the last ones it drew.
"""

import io
import re
from collections.abc import Sequence
from functools import lru_cache
from math import ceil
from pathlib import Path

from django.core.files.storage import default_storage
from django.template.loader import render_to_string
from PIL import Image

from apps.core import drawing
from apps.core.tokens import keyed_hash
from apps.shops.models import Shop
from apps.shops.theme import ink_on

SCALES = (1, 2, 3)
POINTS_PER_INCH = 72.0
WIDTH, HEIGHT = 375, 144  # points of a store card's strip
ICON = 29
MARGIN, GAP = 14, 9
MOST_PLACES = 30
COLOURS = 64  # a strip has five, and the edges between them

_TEMPLATE = Path(__file__).with_name("strip.typ")
_SYMBOL = re.compile(r'<symbol id="(stamp|gift)"([^>]*)>(.*?)</symbol>', re.DOTALL)

Pictures = dict[str, bytes]  # by their name in the pass: « strip@2x.png »


EMBLEM = 660  # pixels: what Google cuts a circle from


def address_of(shop: Shop, what: str) -> str:
    """Where everybody may fetch the picture ``what`` (« emblem », « strip-10-3-5.10 »), named by
    its look: who fetched it may keep it for ever. Nobody else can name one to be drawn."""
    look = f"{shop.schema_name}:{shop.trade}:{shop.accent}:{shop.logo}:{what}"
    return f"/wallet/image/{what}/{keyed_hash('picture', look)[:22]}/"


def strip_of(shop: Shop, places: int, filled: int, gifts: Sequence[int]) -> bytes:
    """The strip in its largest scale."""
    return pictures_of(shop, places, filled, gifts)["strip@3x.png"]


def emblem_of(shop: Shop) -> bytes:
    """The shop's icon, large."""
    return _emblem(shop.trade, shop.accent, shop.logo)


@lru_cache(maxsize=64)
def _emblem(trade: str, accent: str, logo: str) -> bytes:
    said = {**_ink(trade, accent), "logo": _logo(logo)}
    return _drawing("icon", said, EMBLEM / ICON)


def pictures_of(shop: Shop, places: int, filled: int, gifts: Sequence[int] = ()) -> Pictures:
    """Icon and logo of the shop, and the strip with its places when there are some."""
    look = _look(shop.trade, shop.accent, shop.logo)
    if not 0 < places <= MOST_PLACES:
        return look
    strip = _strip(shop.trade, shop.accent, places, min(filled, places), tuple(gifts))
    return {**look, **strip}


@lru_cache(maxsize=256)
def _look(trade: str, accent: str, logo: str) -> Pictures:
    said = {**_ink(trade, accent), "logo": _logo(logo)}
    return {**_drawn("icon", said), **_drawn("logo", said)}


@lru_cache(maxsize=512)
def _strip(trade: str, accent: str, places: int, filled: int, gifts: tuple[int, ...]) -> Pictures:
    rows = _rows(places)
    columns = ceil(places / rows)
    shape = {"rows": rows, "columns": columns, "gap": GAP, "side": _side(places, rows)}
    said = {"places": places, "filled": filled, "gifts": [*gifts, places]}
    return _drawn("strip", {**_ink(trade, accent), **shape, **said})


def _side(places: int, rows: int) -> float:
    """How large a place can be, in points, when so many rows hold them."""
    columns = ceil(places / rows)
    wide = (WIDTH - 2 * MARGIN - (columns - 1) * GAP) / columns
    high = (HEIGHT - 2 * MARGIN - (rows - 1) * GAP) / rows
    return round(min(wide, high, 64), 2)


def _rows(places: int) -> int:
    return max((1, 2, 3), key=lambda rows: (_side(places, rows), -rows))


def _ink(trade: str, accent: str) -> dict[str, object]:
    """The shop's colours, and what its stamps print: the very symbols of the card's page."""
    page = render_to_string("loyalty/public/symbols.html", {"shop": {"trade": trade}})
    symbols = {
        name: f'<svg xmlns="http://www.w3.org/2000/svg"{drawn}><g>{lines}</g></svg>'
        for name, drawn, lines in _SYMBOL.findall(page)
    }
    return {**symbols, "accent": accent, "ink": ink_on(accent)}


def _logo(name: str) -> list[int] | None:
    """The logo as the bytes of a PNG; none when its file cannot be read any more."""
    if not name or not default_storage.exists(name):
        return None
    with default_storage.open(name) as stored, Image.open(stored) as picture:
        picture.thumbnail((480, 150))
        buffer = io.BytesIO()
        picture.convert("RGBA").save(buffer, "PNG")
    return list(buffer.getvalue())


def _drawn(what: str, said: dict[str, object]) -> Pictures:
    found = {}
    for scale in SCALES:
        made = _drawing(what, said, scale)
        suffix = f"@{scale}x" if scale > 1 else ""
        found[f"{what}{suffix}.png"] = _small(made) if what == "strip" else made
    return found


def _drawing(what: str, said: dict[str, object], scale: float) -> bytes:
    ppi = POINTS_PER_INCH * scale
    return drawing.draw(_TEMPLATE, {"what": what, **said}, format="png", ppi=ppi)


def _small(png: bytes) -> bytes:
    """The same picture in a fifth of its bytes."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
