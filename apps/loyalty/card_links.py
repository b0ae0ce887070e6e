"""The message that brings a card to a phone or a mailbox, and what keeps it from abuse.

Nothing a visitor typed stands in it: a stranger's page must not write to a neighbour. Its link
proves the address only when its holder taps the button behind it (``loyalty.proving``).
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from apps.contacts import channels
from apps.contacts.consent import WORDING
from apps.contacts.models import Channel, ConsentState, Contact
from apps.core.actor import Actor
from apps.core.ratelimit import Limit, first_over
from apps.core.reading import insert_once
from apps.loyalty.models import Joining
from apps.messaging.models import Alert, Kind, Message
from apps.messaging.services import post
from apps.messaging.text import lighten
from apps.shops.models import Shop
from apps.shops.services import shop_here
from apps.shops.theme import ink_on

A_DAY = 24 * 3600
LINKS_PER_ADDRESS = Limit("card-link:address", 3, A_DAY)
LINKS_PER_CLIENT = Limit("card-link:client", 30, A_DAY)
LINKS_PER_SHOP = Limit("card-link:shop", 400, A_DAY)
CAPPED = "card_links_capped"  # the alert's code, shown to the team


def can_receive(contact: Contact, channel: str) -> bool:
    """Whether a card's link can reach the person by ``channel``; a landline takes no SMS."""
    if channel == Channel.SMS:
        return bool(contact.phone and contact.phone_mobile and not contact.phone_bad_at)
    return bool(contact.email and not contact.email_bad_at)


@transaction.atomic
def send_card_link(
    contact: Contact,
    channel: str,
    *,
    by: Actor,
    client_address: str = "",
    key: UUID | None = None,
    now: datetime | None = None,
) -> bool:
    """Send ``contact`` the link of their card; False when it cannot be reached or is capped.

    Their tap proves the address and turns what is pending for it, by whatever channel, into a yes.
    What is no SMS and no mail goes by the one that proves the same address.
    ``client_address`` is counted for a customer's request, not for the team's own. The same
    ``key`` again sends nothing and answers as before.
    """
    reached = channels.named(channel).address
    channel = Channel.SMS if reached == "phone" else Channel.EMAIL
    if not can_receive(contact, channel):
        return False
    ways = [way for way in channels.every() if way.address == reached]
    agreed = [way.name for way in ways if way.consent_of(contact) == ConsentState.PENDING]
    address = contact.address(channel)
    joining = new_joining(contact, channel, address, agreed=agreed, key=key, now=now)
    if not insert_once(joining):
        earlier = Joining.objects.get(key=key, channel=channel)
        return Message.objects.filter(cause=_cause(earlier)).exists()
    return post_link(joining, by=by, client_address=client_address, now=now)


def new_joining(
    contact: Contact,
    channel: str,
    address: str,
    *,
    known: Contact | None = None,
    agreed: list[str],
    key: UUID | None = None,
    now: datetime | None = None,
) -> Joining:
    """The row that waits for the tap of whoever holds ``address``; not written yet."""
    return Joining(
        contact=contact,
        known=known,
        channel=channel,
        address=address,
        agreed=agreed,
        wording=WORDING,
        key=key,
        created_at=now or timezone.now(),
    )


def post_link(
    joining: Joining, *, by: Actor, client_address: str, now: datetime | None = None
) -> bool:
    """Put the joining's message into the outbox; False, and nothing sent, when capped."""
    if not _within_caps(joining, by, client_address, now):
        return False
    shop = shop_here()
    with translation.override(joining.contact.language):
        subject, body, html = _written(shop, f"{shop.url}/v/{joining.token}/", joining.channel)
    message = post(
        contact=joining.known or joining.contact,
        channel=joining.channel,
        kind=Kind.SERVICE,
        cause=_cause(joining),
        to=joining.address,
        subject=subject,
        body=body,
        html=html,
        at=now,
    )
    return message is not None


def _cause(joining: Joining) -> str:
    return f"join:{joining.pk}"


def _within_caps(joining: Joining, by: Actor, client_address: str, now: datetime | None) -> bool:
    client = [] if by.kind == "team" else [(LINKS_PER_CLIENT, client_address)]
    address = (LINKS_PER_ADDRESS, joining.address.lower())
    over = first_over(address, *client, (LINKS_PER_SHOP, ""), now=now)
    if over == LINKS_PER_SHOP:
        Alert.objects.get_or_create(code=CAPPED, contact=None, cause="", dismissed_at=None)
    return over is None


def _written(shop: Shop, url: str, channel: str) -> tuple[str, str, str]:
    """Subject, text and HTML in the active language; the SMS stays within GSM-7."""
    if channel == Channel.SMS:
        text = _(
            "%(shop)s : touchez pour ouvrir votre carte de fidélité : %(url)s "
            "Pas vous ? Ignorez ce message."
        )
        return "", lighten(text % {"shop": shop.name[:30], "url": url}), ""
    context = {"shop": shop, "url": url, "ink": ink_on(shop.accent)}
    subject = _("Votre carte de fidélité %(shop)s") % {"shop": shop.name}
    body = render_to_string("loyalty/mail/card.txt", context).strip() + "\n"
    return subject, body, render_to_string("loyalty/mail/card.html", context)
