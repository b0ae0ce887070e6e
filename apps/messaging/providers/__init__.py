"""Who carries which channel, as the settings say."""

from functools import cache

from django.conf import settings

from apps.contacts.models import Channel
from apps.messaging.providers.base import Provider
from apps.messaging.providers.email import Email
from apps.messaging.providers.local import LocalSms
from apps.messaging.providers.twilio import Twilio


@cache
def provider_of(channel: str) -> Provider:
    """The sender for ``channel``, one for the process."""
    if channel == Channel.EMAIL:
        return Email()
    return Twilio() if settings.SMS_PROVIDER == "twilio" else LocalSms()
