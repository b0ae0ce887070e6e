"""How each channel is sent: a file each, listed in ``config/channels.py``."""

from typing import TYPE_CHECKING, cast

from apps.contacts import channels

if TYPE_CHECKING:
    from apps.messaging.channels.base import Sending


def sending(channel: str) -> "Sending":
    """How what is kept as ``channel`` is sent."""
    return cast("Sending", channels.named(channel))
