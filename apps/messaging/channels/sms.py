"""SMS: paid by the segment, answered with STOP."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact
from apps.messaging.accounts import account_of
from apps.messaging.channels.base import Sending
from apps.messaging.providers.base import Account, Provider
from apps.messaging.providers.local import LocalSms
from apps.messaging.providers.twilio import Twilio
from apps.messaging.services import finish_sms, sms_sender, stop_reserve
from apps.messaging.text import count
from apps.shops.models import Shop


class Sms(Sending):
    name, address = "sms", "phone"
    label, by = "SMS", _("par SMS")
    consent_column, bad_column = "sms_consent", "phone_bad_at"
    mobile_only = short_links = counts_addresses = spells_light = True

    def provider(self) -> Provider:
        return Twilio() if settings.SMS_PROVIDER == "twilio" else LocalSms()

    def finish(self, text: str, contact: Contact, shop: Shop) -> str:
        return finish_sms(text, contact, shop)

    def sender(self, shop: Shop) -> str:
        return sms_sender(shop)

    def account(self, shop: Shop) -> Account | None:
        return account_of(shop)

    def shared_sender(self) -> str:
        return str(settings.TWILIO_SENDER)

    def pieces(self, body: str, *, commercial: bool) -> int:
        return count(body, stop_reserve() if commercial else 0).segments

    def price_tenths(self, shop: Shop) -> int:
        return shop.segment_tenths
