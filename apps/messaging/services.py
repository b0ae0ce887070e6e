"""Putting messages into the outbox, taking them back, and what every message must carry."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.contacts.models import Channel, Contact
from apps.core.facts import announce
from apps.core.french import search_key
from apps.core.reading import insert_once
from apps.core.rows import insert_selected
from apps.messaging.facts import SendingResumed
from apps.messaging.models import PAUSED, Alert, Message, Status
from apps.messaging.providers import provider_of
from apps.messaging.text import STOP_RESERVE, Count, count
from apps.messaging.waking import wake, wake_for
from apps.shops.models import Shop

# CSP L3323-4, in GSM-7: 43 characters.
HEALTH_SMS = "L'abus d'alcool est dangereux pour la santé"
FOOT = "\n\n-- \n"  # what a mail's words end at (RFC 3676 § 4.3)
WHY_MAIL = "Vous recevez cet e-mail parce que vous avez accepté les nouvelles de %(shop)s."
HEALTH = "L’abus d’alcool est dangereux pour la santé, à consommer avec modération."


@transaction.atomic(savepoint=False)
def post(
    *,
    contact: Contact,
    channel: str,
    kind: str,
    cause: str,
    body: str,
    subject: str = "",
    html: str = "",
    to: str = "",
    at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Message | None:
    """One message for one cause, once: the same ``(cause, contact, channel)`` again is None.

    ``to`` defaults to the contact's own address for the channel; ``at`` is the earliest moment,
    ``expires_at`` the latest.
    The message leaves by a worker after the caller's transaction commits.
    """
    now, address = timezone.now(), to or contact.address(channel)
    if not address:
        return None
    message = Message(
        contact_id=contact.pk,
        channel=channel,
        kind=kind,
        cause=cause,
        to=address,
        subject=subject,
        body=body,
        html=html,
        available_at=at or now,
        expires_at=expires_at,
        created_at=now,
    )
    if not insert_once(message):
        return None
    wake_for(kind, at)
    return message


@transaction.atomic
def post_selected(
    own: Mapping[str, str],
    shared: Mapping[str, Any],
    source: str,
    values: Sequence[Any],
) -> None:
    """A campaign's messages at once, put together by the database (``rows.insert_selected``).

    Those already posted for their cause stay as they are. A drain keeps itself going until all
    have left.
    """
    now: datetime = shared["created_at"]
    moments = insert_selected(Message, own, shared, source, values, returning="available_at")
    if moments:
        first = min(moments)
        wake(first if first > now else None)


@transaction.atomic
def cancel(cause: str, now: datetime | None = None) -> int:
    """Nothing of ``cause`` that has not left will leave; returns how many were called off.

    What a worker holds at this moment is on its way and is not counted.
    """
    now = now or timezone.now()
    waiting = Message.objects.filter(cause=cause, available_at__isnull=False)
    # One that was handed over once has nothing to call off but its next try.
    tried = waiting.filter(status__in=[Status.SENT, Status.UNKNOWN])
    tried.update(status=Status.FAILED, available_at=None, done_at=now)
    return waiting.filter(status__in=[Status.QUEUED, Status.SENDING]).update(
        status=Status.CANCELLED, reason="called_off", available_at=None, done_at=now
    )


def stop_url(contact: Contact, shop: Shop) -> str:
    """The page of this person's choices."""
    return f"{shop.url}/stop/{contact.link_token}/"


def short_link(contact: Contact, shop: Shop) -> str:
    """The same page in as few characters as an SMS can have; phones make it a link."""
    return f"{shop.url.removeprefix('https://')}/s/{contact.link_token}"


def finish_sms(text: str, contact: Contact, shop: Shop) -> str:
    """A commercial SMS as it leaves: ``text``, the health sentence, the way to stop.

    The composer's preview and the real send both come from here. Where the operator adds
    its own STOP mention nothing is added but ``stop_reserve`` is kept free.
    """
    lines = [text.rstrip()]
    if shop.sells_alcohol:
        lines.append(HEALTH_SMS)
    if not provider_of(Channel.SMS).can.adds_stop:
        lines.append(f"Stop: {short_link(contact, shop)}")
    return "\n".join(lines)


def stop_reserve() -> int:
    """Characters the operator will add to a commercial SMS."""
    return STOP_RESERVE if provider_of(Channel.SMS).can.adds_stop else 0


def weigh_sms(text: str, contact: Contact, shop: Shop) -> tuple[Count, int]:
    """What ``text`` costs once finished: its count, and the price in tenths of a cent."""
    counted = count(finish_sms(text, contact, shop), stop_reserve())
    return counted, counted.segments * shop.segment_tenths


def finish_email(text: str, contact: Contact, shop: Shop) -> str:
    """The text part of a commercial mail: sender, health sentence, why it came, how to stop."""
    place = " ".join(part for part in (shop.street, shop.postal_code, shop.city) if part)
    lines = [", ".join(part for part in (shop.name, place) if part)]
    if shop.sells_alcohol:
        lines.append(HEALTH)
    lines.append(WHY_MAIL % {"shop": shop.name})
    lines.append(f"Ne plus les recevoir : {stop_url(contact, shop)}")
    return text.rstrip() + FOOT + "\n".join(lines)


def mail_sender(shop: Shop) -> str:
    """The address a mail of the shop comes from: its own only while its domain lets us."""
    return shop.mail_from if shop.mail_proven_at else str(settings.PLATFORM_EMAIL_ADDRESS)


def sms_sender(shop: Shop) -> str:
    """Who an SMS comes from: as the shop's own account says; its name, the platform's number,
    else from the address.

    3 to 11 letters or digits, not all digits (french-rules §1).
    """
    if shop.sms_account_since:
        return shop.sms_account_sender
    if shop.sms_sender or settings.TWILIO_SENDER:
        return shop.sms_sender or str(settings.TWILIO_SENDER)
    name = re.sub(r"[^A-Z0-9]", "", search_key(shop.name).upper())[:11]
    return name if len(name) >= 3 and not name.isdigit() else f"SHOP{name}"[:11]


@transaction.atomic
def dismiss(alert_id: int, now: datetime | None = None) -> None:
    """The team has dealt with it. Dismissing a pause lets the channel try again at once."""
    alert = Alert.objects.select_for_update().filter(pk=alert_id, dismissed_at=None).first()
    if alert is None:
        return
    alert.dismissed_at = now or timezone.now()
    alert.save(update_fields=["dismissed_at"])
    channel = alert.code.removeprefix(PAUSED)
    if channel != alert.code:
        announce(SendingResumed(channel))
        wake()
