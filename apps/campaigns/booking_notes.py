"""What those who have reserved are told: service messages, in their language, never capped."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _

from apps.campaigns.links import lot_link
from apps.campaigns.lot_models import Booking, Lot
from apps.contacts.models import Channel, Contact
from apps.core.templatetags.french import jour, typo
from apps.loyalty.card_links import can_receive
from apps.loyalty.merging import living
from apps.messaging.hours import next_allowed_in, place_of
from apps.messaging.models import Kind
from apps.messaging.services import post
from apps.messaging.text import lighten
from apps.shops.services import shop_here


@dataclass(frozen=True, slots=True)
class _Note:
    """``cause`` names it: the same one is sent once."""

    cause: str
    subject: str
    text: str

    def send(self, person: Contact, channel: str, at: datetime | None = None) -> None:
        by_sms = channel == Channel.SMS
        post(
            contact=person,
            channel=channel,
            kind=Kind.SERVICE,
            cause=self.cause,
            subject="" if by_sms else self.subject,
            body=lighten(self.text) if by_sms else typo(self.text),
            at=at,
        )


def your_turn(booking: Booking, lot: Lot, now: datetime) -> datetime:
    """« C’est votre tour » ; returns when they are told: by day, since they are given a delay."""
    shop, person = shop_here(), living(booking.contact)
    place = place_of(shop, person.phone, person.postal_code)
    at = next_allowed_in(place, shop, now, any_day=True)
    with translation.override(person.language):
        text = _(
            "%(shop)s : c’est votre tour ! %(units)d x %(name)s mis de côté pour vous. "
            "Dites oui sous 24 h, sinon le suivant en profite : %(link)s"
        )
        said = text % _said(booking, lot, person)
        _tell(person, _Note(f"booking:{booking.pk}:turn", _("C’est votre tour"), said), at)
    return at


def remind(booking: Booking, lot: Lot, now: datetime) -> None:
    """What they reserved still waits for them."""
    person = living(booking.contact)
    with translation.override(person.language):
        text = _(
            "%(shop)s : %(units)d x %(name)s vous attendent jusqu’au %(day)s. "
            "Empêché ? Rendez-les ici : %(link)s"
        )
        subject = _("Votre réservation vous attend")
        said = text % _said(booking, lot, person)
        _tell(person, _Note(f"booking:{booking.pk}:reminder", subject, said), now)


def send_way_in(person: Contact, lot: Lot, channel: str, cause: str) -> None:
    """Somebody asked for their own link to the lot's page; nothing they typed stands in it."""
    shop = shop_here()
    with translation.override(person.language):
        text = _("%(shop)s : pour réserver, touchez : %(link)s Pas vous ? Ignorez ce message.")
        told = {"shop": shop.name[:30], "link": lot_link(shop, lot.drop_id, person.link_token)}
        _Note(cause, _("Votre lien pour réserver"), text % told).send(person, channel)


def _said(booking: Booking, lot: Lot, person: Contact) -> dict[str, object]:
    shop = shop_here()
    return {
        "shop": shop.name[:30],
        "units": booking.units,
        "name": lot.name,
        "day": jour(lot.until),
        "link": lot_link(shop, lot.drop_id, person.link_token),
    }


def _tell(person: Contact, note: _Note, at: datetime) -> None:
    """By SMS to a mobile, else by e-mail; who has neither is not told."""
    channel = next((c for c in (Channel.SMS, Channel.EMAIL) if can_receive(person, c)), None)
    if channel:
        note.send(person, channel, at)
