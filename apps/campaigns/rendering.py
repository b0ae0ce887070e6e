"""What a person reads: one way for the preview, the test, the price and the real send."""

import re
from dataclasses import dataclass
from functools import lru_cache

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


def card_link(shop: Shop, token: str) -> str:
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
        values = {name: lighten(value) for name, value in values.items()}
    return fill(
        drop.sms_text, values, {"prénom": lighten(drop.fallback) if light else drop.fallback}
    )


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
    """The whole mail as it leaves: text, and HTML in the shop's colours."""
    title, body = subject(drop, person, shop), email_body(drop, person, shop)
    context = {
        "shop": shop,
        "accent": shop.accent,
        "accent_ink": ink_on(shop.accent),
        "subject": title,
        "paragraphs": paragraphs(body),
        "card": card_link(shop, person.card_token),
        "health": HEALTH if shop.sells_alcohol else "",
        "stop_url": stop_url(contact, shop),
    }
    html = render_to_string("campaigns/mail/drop.html", context)
    return Mail(title, finish_email(body, contact, shop), html)
