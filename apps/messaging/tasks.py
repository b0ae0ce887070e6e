"""What the workers run for this room."""

from datetime import timedelta

from django.utils import timezone

from apps.core import due
from apps.core.jobs import enqueue
from apps.core.tenancy import current_schema, in_schema
from apps.messaging import (
    accounts,
    budget,
    callbacks,
    draining,
    lines,
    outbox,
    quality,
    replies,
    stops,
    telling,
    templates,
)
from apps.messaging.models import Callback, Kind
from apps.shops import mail_identity
from apps.shops.models import Shop
from apps.shops.services import every_open_shop

UNHEARD = timedelta(minutes=1)  # what was stored longer ago has lost its job


def _this_shop() -> Shop:
    return Shop.objects.get(schema_name=current_schema())


def drain() -> None:
    """Send what is due of this shop's outbox."""
    draining.drain(_this_shop())


def hurry() -> None:
    """Send what somebody waits for: codes, receipts, card links."""
    draining.drain(_this_shop(), [Kind.SERVICE])


def apply_callback(callback_id: int) -> None:
    """A stored answer, understood."""
    callbacks.apply(callback_id, _this_shop())


def apply_callbacks() -> None:
    """What providers told since somebody last listened."""
    callbacks.apply_waiting(_this_shop())


def submit_template(template_id: int) -> None:
    """A text for WhatsApp is handed in for approval."""
    templates.submit(template_id, _this_shop())


def look_at_template(template_id: int, asks: int) -> None:
    """What WhatsApp says of it by now."""
    templates.look(template_id, asks, _this_shop())


def hand_over(reply_id: int) -> None:
    """In public: an answer to the shared sender, to the shops it is for."""
    lines.hand_over(reply_id)


def forget_old_callbacks(days: int = 90) -> None:
    """Recurring, in public: an event that was applied long ago proves nothing any more, and an
    account that was left long ago has no more news."""
    now = timezone.now()
    limit = now - timedelta(days=days)
    lines.forget_handed(limit)
    for shop in every_open_shop():
        accounts.forget_unused(shop, now)
        replies.forget_strangers(limit)
        Callback.objects.filter(received_at__lt=limit).delete()


def look_at_mail_domains() -> None:
    """Recurring, in public: a domain that lets us write no more loses its shop's mails nothing:
    they leave from the platform's address, and the team is told."""
    now = timezone.now()
    for shop in Shop.objects.exclude(mail_proven_at=None).filter(closed_at=None):
        with in_schema(shop.schema_name):
            if not mail_identity.look_again(shop, now):
                stops.alert("mail_domain_lost", now=now)


def judge() -> None:
    """Whether people still want what this shop sends."""
    quality.settle(_this_shop(), timezone.now())


def look_at_quality() -> None:
    """Recurring, in public: where a stop or a bad address came in."""
    due.look(quality.DUE, judge, bulk=True)


def tell_owners(percent: int) -> None:
    """The month's budget is spent to that share."""
    telling.tell_owners(_this_shop(), percent, timezone.now())


def sweep() -> None:
    """Recurring, in public: a drain for each shop that has something due or left hanging, and a
    listener where news wait.

    The outbox wakes itself; this is the net under it (a queue that was emptied by hand).
    """
    now = timezone.now()
    for shop in every_open_shop():
        budget.look_again(shop, now)
        if callbacks.waiting().filter(received_at__lt=now - UNHEARD).exists():
            enqueue(apply_callbacks)
        moment = outbox.next_moment(now)
        if outbox.more_is_due(shop, now) or (moment and moment <= now):
            enqueue(drain, bulk=True)
