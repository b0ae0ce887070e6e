"""The shop's icon on a phone: its initial pressed like a stamp, in its colour."""

import hashlib
from functools import lru_cache
from io import BytesIO

from django.conf import settings
from PIL import Image, ImageDraw, ImageFont

from apps.shops.models import Shop
from apps.shops.theme import ink_on

SIZES = (180, 192, 512)
FONT = settings.BASE_DIR / "static/print/fraunces-560.ttf"
FINE = 4  # drawn so much larger, then brought down: no jagged edge


def initial(shop: Shop) -> str:
    return next((sign for sign in shop.name if sign.isalnum()), "C").upper()


def digest(shop: Shop) -> str:
    """Changes with what the icon shows."""
    return hashlib.sha256(f"{shop.accent}{initial(shop)}".encode()).hexdigest()[:12]


@lru_cache(maxsize=256)
def drawn(accent: str, letter: str, size: int) -> bytes:
    """A PNG whose corners any system may cut: all that is said stands in the inner 70 %."""
    side = size * FINE
    picture = Image.new("RGB", (side, side), accent)
    pen, ink = ImageDraw.Draw(picture), ink_on(accent)
    ring = side * 0.17
    pen.ellipse((ring, ring, side - ring, side - ring), outline=ink, width=round(side * 0.035))
    font = ImageFont.truetype(str(FONT), round(side * 0.4))
    pen.text((side / 2, side * 0.505), letter, fill=ink, font=font, anchor="mm")
    small = picture.resize((size, size), Image.Resampling.LANCZOS).quantize(32)
    into = BytesIO()
    small.save(into, "PNG", optimize=True)
    return into.getvalue()
