"""A test to a phone of the team: past the outbox, as nobody of the shop's people is concerned."""

from datetime import datetime

from django.utils import timezone

from apps.messaging.channels import sending
from apps.messaging.models import Kind, Message
from apps.messaging.providers import provider_of
from apps.messaging.providers.base import DeliveryFailed, DeliveryUncertain, Outgoing
from apps.shops.models import Shop


def try_out(
    shop: Shop, channel: str, to: str, body: str, token: str, *, now: datetime | None = None
) -> str:
    """Hand ``body`` to the operator once, outside any transaction; ``sent`` or a reason's code.

    ``token`` names the try to the operator, like an ``Attempt``'s.
    """
    way, key = sending(channel), 0
    message = Message(pk=key, channel=channel, to=to, body=body, kind=Kind.COMMERCIAL)
    sight = way.look([message], shop, now or timezone.now())
    if barred := sight.barred.get(key):
        return barred
    outgoing = Outgoing(
        channel=channel,
        to=to,
        body=body,
        subject="",
        html="",
        commercial=False,
        attempt=token,
        shop_token=shop.callback_token,
        sender=way.sender(shop),
        sender_name=shop.name,
        reply_to="",
        stop_url="",
        one_click_url="",
        content=sight.contents.get(key),
        account=way.account(shop),
    )
    try:
        provider_of(channel).send(outgoing)
    except DeliveryFailed as failure:
        return failure.code
    except DeliveryUncertain as doubt:
        return doubt.code
    return "sent"
