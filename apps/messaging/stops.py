"""STOP: by reply, by link, by the operator; at once, for every message of the shop."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.contacts.channels import named
from apps.contacts.consent import has_opposed, lift, oppose, write_consent
from apps.contacts.models import ConsentState, Contact, Source
from apps.contacts.services import by_address
from apps.core.actor import SYSTEM, Actor
from apps.core.french import search_key
from apps.messaging import quality
from apps.messaging.models import Alert

_WORDS = frozenset(
    {"stop", "arret", "arreter", "arretez", "desabonnement", "desabonner", "unsubscribe"}
)
_YES = frozenset({"start", "oui", "yes", "unstop", "reabonnement"})


def is_stop(text: str) -> bool:
    """« STOP », « Arrêt ! », « s t o p », « stop 36111 »: a person who wants no more."""
    words = search_key(text).split()
    return bool(words) and (words[0] in _WORDS or "".join(words) in _WORDS)


def is_start(text: str) -> bool:
    """« START », « Oui ! », « o u i » and nothing else: « oui, à demain » is a conversation."""
    return "".join(search_key(text).split()) in _YES


def holder(channel: str, address: str) -> Contact | None:
    """Whose number or mailbox it is, among the living records."""
    return by_address(**{named(channel).address: address})


def alert(
    code: str, *, contact: Contact | None = None, cause: str = "", now: datetime | None = None
) -> None:
    """Tell the team, once for as long as the alert stands."""
    Alert.objects.get_or_create(
        code=code,
        contact=contact,
        cause=cause,
        dismissed_at=None,
        defaults={"at": now or timezone.now()},
    )


@transaction.atomic
def stop(
    contact: Contact, channel: str, *, source: str, by: Actor, now: datetime | None = None
) -> None:
    """``contact`` gets no more commercial messages on ``channel``. Saying it twice is once."""
    now = now or timezone.now()
    if write_consent(contact, channel, ConsentState.WITHDRAWN, source=source, by=by, now=now):
        alert(f"stopped_{channel}", contact=contact, now=now)
        quality.look_soon(now)


@transaction.atomic
def stop_address(
    channel: str, address: str, *, source: str, now: datetime, own_word: bool = False
) -> None:
    """A number or mailbox said stop, known here or not. ``own_word``: its holder wrote it."""
    oppose(channel, address)
    contact = holder(channel, address)
    if contact is not None:
        by = Actor("customer", contact.pk) if own_word else SYSTEM
        stop(contact, channel, source=source, by=by, now=now)


@transaction.atomic
def undo_stop(contact: Contact, channel: str, now: datetime | None = None) -> None:
    """« C’était une erreur »: the person's own word, on the page that took the stop.

    One link opens the choices of both channels: a yes that nobody had proven for this address
    is no more than pending again, or whoever reads the mails could sign up a neighbour's phone.
    """
    now = now or timezone.now()
    if contact.consent(channel) != ConsentState.WITHDRAWN:
        return
    own_word = Actor("customer", contact.pk)
    state = ConsentState.GRANTED if _was_theirs(contact, channel) else ConsentState.PENDING
    write_consent(contact, channel, state, source=Source.MESSAGE, by=own_word, now=now)
    told = Alert.objects.filter(code=f"stopped_{channel}", contact=contact, dismissed_at=None)
    told.update(dismissed_at=now)


@transaction.atomic
def agree(contact: Contact, channel: str, now: datetime | None = None) -> bool:
    """Who never said anything says yes, from their own page; only for an address they proved."""
    theirs = named(channel).proven_at(contact) is not None
    if not theirs or contact.consent(channel) != ConsentState.NONE:
        return False
    own_word = Actor("customer", contact.pk)
    return write_consent(
        contact, channel, ConsentState.GRANTED, source=Source.CARD, by=own_word, now=now
    )


@transaction.atomic
def take_back_stop(channel: str, address: str, *, now: datetime) -> None:
    """« START » from the very address that had stopped: what stood before stands again.

    Nobody is signed up by it who had not agreed, nor by another channel, and a stop that was
    said after ``now`` (by the link, while this answer was on its way) holds.
    """
    proven = has_opposed(channel, address)
    contact = holder(channel, address)
    if contact is None or contact.consent(channel) != ConsentState.WITHDRAWN:
        if contact is None:
            lift(channel, address)
        return
    lines = contact.consent_events.filter(channel=channel)
    if lines.filter(state=ConsentState.WITHDRAWN, at__gt=now).exists():
        return
    before = lines.exclude(state=ConsentState.WITHDRAWN).order_by("-at", "-pk").first()
    state = ConsentState(before.state) if before else ConsentState.NONE
    if state == ConsentState.GRANTED and not proven:
        state = ConsentState.PENDING  # another number's yes
    lift(channel, address)
    own_word = Actor("customer", contact.pk)
    write_consent(contact, channel, state, source=Source.REPLY, by=own_word, now=now, wording="")
    told = Alert.objects.filter(code=f"stopped_{channel}", contact=contact, dismissed_at=None)
    told.update(dismissed_at=now)


def _was_theirs(contact: Contact, channel: str) -> bool:
    """Whether the address is proven, or had a yes that counted until this very address stopped."""
    if named(channel).proven_at(contact):
        return True
    lines = contact.consent_events.filter(channel=channel).exclude(state=ConsentState.WITHDRAWN)
    last = lines.order_by("-at", "-pk").values_list("state", flat=True).first()
    return last == ConsentState.GRANTED and has_opposed(channel, contact.address(channel))
