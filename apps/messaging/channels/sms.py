"""SMS: paid by the segment, answered with STOP."""

import re

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact
from apps.core.french import search_key
from apps.messaging.accounts import account_of
from apps.messaging.channels.base import Sending
from apps.messaging.providers import provider_of
from apps.messaging.providers.base import Account, Provider
from apps.messaging.providers.local import LocalSms
from apps.messaging.providers.twilio import Twilio
from apps.messaging.text import STOP_RESERVE, count
from apps.shops.models import Shop

HEALTH = "L'abus d'alcool est dangereux pour la santé"  # CSP L3323-4, in GSM-7: 43 characters


def stop_reserve() -> int:
    """Characters the operator will add to a commercial SMS."""
    return STOP_RESERVE if provider_of(Sms.name).can.adds_stop else 0


def _short_link(contact: Contact, shop: Shop) -> str:
    """The page of this person's choices in as few characters as can be; phones make it a link."""
    return f"{shop.url.removeprefix('https://')}/s/{contact.link_token}"


class Sms(Sending):
    name, address = "sms", "phone"
    label, by = "SMS", _("par SMS")
    consent_column, bad_column = "sms_consent", "phone_bad_at"
    mobile_only = short_links = counts_addresses = spells_light = True

    def provider(self) -> Provider:
        return Twilio() if settings.SMS_PROVIDER == "twilio" else LocalSms()

    def finish(self, text: str, contact: Contact, shop: Shop) -> str:
        """Where the operator adds its own STOP mention nothing is added, but room is kept for it
        (``stop_reserve``)."""
        lines = [text.rstrip()]
        if shop.sells_alcohol:
            lines.append(HEALTH)
        if not stop_reserve():
            lines.append(f"Stop: {_short_link(contact, shop)}")
        return "\n".join(lines)

    def sender(self, shop: Shop) -> str:
        """As the shop's own account says; its name, the platform's number, else from the address:
        3 to 11 letters or digits, not all digits (french-rules §1)."""
        if shop.sms_account_since:
            return shop.sms_account_sender
        if shop.sms_sender or settings.TWILIO_SENDER:
            return shop.sms_sender or self.shared_sender()
        name = re.sub(r"[^A-Z0-9]", "", search_key(shop.name).upper())[:11]
        return name if len(name) >= 3 and not name.isdigit() else f"SHOP{name}"[:11]

    def account(self, shop: Shop) -> Account | None:
        return account_of(shop)

    def shared_sender(self) -> str:
        return str(settings.TWILIO_SENDER)

    def pieces(self, body: str, *, commercial: bool) -> int:
        return count(body, stop_reserve() if commercial else 0).segments

    def price_tenths(self, shop: Shop) -> int:
        return shop.segment_tenths
