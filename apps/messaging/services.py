"""Putting messages into the outbox, taking them back, and what every message must carry."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.contacts.models import Contact
from apps.core.facts import announce
from apps.core.reading import insert_once
from apps.core.rows import insert_selected
from apps.messaging.facts import SendingResumed
from apps.messaging.models import PAUSED, Alert, Message, Status
from apps.messaging.waking import wake, wake_for
from apps.shops.models import Shop

# CSP L3323-4
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
    file: str = "",
    file_name: str = "",
    to: str = "",
    at: datetime | None = None,
    expires_at: datetime | None = None,
    now: datetime | None = None,
) -> Message | None:
    """One message for one cause, once: the same ``(cause, contact, channel)`` again is None.

    ``file`` is a PDF in the storage that a mail takes with it, under ``file_name``;
    ``to`` defaults to the contact's own address for the channel; ``at`` is the earliest moment,
    ``expires_at`` the latest.
    The message leaves by a worker after the caller's transaction commits.
    """
    now, address = now or timezone.now(), to or contact.address(channel)
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
        file=file,
        file_name=file_name,
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
