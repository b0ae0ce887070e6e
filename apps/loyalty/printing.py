"""What a shop prints to say that there is a card: the poster and its smaller brothers, as PDF.

A file is named by the hash of all that is on it, so that one that lies in the storage is right.
The worker draws what does not lie there yet (``make``); the page asks for it (``ask``). The street
reads French: nothing here is translated.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import segno
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.template.loader import render_to_string
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import RectangleObject

from apps.contacts.models import Source
from apps.core import drawing
from apps.core.french import spaced
from apps.core.jobs import enqueue
from apps.core.tenancy import current_schema
from apps.loyalty.card_page import Standing
from apps.loyalty.models import Programme
from apps.loyalty.rule import Kind
from apps.loyalty.services import the_programme
from apps.shops.models import Shop
from apps.shops.theme import ink_on

MAKE = "apps.loyalty.tasks.make_support"
FORMS = {"pdf": "pdf", "printer": "pdf", "png": "png"}  # the picture last: with it all is there
PREVIEW_PPI = {"poster": 110.0, "stand": 200.0, "tent": 110.0, "sticker": 110.0}

MOST_FURTHER = 3
_COUNTS = {
    Kind.STAMPS: "Un tampon à chaque passage.",
    Kind.VISITS: "Chaque passage compte.",
    Kind.EUROS: "Chaque euro compte.",
    Kind.POINTS: "Chaque euro compte.",
}
_WARNING = (
    "Carte réservée aux personnes majeures. L’abus d’alcool est dangereux pour la santé, "
    "à consommer avec modération."
)
_DRAWINGS = Path(__file__).with_name("print")
_POINTS_A_MM = 72 / 25.4
_SLUG, _BLEED = 10 * _POINTS_A_MM, 3 * _POINTS_A_MM  # as ``print/base.typ`` draws them


@dataclass(frozen=True, slots=True)
class Support:
    """``key`` names the drawing; ``source`` is where a card came from that was taken there."""

    key: str
    source: Source
    name: str
    file: str
    size: str
    use: str


SUPPORTS = {
    support.key: support
    for support in (
        Support(
            "poster",
            Source.POSTER,
            "L’affiche",
            "affiche",
            "A4, 21 × 29,7 cm",
            "Sur la porte ou au mur, à hauteur des yeux.",
        ),
        Support(
            "stand",
            Source.STAND,
            "La carte de comptoir",
            "carte-de-comptoir",
            "A6, 10,5 × 14,8 cm",
            "Dans un porte-menu, juste à côté de la caisse.",
        ),
        Support(
            "tent",
            Source.TENT,
            "Le chevalet de table",
            "chevalet",
            "A4 à plier en trois",
            "Sur les tables ou en vitrine : deux faces, une base.",
        ),
        Support(
            "sticker",
            Source.STICKER,
            "Les autocollants",
            "autocollants",
            "A4, douze de 6 × 6 cm",
            "Sur les sacs, les boîtes, la vitrine. Pour l’imprimeur : un seul, qu’il répète.",
        ),
    )
}


def join_url(shop: Shop, support: Support) -> str:
    """What the code says: the shop's front door, and which support showed the way."""
    via = "" if support.source == Source.POSTER else f"?via={support.source}"
    return f"{shop.url}/{via}"


# --- what lies in the storage ----------------------------------------------------------------


def digest_of(shop: Shop, programme: Programme, key: str) -> str:
    """Of everything that is on the sheet, the drawing itself included."""
    said = {**_words(shop, programme, SUPPORTS[key]), "logo": shop.logo, "by": _drawn_by()}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def stored_name(key: str, digest: str, form: str) -> str:
    return f"{_folder()}/{key}-{digest}-{form}.{FORMS[form]}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A support as the shop is now; ``made`` once its files lie in the storage."""

    support: Support
    digest: str
    made: bool


def sheets(shop: Shop, programme: Programme) -> list[Sheet]:
    digests = {key: digest_of(shop, programme, key) for key in SUPPORTS}
    return [
        Sheet(SUPPORTS[key], digest, default_storage.exists(stored_name(key, digest, "png")))
        for key, digest in digests.items()
    ]


def ask(keys: Iterable[str]) -> None:
    """Have these drawn by the worker; somebody waits for them."""
    for key in keys:
        enqueue(MAKE, key, urgent=True)


def make(shop: Shop, key: str) -> None:
    """The worker's part: the support's files as the shop is now, and the older ones taken away.

    May run twice, and at once with itself: the same name always holds the same.
    """
    programme = the_programme()
    digest = digest_of(shop, programme, key)
    names = [stored_name(key, digest, form) for form in FORMS]
    for name, form in zip(names, FORMS, strict=True):
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(draw(shop, programme, key, form)))
    _folders, files = default_storage.listdir(_folder())
    for file in files:
        name = f"{_folder()}/{file}"
        if file.startswith(f"{key}-") and name not in names:
            default_storage.delete(name)


