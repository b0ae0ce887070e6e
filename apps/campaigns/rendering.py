"""What a person reads: one way for the preview, the test, the price and the real send."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from apps.audience.criteria import Chosen
from apps.campaigns.addresses import through
from apps.campaigns.links import lot_link
from apps.campaigns.lots import lot_of
from apps.campaigns.personal import voucher_link
from apps.campaigns.writing import fill, uses
from apps.contacts.models import Channel, Contact
from apps.core.french import spaced
from apps.messaging.channels import sending
from apps.messaging.letter import NO_CODE, card_link, draw
from apps.messaging.text import GSM7, count, lighten
from apps.shops.models import Shop


class Words(Protocol):
    """What is written: by a drop, or by a message that leaves by itself."""

    @property
    def fallback(self) -> str: ...
    @property
    def offer(self) -> str: ...
    @property
    def wordings(self) -> list[str]: ...
    @property
    def door(self) -> str: ...
    @property
    def is_service(self) -> bool: ...
    def written(self, channel: str, what: str = "text") -> str: ...


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    text: str
    html: str


def needs_card(words: Words) -> bool:
    return any(uses(text, "lien") for text in words.wordings)


def _values(words: Words, person: Chosen, shop: Shop) -> dict[str, str]:
    return {
        "prénom": person.first_name,
        "nom": person.last_name,
        "boutique": shop.name,
        "tampons": str(person.balance),
        "reste": str(person.missing),
        "lien": card_link(shop, person.card_token, words.door),
        **({"code": NO_CODE, "bon": voucher_link(shop)} if words.offer else {}),
        **_of_lot(words, shop),
    }


def _of_lot(words: Words, shop: Shop) -> dict[str, str]:
    """With a link that opens nothing: each one's own is put in its place, as the way to stop."""
    lot = lot_of(words)
    if lot is None:
        return {}
    return {
        "produit": lot.name,
        "quantité": str(lot.quantity),
        "prix": lot.price,
        "réserver": lot_link(shop, lot.drop_id),
    }


def body(words: Words, channel: str, person: Chosen, shop: Shop) -> str:
    """The shop's own words for this person, before the mentions.

    One accent in a name would double the price of an SMS written in GSM-7: « Loïc » is then
    written « Loic ».
    """
    way, text = sending(channel), words.written(channel)
    values, fallback = _values(words, person, shop), words.fallback
    host = shop.url
    if way.short_links:
        host = host.removeprefix("https://")
        for name in ("lien", "bon", "réserver"):
            values[name] = values.get(name, "").removeprefix("https://")
    if way.counts_addresses:
        text = through(text, words.door, host)
    if way.spells_light and _is_light(text):
        values = {name: _lightened(value) for name, value in values.items()}
        fallback = _lightened(fallback)
    filled = fill(text, values, {"prénom": fallback})
    return spaced(filled) if way.typeset else filled


_lightened = lru_cache(maxsize=4096)(lighten)  # names come again and again


@lru_cache(maxsize=64)
def _is_light(text: str) -> bool:
    return count(text, 0).encoding == GSM7


def text(words: Words, channel: str, person: Chosen, contact: Contact, shop: Shop) -> str:
    """The whole text as it leaves; a commercial one with health sentence and way to stop."""
    own = body(words, channel, person, shop)
    return own if words.is_service else sending(channel).finish(own, contact, shop)


def subject(words: Words, channel: str, person: Chosen, shop: Shop) -> str:
    """Empty where there is none."""
    typed = words.written(channel, "subject")
    line = fill(typed, _values(words, person, shop), {"prénom": words.fallback})
    return spaced(" ".join(line.split()))[:200]


def mail(words: Words, person: Chosen, contact: Contact, shop: Shop) -> Mail:
    """The whole mail as it leaves: text, and HTML in the shop's colours."""
    title = subject(words, Channel.EMAIL, person, shop)
    whole = text(words, Channel.EMAIL, person, contact, shop)
    return Mail(title, whole, "" if words.is_service else draw(title, whole, contact, shop))
