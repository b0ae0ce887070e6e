"""What a person reads: one way for the preview, the test, the price and the real send."""

import re
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Self

from django.template.loader import render_to_string

from apps.audience.criteria import Chosen
from apps.campaigns.models import Drop
from apps.campaigns.writing import fill, uses
from apps.contacts.models import Contact
from apps.core.french import spaced
from apps.messaging.services import HEALTH, finish_email, finish_sms, stop_url
from apps.messaging.text import GSM7, count, lighten
from apps.shops.models import Shop
from apps.shops.theme import ink_on

_URL = re.compile(r"(https?://[^\s<>]+)")
OPENS_NOTHING = "exemple-de-lien-client"  # as long as a real one, and opens nothing


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text, or a link when ``url`` is set."""

    text: str
    url: str = ""


def card_link(shop: "Shop | _Look", token: str) -> str:
    """The address of a person's card."""
    return f"{shop.url}/c/{token or OPENS_NOTHING}/"


def needs_card(drop: Drop) -> bool:
    texts = (drop.sms_text, drop.email_text, drop.email_subject)
    return any(uses(text, "lien") for text in texts)


def _values(person: Chosen, shop: Shop) -> dict[str, str]:
    return {
        "prénom": person.first_name,
        "nom": person.last_name,
        "boutique": shop.name,
        "tampons": str(person.balance),
        "reste": str(person.missing),
        "lien": card_link(shop, person.card_token),
    }


def _filled(text: str, drop: Drop, person: Chosen, shop: Shop) -> str:
    return fill(text, _values(person, shop), {"prénom": drop.fallback})


def sms_body(drop: Drop, person: Chosen, shop: Shop) -> str:
    """The shop's own words for this person, before the mentions.

    One accent in a name would double the price of a text written in GSM-7: « Loïc » is then
    written « Loic ».
    """
    values = _values(person, shop)
    # Without the scheme phones still make it a link, and eight characters are saved.
    values["lien"] = values["lien"].removeprefix("https://")
    light = _is_light(drop.sms_text)
    if light:
        values = {name: _lightened(value) for name, value in values.items()}
    return fill(
        drop.sms_text, values, {"prénom": _lightened(drop.fallback) if light else drop.fallback}
    )


_lightened = lru_cache(maxsize=4096)(lighten)  # names come again and again


@lru_cache(maxsize=64)
def _is_light(text: str) -> bool:
    return count(text, 0).encoding == GSM7


def sms(drop: Drop, person: Chosen, contact: Contact, shop: Shop) -> str:
    """The whole SMS as it leaves, health sentence and STOP included."""
    return finish_sms(sms_body(drop, person, shop), contact, shop)


def subject(drop: Drop, person: Chosen, shop: Shop) -> str:
    line = " ".join(_filled(drop.email_subject, drop, person, shop).split())
    return spaced(line)[:200]


def email_body(drop: Drop, person: Chosen, shop: Shop) -> str:
    return spaced(_filled(drop.email_text, drop, person, shop))


def paragraphs(body: str) -> list[list[list[Piece]]]:
    """Paragraphs of lines of pieces: what stands between blank lines, links apart."""
    return [
        [_pieces(line) for line in block.split("\n")]
        for block in re.split(r"\n\s*\n", body)
        if block.strip()
    ]


def _pieces(line: str) -> list[Piece]:
    return [
        Piece(part, part.rstrip(".,;)")) if _URL.fullmatch(part) else Piece(part)
        for part in _URL.split(line)
        if part
    ]


def mail(drop: Drop, person: Chosen, contact: Contact, shop: Shop) -> Mail:
    """The whole mail as it leaves: text, and HTML in the shop's colours.

    The HTML is drawn once for all who read the same words, with links that open nothing in the
    place of each one's own: those are put in afterwards.
    """
    title, body = subject(drop, person, shop), email_body(drop, person, shop)
    card, nowhere = card_link(shop, person.card_token), card_link(shop, OPENS_NOTHING)
    html = _drawn(_Look.of(shop), title, body.replace(card, nowhere))
    html = html.replace(nowhere, card).replace(_NO_STOP, stop_url(contact, shop))
    return Mail(title, finish_email(body, contact, shop), html)


_NO_STOP = f"/stop/{OPENS_NOTHING}/"


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


@lru_cache(maxsize=1024)
def _drawn(shop: _Look, title: str, body: str) -> str:
    context = {
        "shop": shop,
        "accent": shop.accent,
        "accent_ink": ink_on(shop.accent),
        "subject": title,
        "paragraphs": paragraphs(body),
        "card": card_link(shop, OPENS_NOTHING),
        "health": HEALTH if shop.sells_alcohol else "",
        "stop_url": _NO_STOP,
    }
    return render_to_string("campaigns/mail/drop.html", context)
