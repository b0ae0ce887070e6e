"""A fourth channel, whole: this file, and its line in ``CHANNELS`` below."""

from typing import ClassVar

from apps.messaging.channels.base import Sending
from apps.messaging.models import Status
from apps.messaging.providers.base import NEVER_CAME, Capabilities, Outgoing, Receipt
from apps.messaging.services import stop_url
from config.channels import CHANNELS as KNOWN

CHANNELS = (*KNOWN, "tests.campaigns.pigeon.Pigeon")


class Pigeon(Sending):
    name, address = "pigeon", "phone"
    label, by = "Pigeon", "par pigeon"
    longest = 120

    def provider(self):
        return Loft()

    def finish(self, text, contact, shop):
        return f"{text}\nStop : {stop_url(contact, shop)}"

    def pieces(self, body, *, commercial):
        return 1

    def price_tenths(self, shop):
        return 25


class Loft:
    name = "loft"
    can = Capabilities(paid=True)
    flown: ClassVar[list[Outgoing]] = []

    def send(self, message):
        self.flown.append(message)
        return Receipt(f"bague {len(self.flown)}", Status.DELIVERED)

    def look_up(self, message, since):
        return NEVER_CAME
