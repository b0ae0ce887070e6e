"""What a person reads: one way for the preview, the test, the price and the real send."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from apps.audience.criteria import Chosen
from apps.campaigns.links import short
from apps.campaigns.models import Drop
from apps.campaigns.personal import voucher_link
from apps.campaigns.writing import fill, uses
from apps.contacts.models import Contact
from apps.core.french import spaced
from apps.messaging.letter import NO_CODE, card_link, draw
from apps.messaging.services import finish_email, finish_sms
from apps.messaging.text import GSM7, count, lighten
from apps.shops.models import Shop


class Words(Protocol):
    """What is written: by a drop, or by a message that leaves by itself."""

    @property
    def sms_text(self) -> str: ...
    @property
    def email_subject(self) -> str: ...
    @property
    def email_text(self) -> str: ...
    @property
    def fallback(self) -> str: ...
    @property
    def offer(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    text: str
    html: str


def needs_card(words: Words) -> bool:
    texts = (words.sms_text, words.email_text, words.email_subject)
    return any(uses(text, "lien") for text in texts)


def door(words: Words) -> str:
    """Where the links of a drop lead by, so that who follows them is counted."""
    return f"l/{short(words.pk)}" if isinstance(words, Drop) and words.pk else "c"


def _values(words: Words, person: Chosen, shop: Shop) -> dict[str, str]:
    return {
        "prénom": person.first_name,
        "nom": person.last_name,
        "boutique": shop.name,
        "tampons": str(person.balance),
        "reste": str(person.missing),
        "lien": card_link(shop, person.card_token, door(words)),
        **({"code": NO_CODE, "bon": voucher_link(shop)} if words.offer else {}),
    }


def _filled(text: str, words: Words, person: Chosen, shop: Shop) -> str:
    return fill(text, _values(words, person, shop), {"prénom": words.fallback})


def sms_body(words: Words, person: Chosen, shop: Shop) -> str:
    """The shop's own words for this person, before the mentions.

    One accent in a name would double the price of a text written in GSM-7: « Loïc » is then
    written « Loic ».
    """
    values = _values(words, person, shop)
    # Without the scheme phones still make it a link, and eight characters are saved.
    for name in ("lien", "bon"):
        values[name] = values.get(name, "").removeprefix("https://")
    light = _is_light(words.sms_text)
    if light:
        values = {name: _lightened(value) for name, value in values.items()}
    return fill(
        words.sms_text, values, {"prénom": _lightened(words.fallback) if light else words.fallback}
    )


_lightened = lru_cache(maxsize=4096)(lighten)  # names come again and again


@lru_cache(maxsize=64)
def _is_light(text: str) -> bool:
    return count(text, 0).encoding == GSM7


def sms(words: Words, person: Chosen, contact: Contact, shop: Shop) -> str:
    """The whole SMS as it leaves, health sentence and STOP included."""
    return finish_sms(sms_body(words, person, shop), contact, shop)


def subject(words: Words, person: Chosen, shop: Shop) -> str:
    line = " ".join(_filled(words.email_subject, words, person, shop).split())
    return spaced(line)[:200]


def email_body(words: Words, person: Chosen, shop: Shop) -> str:
    return spaced(_filled(words.email_text, words, person, shop))


def email_text(words: Words, person: Chosen, contact: Contact, shop: Shop) -> str:
    """The whole text part of the mail as it leaves."""
    return finish_email(email_body(words, person, shop), contact, shop)


def mail(words: Words, person: Chosen, contact: Contact, shop: Shop) -> Mail:
    """The whole mail as it leaves: text, and HTML in the shop's colours."""
    title, text = subject(words, person, shop), email_text(words, person, contact, shop)
    return Mail(title, text, draw(title, text, contact, shop))
