"""Notifications: to the browsers in which a person asked for them, on their card's page; free."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact
from apps.core.templatetags.french import nombre
from apps.core.webpush import Subscription, public_key
from apps.messaging.channels.base import Sending, Sight
from apps.messaging.hours import place_of, windows
from apps.messaging.models import Browser, Kind, Message
from apps.messaging.providers.base import Browsers, Provider
from apps.messaging.providers.push import WebPush
from apps.messaging.services import HEALTH
from apps.shops.models import Shop

LASTS = timedelta(days=1)


class Push(Sending):
    """``Contact.push`` is our name for a person's browsers: see ``browsers``."""

    name = address = "push"
    label, by = _("Notification"), _("par notification")
    typed, typeset = False, True
    longest = 300

    def offered(self, shop: Shop) -> bool:
        return bool(public_key()) and (not shop.sells_alcohol or shop.push_alcohol)

    def provider(self) -> Provider:
        return WebPush()

    def finish(self, text: str, contact: Contact, shop: Shop) -> str:
        """The shop's name stands above it, and the way to stop is a button below."""
        return f"{text.rstrip()}\n{HEALTH}" if shop.sells_alcohol else text.rstrip()

    def counted(self, many: int) -> str:
        return f"{nombre(many)} notification{'s' if many > 1 else ''}"

    def look(self, messages: Sequence[Message], shop: Shop, now: datetime) -> Sight:
        held = defaultdict(list)
        people = {message.contact_id for message in messages}
        found = Browser.objects.filter(contact__in=people).select_related("contact")
        for one in found.order_by("pk"):
            held[one.contact_id, one.contact.push].append(one)
        sight = Sight()
        for message in messages:
            if browsers := held.get((message.contact_id, message.to)):
                each = tuple(Subscription(one.endpoint, one.p256dh, one.auth) for one in browsers)
                until = _shown_until(message, browsers[0].contact, shop, now)
                sight.browsers[message.pk] = Browsers(each, until)
            else:
                sight.barred[message.pk] = "push_gone"
        return sight


def _shown_until(message: Message, person: Contact, shop: Shop, now: datetime) -> datetime:
    """A phone that is off shows it when it comes back: not at night, nor once it is over."""
    ends = [now + LASTS, *filter(None, [message.expires_at])]
    if message.kind == Kind.COMMERCIAL:
        place = place_of(shop, person.phone, person.postal_code)
        _opens, closes = next(windows(place, shop, now))
        ends.append(closes)
    return min(ends)
