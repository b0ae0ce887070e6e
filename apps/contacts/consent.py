"""The consent ledger: what a person agreed to, proven line by line (french-rules §1, §3)."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts import channels
from apps.contacts.facts import ConsentGiven
from apps.contacts.models import ConsentEvent, ConsentState, Contact, Opposition, Source
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.reading import insert
from apps.core.tokens import keyed_hash

# The version of the sentences shown beside the boxes; a new wording gets a new name here.
WORDING = "2026-11"
ADULT_WORDING = "18ans-2026-11"
SENTENCES = {WORDING: _("Oui, %(shop)s peut m’envoyer ses offres et nouvelles %(by)s.")}
ADULT_SENTENCES = {ADULT_WORDING: _("J’ai 18 ans ou plus.")}


def opposition_hash(channel: str, address: str) -> str:
    """What stands for ``address`` where the address itself may not be kept."""
    return keyed_hash(f"opposition:{channel}", address.lower())


def has_opposed(channel: str, address: str) -> bool:
    """Whether this address said stop, in whatever record it stood then."""
    digest = opposition_hash(channel, address)
    return Opposition.objects.filter(channel=channel, address_hash=digest).exists()


def opposed_among(channel: str, addresses: Iterable[str]) -> set[str]:
    """Those of ``addresses`` that said stop, in one query: for whoever sends to many."""
    digests = {opposition_hash(channel, address): address for address in addresses}
    found = Opposition.objects.filter(channel=channel, address_hash__in=digests)
    return {digests[digest] for digest in found.values_list("address_hash", flat=True)}


def oppose(channel: str, address: str) -> None:
    """This address said stop, whether or not a record holds it."""
    digest = opposition_hash(channel, address)
    Opposition.objects.get_or_create(channel=channel, address_hash=digest)


def lift(channel: str, address: str) -> None:
    """Its holder takes the stop back, by a word from this very address."""
    digest = opposition_hash(channel, address)
    Opposition.objects.filter(channel=channel, address_hash=digest).delete()


def write_first_consents(contact: Contact, *, source: str, now: datetime) -> None:
    """The ledger's first lines of a person who was made with these consents, in their own words.

    In the transaction that made the record, which nobody else has seen yet.
    """
    said = {channel: contact.consent(channel) for channel in channels.names()}
    lines = [
        ConsentEvent(
            contact=contact,
            channel=channel,
            state=state,
            wording=WORDING,
            source=source,
            actor_kind="customer",
            actor_id=contact.pk,
            at=now,
        )
        for channel, state in said.items()
        if state != ConsentState.NONE
    ]
    insert(*lines)


@transaction.atomic
def write_consent(
    contact: Contact,
    channel: str,
    state: ConsentState,
    *,
    source: str,
    by: Actor,
    now: datetime | None = None,
    wording: str = WORDING,
) -> bool:
    """Add a line to the ledger and follow it on the contact; False when nothing changed.

    A withdrawal also puts the address into the opposition list. Only the person lifts an
    opposition: ``granted`` from an import or the team is refused for an address that said stop
    (returns False), while the person's own tap on a proven link is heard.
    """
    now = now or timezone.now()
    contact = Contact.objects.select_for_update().get(pk=contact.pk)
    address = contact.address(channel)
    own_word = by.kind == "customer"
    if state in {ConsentState.GRANTED, ConsentState.PENDING} and not own_word:
        stopped = contact.consent(channel) == ConsentState.WITHDRAWN
        if stopped or (address and has_opposed(channel, address)):
            return False
    if contact.consent(channel) == state:
        return False
    ConsentEvent.objects.create(
        contact=contact,
        channel=channel,
        state=state,
        wording=wording,
        source=source,
        actor_kind=by.kind,
        actor_id=by.id,
        at=now,
    )
    said = channels.named(channel).with_consent(contact, state)
    Contact.objects.filter(pk=contact.pk).update(**said)
    if address:
        digest = opposition_hash(channel, address)
        if state == ConsentState.WITHDRAWN:
            Opposition.objects.get_or_create(channel=channel, address_hash=digest)
        elif state == ConsentState.GRANTED and own_word:
            Opposition.objects.filter(channel=channel, address_hash=digest).delete()
    if state == ConsentState.GRANTED and source != Source.IMPORT:
        announce(ConsentGiven(contact_id=contact.pk, channel=channel))
    return True
