"""The tap in the message: it proves an address, grants what was ticked, joins what belongs."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.contacts.consent import write_consent
from apps.contacts.models import (
    BY_THEMSELVES,
    Channel,
    ConsentEvent,
    ConsentState,
    Contact,
    Source,
)
from apps.contacts.services import by_address
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.ratelimit import Limit, spend
from apps.core.reading import insert
from apps.core.refusal import Refusal
from apps.core.tokens import new_token
from apps.loyalty import referring
from apps.loyalty.card_links import can_receive, new_joining, post_link, send_card_link
from apps.loyalty.facts import CardChanged
from apps.loyalty.merging import living, lock_people, merge_records
from apps.loyalty.models import Card, Joining
from apps.loyalty.services import card_of
from apps.messaging.subscribing import close

RENEWALS_PER_CARD = Limit("card:renew", 5, 24 * 3600)

_PROVEN = {Channel.SMS: "phone_proven_at", Channel.EMAIL: "email_proven_at"}
_BAD = {Channel.SMS: "phone_bad_at", Channel.EMAIL: "email_bad_at"}
_ADDRESS = {Channel.SMS: "phone", Channel.EMAIL: "email"}


class LinkEnded(Refusal):
    message = _(
        "Ce lien a été remplacé par un plus récent. Ouvrez le dernier message reçu, ou "
        "redemandez votre carte."
    )
    status = 404


def joining_of(token: str) -> Joining:
    """The joining a message's link names. Raises ``LinkEnded``."""
    found = Joining.objects.select_related("contact").filter(token=token).first()
    if found is None:
        raise LinkEnded()
    return found


def holder_of(joining: Joining) -> Contact | None:
    """Who holds the joining's address today."""
    return by_address(**{_ADDRESS[Channel(joining.channel)]: joining.address})


def card_behind(joining: Joining) -> Card:
    """The card that a joining's link opens."""
    return card_of(holder_of(joining) or living(joining.contact))


@transaction.atomic
def confirm(token: str, *, shown: str = "", now: datetime | None = None) -> Card:
    """« C’est bien moi » : the card of whoever holds the phone or mailbox.

    Proves the address, turns the channel ticked from pending to granted, and joins the fresh
    record to the one that held the address. ``shown`` is the token of the card that this very
    browser was shown when it filled the form in: without it the form was somebody else's, and
    the links that page had are closed. A second tap, or two at once, change nothing more.
    Raises ``LinkEnded``.
    """
    now = now or timezone.now()
    joining = Joining.objects.select_for_update().filter(token=token).first()
    if joining is None:
        raise LinkEnded()
    if joining.confirmed_at is None:
        typed = joining.contact
        elsewhere = joining.key is not None and not _anybody_proved(living(typed))
        elsewhere = elsewhere and not Card.objects.filter(contact=typed, token=shown).exists()
        person = _whole(joining, now)
        _prove(person, joining, now)
        referring.proved(person, now)
        if elsewhere:
            _close_links(typed, now)
        Joining.objects.filter(pk=joining.pk).update(confirmed_at=now)
    return card_behind(joining)


def _whole(joining: Joining, now: datetime) -> Contact:
    """The one record of who tapped: the fresh one, its holder, or both joined; locked."""
    fresh, holder = living(joining.contact), holder_of(joining)
    if holder is None or holder == fresh:
        return lock_people(fresh)[0]
    fresh, holder = lock_people(fresh, holder)
    if fresh.merged_into_id or holder.merged_into_id:  # joined by another hand meanwhile
        return _whole(Joining.objects.get(pk=joining.pk), now)
    channel = Channel(joining.channel)
    if _anybody_proved(fresh):
        return holder  # proven by someone through another address: not ours to join
    if _claimed_by_another(holder, channel):
        _let_go(holder, channel)
        _give(fresh, joining)
        return fresh
    by = Actor("customer", holder.pk)
    if _anybody_proved(holder):
        return merge_records(fresh, holder, by=by, now=now)
    # Nobody ever showed that this record was theirs: whoever made it loses its links.
    holder.first_name = fresh.first_name or holder.first_name
    holder.link_token, holder.language = new_token(), fresh.language
    merge_records(fresh, holder, by=by, now=now)
    card = card_of(holder)
    _new_links(Card.objects.filter(pk=card.pk), now)
    close(holder, now)
    return holder


def _new_links(cards: QuerySet[Card], now: datetime) -> None:
    """Each of these cards has another link; what was opened by the old one is open no more."""
    for card in cards:
        Card.objects.filter(pk=card.pk).update(token=new_token(), renewed_at=now)
        announce(CardChanged(card_id=card.pk))


