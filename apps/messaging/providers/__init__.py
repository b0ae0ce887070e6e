"""Who carries which channel, as the settings say."""

from functools import cache

from apps.messaging.channels import sending
from apps.messaging.providers.base import Provider


@cache
def provider_of(channel: str) -> Provider:
    """The sender for ``channel``, one for the process."""
    return sending(channel).provider()
