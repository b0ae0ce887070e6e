"""Clicks: who followed a link of a drop, counted once a person by what only a browser does.

Mail gateways and phones open the links of a message before anybody reads it. So opening one
counts nothing: the page that it serves says from its script that somebody is there
(french-rules §1). Nothing tells that a message was opened.
"""

import re
from datetime import datetime

from apps.campaigns.models import Click, Drop, Link, Send
from apps.core.reading import insert_once
from apps.loyalty.models import Card
from apps.messaging.models import Message

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# What says itself to be no person, though it runs scripts.
_PROGRAMS = re.compile(
    r"bot\b|crawl|spider|preview|scanner|facebookexternalhit|whatsapp|slack|discord|curl|python",
    re.IGNORECASE,
)


def short(drop_id: int) -> str:
    """The drop's number in as few signs as a link can have."""
    found = ""
    while drop_id:
        drop_id, digit = divmod(drop_id, len(_DIGITS))
        found = _DIGITS[digit] + found
    return found or "0"


def is_program(agent: str) -> bool:
    """Whether what asks calls itself a program; what says nothing of itself is one."""
    return not agent or bool(_PROGRAMS.search(agent))


def card_opened(drop_number: str, token: str, now: datetime) -> None:
    """Somebody opened their card from a drop that they were sent; a forwarded or made-up link
    counts nothing."""
    card = Card.objects.filter(token=token).first()
    drop = Drop.objects.filter(pk=min(int(drop_number, len(_DIGITS)), 2**63 - 1)).first()
    if card is None or drop is None:
        return
    if Message.objects.filter(cause=drop.cause, contact_id=card.contact_id).exists():
        insert_once(Click(drop=drop, contact_id=card.contact_id, link=Link.CARD, at=now))


def voucher_opened(send: Send, now: datetime) -> None:
    """Somebody looks at their voucher."""
    insert_once(Click(drop_id=send.drop_id, contact_id=send.contact_id, link=Link.VOUCHER, at=now))
