"""The sender that several shops share: whose answer it is, and a stop that stops them all.

A text to the platform's own number names no shop. The shop that wrote last to that phone gets
the answer; a stop goes to every shop that ever wrote to it, and holds at the sender itself, also
for the shops that will write later.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from apps.core.jobs import enqueue
from apps.core.tenancy import across_shops, in_schema
from apps.core.tokens import keyed_hash
from apps.messaging.channels import sending
from apps.messaging.models import Callback, Meaning
from apps.messaging.replies import meaning_of
from apps.shops.models import LineWord, SharedLine, SharedReply, Shop

# Named, not imported: tasks stand above.
APPLY = "apps.messaging.tasks.apply_callback"
HAND_OVER = "apps.messaging.tasks.hand_over"

Way = tuple[str, str]  # a channel and an address

_NOTE = """
INSERT INTO public.shops_sharedline (shop_schema, address_hash, written_at)
SELECT %s, hash, %s FROM unnest(%s::text[]) hash ORDER BY hash
ON CONFLICT (shop_schema, address_hash) DO UPDATE SET written_at = EXCLUDED.written_at
"""


def is_shared(channel: str, shop: Shop) -> bool:
    """Whether what the shop sends by ``channel`` leaves by the platform's own number."""
    shared = sending(channel).shared_sender()
    return bool(shared) and sending(channel).sender(shop) == shared


def line_hash(channel: str, address: str) -> str:
    """What stands in public for a number and what was said by it."""
    return keyed_hash(f"line:{channel}", address)


def _on_line(shop: Shop, ways: Iterable[Way]) -> dict[str, Way]:
    """Those that leave by a shared sender, by what stands for each in public."""
    ways = set(ways)
    shared = {channel for channel in {way[0] for way in ways} if is_shared(channel, shop)}
    return {line_hash(*way): way for way in ways if way[0] in shared}


def note_written(shop: Shop, ways: Iterable[Way], now: datetime) -> None:
    """The shop writes this way: where the sender is shared, it will get the answers."""
    hashes = sorted(_on_line(shop, ways))
    if hashes:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, [shop.schema_name, now, hashes])


def stopped_on_line(shop: Shop, ways: Iterable[Way]) -> set[Way]:
    """Those that said stop to a sender it shares, whichever shop they meant; one query."""
    hashes = _on_line(shop, ways)
    if not hashes:
        return set()
    found = LineWord.objects.filter(address_hash__in=hashes, stopped=True)
    return {hashes[one] for one in found.values_list("pk", flat=True)}


@transaction.atomic
def keep(payload: dict[str, str]) -> None:
    """Store what came to the shared sender, once for each ``sid``; a worker hands it over."""
    key = hashlib.sha256(payload["sid"].encode()).hexdigest()
    reply, is_new = SharedReply.objects.get_or_create(key=key, defaults={"payload": payload})
    if is_new:
        enqueue(HAND_OVER, reply.pk)


def hand_over(reply_id: int) -> None:
    """Give an answer to the shops it is for. Interrupted anywhere, it is done again the same."""
    reply = SharedReply.objects.get(pk=reply_id)
    if reply.handed_at is not None:
        return
    said = reply.payload
    digest, meaning = (
        line_hash(said["channel"], said["from"]),
        meaning_of(said["channel"], said["body"]),
    )
    _stand(digest, meaning, reply.received_at)
    for schema in _whose(digest, meaning):
        with in_schema(schema), transaction.atomic():
            callback, is_new = Callback.objects.get_or_create(
                provider="reply",
                key=reply.key,
                defaults={"payload": dict(said), "received_at": reply.received_at},
            )
            if is_new:
                enqueue(APPLY, callback.pk)
    reply.payload, reply.handed_at = {"sid": said["sid"]}, timezone.now()
    reply.save(update_fields=["payload", "handed_at"])


def _stand(digest: str, meaning: str, at: datetime) -> None:
    """A stop closes the line to everybody, a start opens it; the later of the two counts."""
    if meaning == Meaning.WORDS:
        return
    said = {"stopped": meaning == Meaning.STOP, "at": at}
    _, is_new = LineWord.objects.get_or_create(pk=digest, defaults=said)
    if not is_new:
        LineWord.objects.filter(pk=digest, at__lt=at).update(**said)


def _whose(digest: str, meaning: str) -> list[str]:
    """The shops that must hear it: all for a stop, else the one that wrote last."""
    with across_shops():
        lines = SharedLine.objects.filter(address_hash=digest, shop__closed_at=None)
        schemas = list(lines.order_by("-written_at").values_list("shop__schema_name", flat=True))
    return schemas if meaning == Meaning.STOP else schemas[:1]


def forget_handed(before: datetime) -> None:
    """An event that was handed over long ago proves nothing any more."""
    SharedReply.objects.filter(handed_at__lt=before).delete()
