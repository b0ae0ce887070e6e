"""A test SMS to the team: past the outbox, because nobody of the shop's people is concerned."""

from apps.contacts.models import Channel
from apps.messaging.providers import provider_of
from apps.messaging.providers.base import DeliveryFailed, DeliveryUncertain, Outgoing
from apps.messaging.services import mail_sender, sms_sender
from apps.shops.models import Shop


def try_sms(shop: Shop, to: str, body: str, token: str) -> str:
    """Hand ``body`` to the operator once, outside any transaction; ``sent`` or a reason's code.

    ``token`` names the try to the operator, like an ``Attempt``'s.
    """
    outgoing = Outgoing(
        channel=Channel.SMS,
        to=to,
        body=body,
        subject="",
        html="",
        commercial=False,
        attempt=token,
        shop_token=shop.callback_token,
        sender_name=shop.name,
        sender_address=mail_sender(shop),
        sms_sender=sms_sender(shop),
        reply_to="",
        stop_url="",
        one_click_url="",
    )
    try:
        provider_of(Channel.SMS).send(outgoing)
    except DeliveryFailed as failure:
        return failure.code
    except DeliveryUncertain as doubt:
        return doubt.code
    return "sent"
