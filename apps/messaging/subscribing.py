"""« Recevoir les nouvelles sur cet appareil » : a browser subscribed, and let go, by its holder."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.contacts.channels import named
from apps.contacts.consent import write_consent
from apps.contacts.models import ConsentState, Contact, Source
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.core.webpush import NotASubscription, Subscription, public_key
from apps.messaging.browsers import forget, take
from apps.messaging.channels.push import Push
from apps.messaging.models import Browser
from apps.messaging.stops import stop
from apps.shops.models import Shop


class NotTaken(Refusal):
    message = _("Ce navigateur n’a pas donné d’abonnement utilisable. Rien n’est changé.")
    status = 422


class NotOffered(Refusal):
    message = _("La boutique n’envoie pas de notifications.")


def key_of(shop: Shop) -> str:
    """What its customers' browsers subscribe with; empty where it sends no notifications."""
    return public_key() if named(Push.name).offered(shop) else ""


@transaction.atomic
def subscribe(contact: Contact, subscription: str, *, shop: Shop, now: datetime) -> None:
    """The news goes to this browser too from now on. Asking twice is once.

    ``subscription`` is what the browser said of itself. Raises ``NotOffered``, ``NotTaken``.
    """
    if not named(Push.name).offered(shop):
        raise NotOffered()
    try:
        to = Subscription.read(subscription)
    except NotASubscription as error:
        raise NotTaken() from error
    take(contact, to, now)
    _say(contact, ConsentState.GRANTED, now)


@transaction.atomic
def unsubscribe(contact: Contact, now: datetime) -> None:
    """No more news in any browser of the person; none is kept."""
    own_word = Actor("customer", contact.pk)
    stop(contact, Push.name, source=Source.CARD, by=own_word, now=now)
    forget(Browser.objects.filter(contact=contact))


@transaction.atomic
def close(contact: Contact, now: datetime) -> None:
    """The card's page was perhaps a stranger's: what was said there, and its browsers, end."""
    forget(Browser.objects.filter(contact=contact))
    if contact.consent(Push.name) == ConsentState.GRANTED:
        _say(contact, ConsentState.NONE, now)


def _say(contact: Contact, state: ConsentState, now: datetime) -> None:
    own_word = Actor("customer", contact.pk)
    write_consent(contact, Push.name, state, source=Source.CARD, by=own_word, now=now)
