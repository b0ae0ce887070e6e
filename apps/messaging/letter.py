"""The HTML of a commercial mail, drawn from its words when it is handed over, kept nowhere.

A drop writes one text for each reader; the HTML around it is eight times as long and the same for
all. So the outbox holds the words alone.
"""

import re
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Self

from django.template.loader import render_to_string

from apps.contacts.models import Contact
from apps.core.tokens import READABLE
from apps.messaging.services import HEALTH, stop_url
from apps.shops.models import Shop
from apps.shops.theme import ink_on

FOOT = "\n\n-- \n"  # what a mail's words end at (RFC 3676 § 4.3)
WHY = "Vous recevez cet e-mail parce que vous avez accepté les nouvelles de %(shop)s."
_URL = re.compile(r"(https?://[^\s<>]+)")
OPENS_NOTHING = "exemple-de-lien-client"  # as long as a real one, and opens nothing
NO_CODE = "EXE-MPL-E22"  # as long as a real one, and none: a code has no L
_SIGNS = f"[{READABLE}]{{3}}"
_CODE = re.compile(
    rf"(?<!\w)({_SIGNS})-({_SIGNS})-({_SIGNS})(?!\w)|/bon/({_SIGNS})({_SIGNS})({_SIGNS})/"
)
_NO_STOP = f"/stop/{OPENS_NOTHING}/"
_OWN = r"[\w-]{22}"
# The shop's own link to an address that it typed.
_COUNTED = re.compile(rf"https?://([^/]+)/[lm]/[0-9a-z]+/[0-9a-z]{{6}}/{_OWN}/")
_BUTTONS = (
    (re.compile(rf"/(?:c|[lm]/[0-9a-z]+)/{_OWN}/$"), "Voir ma carte"),
    (re.compile(rf"/r/[0-9a-z]+/{_OWN}/$"), "Réserver"),
    (re.compile(r"/bon/[0-9A-Z]{9}/$"), "Voir mon bon"),
    (re.compile(rf"{_COUNTED.pattern}$"), "Voir la page"),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text, or a link when ``url`` is set."""

    text: str
    url: str = ""

    @property
    def button(self) -> str:
        """What a button says that leads to a page of the reader's own, or by the shop's host to
        one that it named."""
        return next((said for path, said in _BUTTONS if path.search(self.url)), "")


def paragraphs(body: str) -> list[list[list[Piece]]]:
    """Paragraphs of lines of pieces: what stands between blank lines, links apart."""
    return [
        [_pieces(line) for line in block.split("\n")]
        for block in re.split(r"\n\s*\n", body)
        if block.strip()
    ]


def _pieces(line: str) -> list[Piece]:
    return [_piece(part) for part in _URL.split(line) if part]


def _piece(part: str) -> Piece:
    if not _URL.fullmatch(part):
        return Piece(part)
    url = part.rstrip(".,;)")
    # Of what only counts a click nobody reads the signs.
    return Piece(_COUNTED.sub(r"\1/…", part), url)


def card_link(shop: "Shop | _Look", token: str, door: str = "c") -> str:
    """The address of a person's card; without a token, of nobody's. ``door`` is where it leads
    by: ``l/…`` is counted."""
    return f"{shop.url}/{door}/{token or OPENS_NOTHING}/"


@dataclass(frozen=True, slots=True)
class _Look:
    """All that a mail shows of the shop: what is drawn for one is not shown for another."""

    name: str
    accent: str
    url: str
    logo: str
    logo_url: str
    street: str
    postal_code: str
    city: str
    phone: str
    sells_alcohol: bool | None

    @classmethod
    def of(cls, shop: Shop) -> Self:
        return cls(*(getattr(shop, field.name) for field in fields(cls)))


def draw(title: str, text: str, contact: Contact, shop: Shop) -> str:
    """The HTML of a mail whose text part is ``text``, in the shop's colours of today.

    Drawn once for all who read the same words, with links that open nothing in the place of each
    one's own: those are put in afterwards.
    """
    look, body = _Look.of(shop), text.rpartition(FOOT)[0] or text
    body = body.replace(contact.link_token, OPENS_NOTHING)
    found = re.search(rf"{re.escape(shop.url)}/(c|[lm]/[0-9a-z]+)/{_OWN}/", body)
    nowhere = card_link(shop, OPENS_NOTHING, found[1] if found else "c")
    card = found[0] if found else nowhere
    told = _CODE.search(f"{title} {body}")
    code = "-".join(filter(None, told.groups())) if told else NO_CODE
    bare, none = (f"/{one.replace('-', '')}/" for one in (code, NO_CODE))
    title, body = title.replace(code, NO_CODE), body.replace(code, NO_CODE).replace(bare, none)
    html = _drawn(look, title, body.replace(card, nowhere))
    html = html.replace(nowhere, card).replace(NO_CODE, code).replace(none, bare)
    html = html.replace(_NO_STOP, stop_url(contact, shop))
    return html.replace(OPENS_NOTHING, contact.link_token)


@lru_cache(maxsize=256)
def _drawn(shop: _Look, title: str, body: str) -> str:
    context = {
        "shop": shop,
        "accent": shop.accent,
        "accent_ink": ink_on(shop.accent),
        "subject": title,
        "paragraphs": paragraphs(body),
        "health": HEALTH if shop.sells_alcohol else "",
        "why": WHY % {"shop": shop.name},
        "stop_url": _NO_STOP,
    }
    return render_to_string("messaging/mail/offer.html", context)
