"""Understanding what providers posted: each stored event is applied once, in any order."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.contacts.models import Source
from apps.messaging import outbox
from apps.messaging.models import Attempt, Callback, Message, Status
from apps.messaging.outcome import Outcome
from apps.messaging.providers import twilio
from apps.messaging.replies import Heard, hear
from apps.messaging.stops import stop_address
from apps.shops.models import Shop

_BREVO = {
    "request": Outcome(Status.SENT),
    "delivered": Outcome(Status.DELIVERED),
    "soft_bounce": Outcome(Status.FAILED, "soft_bounce", again=True),
    "hard_bounce": Outcome(Status.FAILED, "bad_mailbox"),
    "invalid_email": Outcome(Status.FAILED, "bad_mailbox"),
    "blocked": Outcome(Status.FAILED, "blocked"),
    "error": Outcome(Status.FAILED, "refused"),
}


@transaction.atomic
def apply(callback_id: int, shop: Shop, now: datetime | None = None) -> None:
    """Carry a stored event into the story. A second run finds it applied."""
    now = now or timezone.now()
    unread = Callback.objects.select_for_update().filter(pk=callback_id, applied_at=None)
    callback = unread.first()
    if callback is None:
        return
    payload = callback.payload
    if callback.provider == "reply":
        _from_person(callback)
    else:
        attempt = Attempt.objects.select_related("message").get(token=payload["attempt"])
        if callback.provider == "twilio":
            outbox.record([(attempt.pk, _from_twilio(payload, attempt))], shop, now)
        else:
            _from_brevo(payload["event"], attempt, shop, now)
    callback.applied_at = now
    callback.save(update_fields=["applied_at", "payload"])


def _from_person(callback: Callback) -> None:
    """An answer: from here on it stands in the inbox alone."""
    said = callback.payload
    hear(
        Heard(
            key=callback.key,
            channel=said["channel"],
            sender=said.pop("from"),
            subject=said.pop("subject", ""),
            body=said.pop("body"),
            at=callback.received_at,
        )
    )


def _from_twilio(payload: dict[str, str], attempt: Attempt) -> Outcome:
    status = twilio.STATUSES[payload["status"]]
    if status == Status.FAILED:
        return Outcome.of(twilio.failure(payload["code"], own=bool(attempt.account)))
    return Outcome(status, reference=payload["sid"])


def _from_brevo(event: str, attempt: Attempt, shop: Shop, now: datetime) -> None:
    message: Message = attempt.message
    if event in _BREVO:
        outbox.record([(attempt.pk, _BREVO[event])], shop, now)
    else:  # the person pressed « spam » or Brevo's own way out
        own_word = event == "unsubscribed"
        stop_address(
            message.channel, message.to, source=Source.PROVIDER, now=now, own_word=own_word
        )
