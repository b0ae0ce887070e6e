"""Somebody without a link of their own wants to reserve: it is sent to the number they give.

Who holds the number opens it and reserves as any other; nobody learns whether the shop knew it,
and nothing is held for a number that was made up.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.campaigns import booking_notes, bookings
from apps.campaigns.lot_models import Lot
from apps.contacts.models import Channel, Contact, Source
from apps.contacts.services import add_contact, by_address
from apps.core.phone import Phone
from apps.core.ratelimit import spend_each
from apps.loyalty.card_links import LINKS_PER_ADDRESS, LINKS_PER_CLIENT, LINKS_PER_SHOP


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody typed on the lot's page; ``key`` is the form's own."""

    key: UUID
    first_name: str
    phone: Phone
    adult: bool = False
    language: str = "fr"


@transaction.atomic
def send(lot: Lot, asking: Asking, *, client_address: str, now: datetime) -> None:
    """The person's own link, to their number; the same form again sends nothing more.

    Counts with the links of cards, and raises ``TooMany`` as they are capped.
    """
    number = asking.phone.e164
    client, address = (LINKS_PER_CLIENT, client_address), (LINKS_PER_ADDRESS, number)
    spend_each(address, client, (LINKS_PER_SHOP, ""), now=now)
    person = by_address(phone=number) or _new(asking, now)
    booking_notes.send_way_in(person, lot, Channel.SMS, f"way:{lot.pk}:{asking.key}")


def _new(asking: Asking, now: datetime) -> Contact:
    found = add_contact(
        phone=asking.phone,
        first_name=asking.first_name,
        source=Source.MESSAGE,
        language=asking.language,
        now=now,
    )
    if found.created and asking.adult:
        bookings.declare_adult(found.contact, now)
    return found.contact
