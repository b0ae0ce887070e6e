"""The default without keys: SMS and WhatsApp land in the mailbox of this machine."""

from datetime import datetime

from apps.core.mailbox import find, post_sms
from apps.messaging.models import Status
from apps.messaging.providers.base import (
    NEVER_CAME,
    Account,
    Capabilities,
    DeliveryFailed,
    Outgoing,
    Receipt,
    Written,
)
from apps.messaging.providers.urls import reply_url


class LocalSms:
    name = "local"
    can = Capabilities(receives_replies=True)
    kind = "SMS"

    def send(self, message: Outgoing) -> Receipt:
        reference = post_sms(
            sender=message.sender,
            to=message.to,
            body=message.body,
            reply_url=reply_url(message.shop_token),
            token=message.attempt,
            kind=self.kind,
        )
        return Receipt(reference, Status.DELIVERED)

    def look_up(self, message: Outgoing, since: datetime) -> Receipt | DeliveryFailed:
        """The mailbox keeps all it was given: what is not in it never came."""
        reference = find(message.attempt)
        return Receipt(reference, Status.DELIVERED) if reference else NEVER_CAME


class LocalWhatsApp(LocalSms):
    kind = "WhatsApp"


class LocalContents:
    """Approves what it is given."""

    def create(self, written: Written, account: Account | None) -> str:
        return f"HX{written.name}"[:34]

    def review(self, reference: str, account: Account | None) -> tuple[str, str]:
        return "approved", ""
