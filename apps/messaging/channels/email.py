"""E-mail: a subject, a text and HTML in the shop's colours; free."""

from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact
from apps.core.templatetags.french import nombre
from apps.messaging.channels.base import Sending
from apps.messaging.letter import draw
from apps.messaging.models import Kind, Message
from apps.messaging.providers.base import Provider
from apps.messaging.providers.email import Email as Mail
from apps.messaging.services import finish_email, mail_sender
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
        return finish_email(text, contact, shop)

    def sender(self, shop: Shop) -> str:
        return mail_sender(shop)

    def counted(self, many: int) -> str:
        return f"{nombre(many)} e-mail{'s' if many > 1 else ''}"

    def html(self, message: Message, person: Contact, shop: Shop) -> str:
        """A commercial mail is drawn when it is handed over, and kept nowhere."""
        if message.html or message.kind != Kind.COMMERCIAL:
            return message.html
        return draw(message.subject, message.body, person, shop)