def _folder() -> str:
    return f"{current_schema()}/print"


# --- the drawing -----------------------------------------------------------------------------


def draw(shop: Shop, programme: Programme, key: str, form: str = "pdf") -> bytes:
    """A tagged PDF, the printer's (3 mm beyond the cut, with marks), or its picture (``png``)."""
    data = {**_words(shop, programme, SUPPORTS[key]), "logo": _logo(shop)}
    picture = form == "png"
    options: dict[str, Any] = {"ppi": PREVIEW_PPI[key]} if picture else {"pdf_standards": ["ua-1"]}
    options["format"] = "png" if picture else "pdf"
    made = drawing.draw(_DRAWINGS / f"{key}.typ", data, form=form, **options)
    return _with_boxes(made) if form == "printer" else made


def _with_boxes(pdf: bytes) -> bytes:
    """Typst tells where to cut (TrimBox); the printer asks how far the colour goes (BleedBox)."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    for page in writer.pages:
        _left, _bottom, right, top = (float(side) for side in page.mediabox)
        edge = _SLUG - _BLEED
        page.bleedbox = RectangleObject((edge, edge, right - edge, top - edge))
    kept = io.BytesIO()
    writer.write(kept)
    return kept.getvalue()


@cache
def _drawn_by() -> str:
    """Which drawings these are: a new version of them is another sheet."""
    whole = hashlib.sha256(Path(__file__).read_bytes())
    for file in sorted(_DRAWINGS.glob("*.typ")):
        whole.update(file.read_bytes())
    return whole.hexdigest()


def _words(shop: Shop, programme: Programme, support: Support) -> dict[str, Any]:
    url, ink, kind = join_url(shop, support), ink_on(shop.accent), programme.counts
    begun = 0 if kind.by_amount else min(3, programme.goal - 1)
    goal = kind.said(programme.goal)
    further = [f"À {kind.said(offer.at)} : {offer.label}" for offer in programme.further]
    return {
        "kind": support.name,
        "shop": spaced(shop.name),
        "accent": shop.accent,
        "ink": ink,
        "holes": [asdict(hole) for hole in Standing.of(programme, begun).holes],
        "stamp": _sign(shop, "stamp", "#231a17"),
        "gift": _sign(shop, "gift", ink),
        "reward": spaced(programme.reward),
        "title": "Prenez votre carte",
        "rule": spaced(f"{_COUNTS[kind]} À {goal}, c’est pour vous :"),
        "further": [spaced(said) for said in further[:MOST_FURTHER]],
        "sum": spaced(f"À {goal} : {programme.reward}"),
        "how": spaced(
            "Visez ce code avec l’appareil photo de votre téléphone. Votre prénom, votre "
            "numéro, et la carte s’ouvre. Sans application ni compte."
        ),
        "short": spaced("Visez le code avec votre téléphone : sans application ni compte."),
        "fold": spaced(
            "Pliez aux deux pointillés, puis fixez cette base sous le chevalet avec un adhésif."
        ),
        "address": shop.url.split("://")[1],
        "alt": f"Code QR qui ouvre {url}",
        "qr": qr_svg(url),
        "warning": _WARNING if shop.sells_alcohol else "",
    }


def qr_svg(url: str) -> str:
    """A code that survives a scratch (a quarter may be lost), its white margin included."""
    buffer = io.BytesIO()
    segno.make(url, error="q", micro=False).save(
        buffer, kind="svg", border=4, dark="#231a17", light="#ffffff", scale=4, xmldecl=False
    )
    return buffer.getvalue().decode()


def _sign(shop: Shop, name: str, colour: str) -> str:
    """The trade's sign as the card shows it, from the card's own drawing."""
    symbols = render_to_string("loyalty/public/symbols.html", {"shop": shop})
    found = re.search(rf'<symbol id="{name}"([^>]*)>(.*?)</symbol>', symbols, re.DOTALL)
    assert found is not None
    attributes = found[1].replace("currentColor", colour)
    return f'<svg xmlns="http://www.w3.org/2000/svg"{attributes}>{found[2]}</svg>'


def _logo(shop: Shop) -> list[int] | None:
    """The logo as the bytes of a PNG; none when its file cannot be read any more."""
    if not shop.logo or not default_storage.exists(shop.logo):
        return None
    with default_storage.open(shop.logo) as stored, Image.open(stored) as picture:
        picture.thumbnail((500, 300))
        buffer = io.BytesIO()
        picture.convert("RGBA").save(buffer, "PNG")
    return list(buffer.getvalue())
