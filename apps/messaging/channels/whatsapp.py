"""WhatsApp: what Meta has approved at any hour, free words for a day after the person wrote."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact
from apps.messaging import templates
from apps.messaging.accounts import account_named
from apps.messaging.channels.base import Sending, Sight
from apps.messaging.models import Kind, Message
from apps.messaging.providers.base import Account, Provider
from apps.messaging.providers.local import LocalWhatsApp
from apps.messaging.providers.twilio import TwilioWhatsApp
from apps.messaging.services import HEALTH
from apps.messaging.window import open_until
from apps.shops.models import Shop

STOP = "Pour ne plus rien recevoir ici, répondez STOP."


class WhatsApp(Sending):
    name, address = "whatsapp", "phone"
    label, by = "WhatsApp", _("par WhatsApp")
    mobile_only = True
    answers_within = timedelta(hours=24)
    longest = templates.LONGEST

    def offered(self, shop: Shop) -> bool:
        return shop.whatsapp_on and (not shop.sells_alcohol or shop.whatsapp_alcohol)

    def provider(self) -> Provider:
        return TwilioWhatsApp() if settings.SMS_PROVIDER == "twilio" else LocalWhatsApp()

    def sender(self, shop: Shop) -> str:
        return shop.whatsapp_number or self.shared_sender() or shop.phone

    def account(self, shop: Shop) -> Account | None:
        """The one that knows the shop's number and its templates."""
        own = templates.home_of(shop)
        return account_named(shop, own) if own else None

    def shared_sender(self) -> str:
        return str(settings.TWILIO_WHATSAPP)

    def finish(self, text: str, contact: Contact, shop: Shop) -> str:
        """The same for all: it is part of what is approved."""
        return "\n".join([text.rstrip(), "", *([HEALTH] if shop.sells_alcohol else []), STOP])

    def pieces(self, body: str, *, commercial: bool) -> int:
        """An answer within the day is free."""
        return int(commercial)

    def price_tenths(self, shop: Shop) -> int:
        return shop.whatsapp_price_tenths

    def fields(self, shop: Shop) -> dict[str, forms.Field]:
        approved = [(str(one.pk), one.title) for one in templates.approved(shop)]
        first = (
            "Choisissez un modèle approuvé" if approved else "Aucun modèle approuvé pour l’instant"
        )
        return {
            "template": forms.ChoiceField(
                label="Le modèle WhatsApp", required=False, choices=[("", first), *approved]
            ),
            "words": forms.CharField(
                label="Le texte du jour, à la place de {texte}",
                required=False,
                max_length=templates.LONGEST_WORDS,
                help_text="Sur une ligne. Un modèle sans {texte} part tel qu’il est.",
                widget=forms.Textarea(attrs={"rows": 2}),
            ),
        }

    def written(self, typed: dict[str, Any], shop: Shop) -> dict[str, str]:
        words = " ".join(typed["words"].split())
        chosen = templates.approved(shop).filter(pk=int(typed["template"] or 0)).first()
        text = chosen.with_words(words) if chosen else ""
        return {"template": typed["template"], "words": words, "text": text}

    def look(self, messages: Sequence[Message], shop: Shop, now: datetime) -> Sight:
        """Each leaves by the template its text is written in; else within the day, as it is."""
        sight = Sight()
        known = [
            templates.Pattern(one.reference, self.finish(one.text, Contact(), shop))
            for one in templates.approved(shop)
        ]
        free = open_until(self.name, [message.to for message in messages], now)
        for message in messages:
            found = (pattern.content(message.body) for pattern in known)
            if content := next(filter(None, found), None):
                sight.contents[message.pk] = content
            elif message.to not in free:
                service = message.kind == Kind.SERVICE
                sight.barred[message.pk] = "63016" if service else "no_template"
        return sight
