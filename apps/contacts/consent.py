"""The consent ledger: what a person agreed to, proven line by line (french-rules §1, §3)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts import channels
from apps.contacts.facts import ConsentGiven
from apps.contacts.models import ConsentEvent, ConsentState, Contact, Opposition, Source
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.reading import insert
from apps.core.rows import insert_rows
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
    if not _is_heard(contact, channel, state, by, lambda: has_opposed(channel, address)):
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
        elif state == ConsentState.GRANTED and by.kind == "customer":
            Opposition.objects.filter(channel=channel, address_hash=digest).delete()
    if state == ConsentState.GRANTED and source != Source.IMPORT:
        announce(ConsentGiven(contact_id=contact.pk, channel=channel))
    return True


def _is_heard(
    contact: Contact, channel: str, state: ConsentState, by: Actor, opposed: Callable[[], bool]
) -> bool:
    """Whether this changes something, and undoes no stop but by the person's own word."""
    current = contact.consent(channel)
    if state in {ConsentState.GRANTED, ConsentState.PENDING} and by.kind != "customer":
        if current == ConsentState.WITHDRAWN:
            return False
        if contact.address(channel) and opposed():
            return False
    return current != state


class Ledger:
    """What many people said, each judged as ``write_consent`` judges one who is not the person.

    For whoever holds their records locked: ``say`` follows a consent on the contact in memory,
    ``write`` keeps the proofs and the oppositions; the record itself is the caller's to save.
    Nothing is announced: it is an imported list's (``facts.ConsentGiven``).
    """

    def __init__(
        self,
        addresses: Mapping[str, Iterable[str]],
        *,
        source: str,
        by: Actor,
        now: datetime,
        wording: str,
    ) -> None:
        """``addresses``: all that the people have or will have."""
        self._opposed = {channel: opposed_among(channel, a) for channel, a in addresses.items()}
        self._by = by
        self._common: dict[str, Any] = {
            "source": source,
            "wording": wording,
            "actor_kind": by.kind,
            "actor_id": by.id,
            "at": now,
        }
        self._said: list[tuple[Contact, str, ConsentState]] = []

    def say(self, contact: Contact, channel: str, state: ConsentState) -> bool:
        """False when nothing changed. The contact may be one that is not written yet."""
        address, opposed = contact.address(channel), self._opposed[channel]
        if not _is_heard(contact, channel, state, self._by, lambda: address in opposed):
            return False
        for name, value in channels.named(channel).with_consent(contact, state).items():
            setattr(contact, name, value)
        self._said.append((contact, channel, state))
        if address and state == ConsentState.WITHDRAWN:
            opposed.add(address)
        return True

    def write(self) -> None:
        """Once the contacts are written."""
        insert_rows(
            [
                ConsentEvent(contact=contact, channel=channel, state=state, **self._common)
                for contact, channel, state in self._said
            ]
        )
        insert_rows(
            [
                Opposition(channel=channel, address_hash=opposition_hash(channel, address))
                for contact, channel, state in self._said
                if state == ConsentState.WITHDRAWN and (address := contact.address(channel))
            ],
            once=True,
        )
