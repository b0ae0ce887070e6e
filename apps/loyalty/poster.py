"""The poster beside the till: A4, the shop's colour, its reward, the code that opens the form."""

import io
import json
from pathlib import Path
from typing import Any, Literal

import segno
import typst
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from PIL import Image

from apps.core.french import spaced
from apps.loyalty.models import Programme
from apps.shops.models import Shop
from apps.shops.theme import ink_on

_TEMPLATE = Path(__file__).with_name("poster.typ")
_FONTS = typst.Fonts(
    include_system_fonts=False,
    include_embedded_fonts=False,
    font_paths=[settings.BASE_DIR / "static" / "print"],
)
PREVIEW_PPI = 110.0


def join_url(shop: Shop) -> str:
    """What the poster's code says: the shop's front door."""
    return f"{shop.url}/"


def draw_poster(shop: Shop, programme: Programme, form: Literal["pdf", "png"] = "pdf") -> bytes:
    """The poster as a tagged PDF, or its picture. Names reach Typst as data, never as markup."""
    data = json.dumps(_data(shop, programme))
    options: dict[str, Any] = {"pdf_standards": ["ua-1"]} if form == "pdf" else {"ppi": PREVIEW_PPI}
    made = typst.compile(
        _TEMPLATE.read_bytes(),
        font_paths=_FONTS,
        ignore_system_fonts=True,
        format=form,
        sys_inputs={"data": data},
        **options,
    )
    assert isinstance(made, bytes)
    return made


def qr_svg(url: str) -> str:
    """A code that survives a scratch (a quarter may be lost), dark on white."""
    buffer = io.BytesIO()
    segno.make(url, error="q", micro=False).save(
        buffer, kind="svg", border=0, dark="#231a17", scale=4, xmldecl=False
    )
    return buffer.getvalue().decode()


def _data(shop: Shop, programme: Programme) -> dict[str, Any]:
    return {
        "shop": spaced(shop.name),
        "accent": shop.accent,
        "ink": ink_on(shop.accent),
        "logo": _logo(shop),
        "reward": spaced(programme.reward),
        "goal": programme.goal,
        "rule": spaced(
            _("Un tampon à chaque passage. À %(goal)d, c’est pour vous.") % {"goal": programme.goal}
        ),
        "title": _("Prenez votre carte"),
        "how": spaced(
            _(
                "Visez ce code avec l’appareil photo de votre téléphone. Votre prénom, votre "
                "numéro, et la carte s’ouvre. Sans application ni compte."
            )
        ),
        "address": join_url(shop).split("://")[1].rstrip("/"),
        "alt": _("Code QR qui ouvre %(url)s") % {"url": join_url(shop)},
        "qr": qr_svg(join_url(shop)),
        "warning": _(
            "Carte réservée aux personnes majeures. L’abus d’alcool est dangereux pour la santé, "
            "à consommer avec modération."
        )
        if shop.sells_alcohol
        else "",
    }


def _logo(shop: Shop) -> list[int] | None:
    """The logo as the bytes of a PNG; none when its file cannot be read any more."""
    if not shop.logo or not default_storage.exists(shop.logo):
        return None
    with default_storage.open(shop.logo) as stored, Image.open(stored) as picture:
        picture.thumbnail((500, 300))
        buffer = io.BytesIO()
        picture.convert("RGBA").save(buffer, "PNG")
    return list(buffer.getvalue())
