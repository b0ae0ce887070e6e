"""E-mail: a subject, a text and HTML in the shop's colours; free."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact
from apps.core.templatetags.french import nombre
from apps.messaging.channels.base import Sending
from apps.messaging.letter import FOOT, WHY, draw
from apps.messaging.models import Kind, Message
from apps.messaging.providers.base import Provider
from apps.messaging.providers.email import Email as Mail
from apps.messaging.services import HEALTH, stop_url
from apps.shops.models import Shop


class Email(Sending):
    name, address = "email", "email"
    label, by = "E-mail", _("par e-mail")
    consent_column, bad_column = "email_consent", "email_bad_at"
    has_subject = counts_addresses = typeset = True
    sender_is_sure = False
    longest = 5000

    def provider(self) -> Provider:
        return Mail()

    def finish(self, text: str, contact: Contact, shop: Shop) -> str:
        """The text part: sender, health sentence, why it came, how to stop."""
        place = " ".join(part for part in (shop.street, shop.postal_code, shop.city) if part)
        lines = [", ".join(part for part in (shop.name, place) if part)]
        if shop.sells_alcohol:
            lines.append(HEALTH)
        lines.append(WHY % {"shop": shop.name})
        lines.append(f"Ne plus les recevoir : {stop_url(contact, shop)}")
        return text.rstrip() + FOOT + "\n".join(lines)

    def sender(self, shop: Shop) -> str:
        """Its own address only while its domain lets us."""
        return shop.mail_from if shop.mail_proven_at else str(settings.PLATFORM_EMAIL_ADDRESS)

    def counted(self, many: int) -> str:
        return f"{nombre(many)} e-mail{'s' if many > 1 else ''}"

    def html(self, message: Message, person: Contact, shop: Shop) -> str:
        """A commercial mail is drawn when it is handed over, and kept nowhere."""
        if message.html or message.kind != Kind.COMMERCIAL:
            return message.html
        return draw(message.subject, message.body, person, shop)
