"""Joining from the street: a card at once, and nothing said of whom the shop already knows."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts import channels
from apps.contacts.age import ADULT, age_on
from apps.contacts.consent import ADULT_WORDING, write_first_consents
from apps.contacts.models import Channel, ConsentState, Contact, Source
from apps.contacts.services import holders_of
from apps.core.actor import Actor
from apps.core.phone import Phone
from apps.core.ratelimit import Limit, spend_each
from apps.core.reading import insert
from apps.core.refusal import Refusal
from apps.loyalty import referring
from apps.loyalty.card_links import new_joining, post_link
from apps.loyalty.first_touch import Touch
from apps.loyalty.models import Card, Joining
from apps.loyalty.services import card_of, first_card_of
from apps.shops.models import Shop

# A shop's own wifi puts many customers behind one address, so that one is generous.
JOINS_PER_CLIENT = Limit("join:client", 40, 3600)
JOINS_PER_ADDRESS = Limit("join:address", 8, 24 * 3600)
JOINS_PER_SHOP = Limit("join:shop", 1000, 3600)

DIGITAL_CONSENT = 15  # french-rules §3


class TooYoung(Refusal):
    message = _(
        "Cette boutique vend de l’alcool : sa carte est réservée aux personnes d’au moins "
        "%(age)d ans. Revenez nous voir ce jour-là, vous serez bienvenu."
    )
    status = 422


class TooYoungForData(TooYoung):
    message = _(
        "Avant %(age)d ans, il faut l’accord d’un parent. Demandez-lui de prendre la carte "
        "à son nom."
    )


class AgeUnsaid(Refusal):
    message = _("Cochez cette case, ou donnez votre date de naissance.")
    status = 422


class NoAddress(Refusal):
    message = _("Donnez un numéro de mobile ou un e-mail : votre carte y sera envoyée.")
    status = 422


@dataclass(frozen=True, slots=True)
class Wish:
    """What someone typed. ``agreed`` are the channels ticked, ``key`` the form's own UUID,
    ``source`` what showed them the way, ``touch`` whose link they followed first."""

    key: UUID
    first_name: str
    phone: Phone | None = None
    email: str = ""
    agreed: frozenset[str] = frozenset()
    birth_date: date | None = None
    adult: bool = False
    language: str = "fr"
    source: str = Source.POSTER
    touch: Touch | None = None

    @property
    def addresses(self) -> list[tuple[str, str]]:
        """Where a link can be sent: (channel, address)."""
        sms = [(Channel.SMS.value, self.phone.e164)] if self.phone and self.phone.mobile else []
        return sms + ([(Channel.EMAIL.value, self.email)] if self.email else [])

    @property
    def ticked(self) -> list[channels.Channel]:
        """The channels they agreed to, of those whose address they gave."""
        given = {channels.named(channel).address for channel, _address in self.addresses}
        return [c for c in channels.every() if c.name in self.agreed and c.address in given]

    @property
    def once(self) -> UUID:
        """The form's key for what it says now: a corrected number is another joining."""
        e164 = self.phone.e164 if self.phone else ""
        return uuid5(self.key, f"{e164}|{self.email}")


def join(wish: Wish, *, shop: Shop, client_address: str, now: datetime | None = None) -> Card:
    """A card at once, and a message to each address; the same form again is the same card.

    A new person gets a record and a card. For an address the shop knows already, the card is a
    fresh one on a record without that address, until its holder taps the link in the message
    (``loyalty.proving.confirm``); the caller cannot tell the two apart, nor can the visitor.
    Consents stay pending until that tap. Raises ``TooYoung``, ``AgeUnsaid``, ``NoAddress``,
    ``TooMany``.
    """
    now = now or timezone.now()
    _check_age(wish, shop, timezone.localdate(now))
    if not wish.addresses:
        raise NoAddress()
    addresses = [(JOINS_PER_ADDRESS, address) for _channel, address in wish.addresses]
    spend_each((JOINS_PER_CLIENT, client_address), *addresses, (JOINS_PER_SHOP, ""), now=now)
    for _attempt in range(3):
        try:
            return _join(wish, client_address, now)
        except IntegrityError:  # this very form came before, or another one with this number
            found = Joining.objects.filter(key=wish.once).select_related("contact").first()
            if found is not None:
                return card_of(found.contact)
    raise RuntimeError("a joining lost the race three times in a row")


def _check_age(wish: Wish, shop: Shop, today: date) -> None:
    """No card of an alcohol shop under 18; elsewhere the age of digital consent."""
    least = ADULT if shop.sells_alcohol else DIGITAL_CONSENT
    if wish.birth_date:
        if age_on(today, wish.birth_date) < least:
            raise (TooYoung if shop.sells_alcohol else TooYoungForData)(age=least)
    elif shop.sells_alcohol and not wish.adult:
        raise AgeUnsaid()


@transaction.atomic
def _join(wish: Wish, client_address: str, now: datetime) -> Card:
    holders = holders_of(phone=wish.phone.e164 if wish.phone else "", email=wish.email)
    contact = _new_contact(wish, holders, now)
    joinings = [
        new_joining(
            contact,
            channel,
            address,
            known=holders.get(channel),
            agreed=[
                way.name for way in wish.ticked if way.address == channels.named(channel).address
            ],
            key=wish.once,
            now=now,
        )
        for channel, address in wish.addresses
    ]
    insert(*joinings)
    customer = Actor("customer", contact.pk)
    for joining in joinings:
        post_link(joining, by=customer, client_address=client_address, now=now)
    # Late, since whoever takes the next number after us waits for our commit.
    card = first_card_of(contact)
    if wish.touch:
        referring.note(card, wish.touch, now)
    return card


def _new_contact(wish: Wish, holders: dict[str, Contact], now: datetime) -> Contact:
    """The record behind the fresh card, and the ledger of what was ticked; an address that
    another holds stays with its holder."""
    phone = None if Channel.SMS in holders else wish.phone
    contact = Contact(
        first_name=wish.first_name,
        phone=phone.e164 if phone else "",
        phone_mobile=bool(phone and phone.mobile),
        phone_region=phone.region if phone else "",
        email="" if Channel.EMAIL in holders else wish.email,
        birth_date=wish.birth_date,
        adult_declared_at=now if wish.adult else None,
        adult_wording=ADULT_WORDING if wish.adult else "",
        language=wish.language,
        source=wish.source,
        created_at=now,
    )
    for way in wish.ticked:
        for name, value in way.with_consent(contact, ConsentState.PENDING).items():
            setattr(contact, name, value)
    contact.note_for_search()
    insert(contact)
    write_first_consents(contact, source=wish.source, now=now)
    return contact