def _close_links(contact: Contact, now: datetime) -> None:
    """Whoever typed a neighbour's number was shown a card; that page opens nothing any more."""
    _new_links(Card.objects.filter(contact=contact), now)
    Contact.objects.filter(pk=contact.pk).update(link_token=new_token())
    close(contact, now)


def _anybody_proved(contact: Contact) -> bool:
    return bool(contact.phone_proven_at or contact.email_proven_at)


def _claimed_by_another(holder: Contact, channel: Channel) -> bool:
    """A stranger joined with their own proven address and this one, which they never proved."""
    own = getattr(holder, _PROVEN[channel]) is not None
    return holder.source in BY_THEMSELVES and not own and _anybody_proved(holder)


def _let_go(holder: Contact, channel: Channel) -> None:
    setattr(holder, _ADDRESS[channel], "")
    holder.save(update_fields=[_ADDRESS[channel]])


def _give(contact: Contact, joining: Joining) -> None:
    channel = Channel(joining.channel)
    setattr(contact, _ADDRESS[channel], joining.address)
    if channel == Channel.SMS:
        contact.phone_mobile = True
    contact.save()


def _prove(person: Contact, joining: Joining, now: datetime) -> None:
    channel = Channel(joining.channel)
    if not person.address(channel):
        _give(person, joining)  # its holder was erased or changed number since
    if person.address(channel).lower() != joining.address.lower():
        return  # proven, but the record has another address by now: the team may change it
    proven = {_PROVEN[channel]: now, _BAD[channel]: None}
    Contact.objects.filter(pk=person.pk).update(**proven)
    stopped = ConsentEvent.objects.filter(
        contact=person, state=ConsentState.WITHDRAWN, at__gte=joining.created_at
    )
    since = set(stopped.values_list("channel", flat=True)) if joining.agreed else set()
    for agreed in joining.agreed:
        if agreed not in since:
            write_consent(
                person,
                agreed,
                ConsentState.GRANTED,
                source=Source.MESSAGE,
                by=Actor("customer", person.pk),
                now=now,
                wording=joining.wording,
            )


@transaction.atomic
def decline(token: str) -> None:
    """« Ce n’est pas moi » : the link ends, and the address leaves the record it was typed on.

    An address that its holder has proven stays. Raises ``LinkEnded``.
    """
    joining = Joining.objects.select_for_update().filter(token=token).first()
    if joining is None:
        raise LinkEnded()
    if joining.confirmed_at is not None:
        return
    channel = Channel(joining.channel)
    person = lock_people(living(joining.contact))[0]
    typed = person.address(channel) == joining.address and person.source in BY_THEMSELVES
    if typed and getattr(person, _PROVEN[channel]) is None:
        _let_go(person, channel)
    joining.delete()


def renew_link(card: Card, *, client_address: str, now: datetime | None = None) -> Card:
    """A new link for the card, shown and sent; every older link of it dies.

    The stop links in messages already sent live on: the way out stays open (CPCE L34-5).
    Raises ``TooMany``.
    """
    now = now or timezone.now()
    spend(RENEWALS_PER_CARD, card.pk, now=now)
    with transaction.atomic():
        return _renew(card, client_address, now)


def _renew(card: Card, client_address: str, now: datetime) -> Card:
    person = lock_people(card.contact)[0]
    customer = Actor("customer", person.pk)
    _new_links(Card.objects.filter(Q(contact__merged_into=person) | Q(pk=card.pk)), now)
    card.refresh_from_db(fields=["token", "renewed_at"])
    close(person, now)
    before = list(Joining.objects.filter(contact=person).order_by("pk"))
    Joining.objects.filter(known=person).delete()
    Joining.objects.filter(contact=person).delete()
    waiting = {joining.channel: joining for joining in before if joining.confirmed_at is None}
    for old in waiting.values():
        again = new_joining(
            person, old.channel, old.address, known=old.known, agreed=old.agreed, now=now
        )
        insert(again)
        post_link(again, by=customer, client_address=client_address, now=now)
    if not waiting:
        channel = next((c for c in Channel if can_receive(person, c)), None)
        if channel:
            send_card_link(person, channel, by=customer, client_address=client_address, now=now)
    record(customer, "card.renewed", "card", card.pk)
    return card


@transaction.atomic
def correct_name(contact: Contact, first_name: str) -> None:
    """The person corrects their first name from their card."""
    contact.first_name = first_name.strip()
    contact.save(update_fields=["first_name", "search"])
    record(Actor("customer", contact.pk), "contact.renamed", "contact", contact.pk)
