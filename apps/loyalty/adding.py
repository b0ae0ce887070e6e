"""A new person at the counter, in one gesture: the contact, the card, its first stamp."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction

from apps.contacts.models import Channel, Tag
from apps.contacts.services import add_contact
from apps.core.actor import Actor
from apps.core.phone import Phone
from apps.core.refusal import Refusal
from apps.loyalty.card_links import send_card_link
from apps.loyalty.models import Card
from apps.loyalty.services import Stamped, add_stamp, card_of


@dataclass(frozen=True, slots=True)
class Added:
    """``created`` is False for a number the shop knew; ``refusal`` is why no stamp was given.

    ``sent`` is None when no message was asked for.
    """

    card: Card
    created: bool
    stamped: Stamped | None = None
    refusal: Refusal | None = None
    sent: bool | None = None


@transaction.atomic
def quick_add(
    *,
    phone: Phone,
    token: UUID,
    by: Actor,
    now: datetime,
    first_name: str = "",
    tags: list[Tag] | None = None,
    stamp: bool = False,
    amount_cents: int | None = None,
    send_card: bool = False,
) -> Added:
    """The person with this number, found or made, with a card, tagged, and stamped if asked.

    The number names the person, ``token`` the stamp and the message: a form that comes twice
    makes one of each, and is answered as the first time. A stamp that the rules refuse
    leaves the person added, and says why.
    """
    found = add_contact(phone=phone, first_name=first_name, token=token, by=by, now=now)
    card = card_of(found.contact)
    if tags:
        found.contact.tags.add(*tags)
    sent = None
    if send_card:
        once = uuid5(token, str(found.contact.pk))
        sent = send_card_link(found.contact, Channel.SMS, by=by, key=once, now=now)
    if not stamp:
        return Added(card, found.created, sent=sent)
    try:
        done = add_stamp(card=card, token=token, by=by, now=now, amount_cents=amount_cents)
    except Refusal as refusal:
        return Added(card, found.created, refusal=refusal, sent=sent)
    return Added(done.card, found.created, done, sent=sent)
