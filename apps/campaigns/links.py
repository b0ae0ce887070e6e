"""Clicks: who followed a link of a message, counted once a person by what only a browser does.

Mail gateways and phones open the links of a message before anybody reads it. So opening one
counts nothing: the page that it serves says from its script that somebody is there
(french-rules §1). Nothing tells that a message was opened.
"""

import re
from datetime import datetime

from apps.campaigns.lot_models import Lot
from apps.campaigns.models import Click, Drop, Link, Run, RunState, Send
from apps.contacts.models import Contact
from apps.core.reading import insert_once
from apps.core.tokens import short
from apps.loyalty.models import Card
from apps.messaging.letter import OPENS_NOTHING
from apps.messaging.models import Message
from apps.shops.models import Shop

# What says itself to be no person, though it runs scripts.
_PROGRAMS = re.compile(
    r"bot\b|crawl|spider|preview|scanner|facebookexternalhit|whatsapp|slack|discord|curl|python",
    re.IGNORECASE,
)


def number_of(short_number: str) -> int:
    """What ``short`` made of it, read back; no number of ours is larger than a column."""
    return min(int(short_number, 36), 2**63 - 1)


def lot_link(shop: Shop, drop_id: int, token: str = OPENS_NOTHING) -> str:
    """Where the person with this ``link_token`` reserves; without one, where nobody does."""
    return f"{shop.url}/r/{short(drop_id)}/{token}/"


def is_program(agent: str) -> bool:
    """Whether what asks calls itself a program; what says nothing of itself is one."""
    return not agent or bool(_PROGRAMS.search(agent))


def card_opened(door: str, number: str, token: str, now: datetime) -> None:
    """Somebody opened their card from a message that they were sent; a forwarded or made-up link
    counts nothing."""
    card = Card.objects.filter(token=token).first()
    if card:
        _count(door, number, card.contact_id, Link.CARD, now)


def address_opened(door: str, number: str, key: str, token: str, now: datetime) -> None:
    """Somebody goes on to a page that the shop named; as ``card_opened``."""
    person = Contact.objects.filter(link_token=token).first()
    if person:
        _count(door, number, person.pk, key, now)


def voucher_opened(send: Send, now: datetime) -> None:
    """Somebody looks at their voucher."""
    whose = {"drop_id": send.drop_id, "run_id": send.run_id, "contact_id": send.contact_id}
    insert_once(Click(**whose, link=Link.VOUCHER, at=now))


def lot_opened(lot: Lot, person: Contact, now: datetime) -> None:
    """Somebody who was written to looks at what they may reserve."""
    _count_of_drop(lot.drop, person.pk, Link.LOT, now)


def _count(door: str, number: str, contact_id: int, link: str, now: datetime) -> None:
    pk = number_of(number)
    if door == "m":
        theirs = Run.objects.filter(trigger=pk, message__contact=contact_id, state=RunState.SENT)
        if run := theirs.order_by("-done_at", "-pk").first():
            insert_once(Click(run=run, contact_id=contact_id, link=link, at=now))
        return
    if drop := Drop.objects.filter(pk=pk).first():
        _count_of_drop(drop, contact_id, link, now)


def _count_of_drop(drop: Drop, contact_id: int, link: str, now: datetime) -> None:
    if Message.objects.filter(cause=drop.cause, contact_id=contact_id).exists():
        insert_once(Click(drop=drop, contact_id=contact_id, link=link, at=now))
