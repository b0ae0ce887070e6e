"""What a member is told of their box: service messages, in their language."""

from django.utils import translation
from django.utils.translation import gettext as _

from apps.club.box_models import Box
from apps.club.carriers import CARRIERS
from apps.contacts.models import Channel
from apps.core.templatetags.french import typo
from apps.core.tokens import keyed_hash
from apps.loyalty.card_links import can_receive
from apps.messaging.models import Kind
from apps.messaging.services import post
from apps.messaging.text import lighten
from apps.shops.services import shop_here


def has_left(box: Box) -> None:
    """Its parcel is on its way, with the link that follows it; once for each parcel.

    By e-mail, which links are at home in, else by SMS; who has neither is not told.
    """
    person, shop = box.member.person, shop_here()
    ways = (Channel.EMAIL, Channel.SMS)
    channel = next((way for way in ways if can_receive(person, way)), None)
    if channel is None:
        return
    carrier = CARRIERS[box.carrier]
    with translation.override(person.language):
        by = _("%(shop)s : votre box est partie par %(carrier)s.")
        text = by if carrier.follows else _("%(shop)s : votre box est en route.")
        text %= {"shop": shop.name[:30], "carrier": carrier.name}
        if link := carrier.link(box.tracking):
            text += " " + _("Suivez-la ici : %(link)s") % {"link": link}
        by_sms = channel == Channel.SMS
        post(
            contact=person,
            channel=channel,
            kind=Kind.SERVICE,
            cause=f"{box.cause}:{keyed_hash('parcel', box.tracking)[:16]}",
            subject="" if by_sms else _("Votre box est en route"),
            body=lighten(text) if by_sms else typo(text),
        )
