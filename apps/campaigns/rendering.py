"""What a person reads: one way for the preview, the test, the price and the real send."""

from dataclasses import dataclass
from functools import lru_cache

from apps.audience.criteria import Chosen
from apps.campaigns.models import Drop
from apps.campaigns.personal import voucher_link
from apps.campaigns.writing import fill, uses
from apps.contacts.models import Contact
from apps.core.french import spaced
from apps.messaging.letter import NO_CODE, card_link, draw
from apps.messaging.services import finish_email, finish_sms
from apps.messaging.text import GSM7, count, lighten
from apps.shops.models import Shop


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    text: str
    html: str


def needs_card(drop: Drop) -> bool:
    texts = (drop.sms_text, drop.email_text, drop.email_subject)
    return any(uses(text, "lien") for text in texts)


def _values(drop: Drop, person: Chosen, shop: Shop) -> dict[str, str]:
    return {
        "prénom": person.first_name,
        "nom": person.last_name,
        "boutique": shop.name,
        "tampons": str(person.balance),
        "reste": str(person.missing),
        "lien": card_link(shop, person.card_token),
        **({"code": NO_CODE, "bon": voucher_link(shop)} if drop.offer else {}),
    }


def _filled(text: str, drop: Drop, person: Chosen, shop: Shop) -> str:
    return fill(text, _values(drop, person, shop), {"prénom": drop.fallback})


def sms_body(drop: Drop, person: Chosen, shop: Shop) -> str:
    """The shop's own words for this person, before the mentions.

    One accent in a name would double the price of a text written in GSM-7: « Loïc » is then
    written « Loic ».
    """
    values = _values(drop, person, shop)
    # Without the scheme phones still make it a link, and eight characters are saved.
    for name in ("lien", "bon"):
        values[name] = values.get(name, "").removeprefix("https://")
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


def email_text(drop: Drop, person: Chosen, contact: Contact, shop: Shop) -> str:
    """The whole text part of the mail as it leaves."""
    return finish_email(email_body(drop, person, shop), contact, shop)


def mail(drop: Drop, person: Chosen, contact: Contact, shop: Shop) -> Mail:
    """The whole mail as it leaves: text, and HTML in the shop's colours."""
    title, text = subject(drop, person, shop), email_text(drop, person, contact, shop)
    return Mail(title, text, draw(title, text, contact, shop))
