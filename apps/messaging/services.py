"""Putting messages into the outbox."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.contacts.models import Contact
from apps.messaging.models import Message


@transaction.atomic
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
) -> Message | None:
    """One message for one cause, once: the same ``(cause, contact, channel)`` again is None.

    ``to`` defaults to the contact's own address for the channel; ``at`` is the earliest moment.
    The message leaves by a worker after the caller's transaction commits.
    """
    address = to or contact.address(channel)
    if not address:
        return None
    message, created = Message.objects.get_or_create(
        cause=cause,
        contact=contact,
        channel=channel,
        defaults={
            "kind": kind,
            "to": address,
            "subject": subject,
            "body": body,
            "html": html,
            "available_at": at or timezone.now(),
        },
    )
    return message if created else None
