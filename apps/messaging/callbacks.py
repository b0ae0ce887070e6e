"""What providers posted: stored once, then understood once, in any order, many at a time."""

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.contacts.models import Source
from apps.core.jobs import enqueue
from apps.core.rows import update_rows
from apps.core.tenancy import in_schema
from apps.messaging import outbox
from apps.messaging.models import Attempt, Callback, Message, Status
from apps.messaging.outcome import Outcome
from apps.messaging.providers import twilio
from apps.messaging.replies import Heard, hear
from apps.messaging.stops import stop_address
from apps.messaging.waking import HEARD_OF, have_heard, heard_of, listening
from apps.shops.models import Shop

BATCH = 200
BUDGET = 20.0  # seconds; a job lives one minute at most
REPLY = "reply"  # the provider of what people wrote themselves
APPLY = "apps.messaging.tasks.apply_callback"
# One statement for each of many callbacks: of a try that is ours, the first time it is told, and
# while somebody will listen, or ``anyway``. It names its schema: to step into it and back would be
# two messages more.
_STORE = f"""
WITH known AS (SELECT FROM {{s}}.messaging_attempt WHERE token = %s AND account = %s),
mark AS ({HEARD_OF}),
stored AS (
  INSERT INTO {{s}}.messaging_callback (provider, key, payload, received_at)
  SELECT %s, %s, %s::jsonb, %s
  WHERE (%s OR EXISTS (SELECT FROM known)) AND (EXISTS (SELECT FROM mark) OR %s)
  ON CONFLICT DO NOTHING RETURNING id)
SELECT EXISTS (SELECT FROM known), (SELECT id FROM stored), EXISTS (SELECT FROM mark)
"""
_BREVO = {
    "request": Outcome(Status.SENT),
    "delivered": Outcome(Status.DELIVERED),
    "soft_bounce": Outcome(Status.FAILED, "soft_bounce", again=True),
    "hard_bounce": Outcome(Status.FAILED, "bad_mailbox"),
    "invalid_email": Outcome(Status.FAILED, "bad_mailbox"),
    "blocked": Outcome(Status.FAILED, "blocked"),
    "error": Outcome(Status.FAILED, "refused"),
}


def store(
    shop: Shop,
    provider: str,
    attempt: object,
    payload: dict[str, Any],
    *,
    key: str = "",
    account: str = "",
) -> bool:
    """Once per event, by ``key`` or by all that it says: a replay enqueues nothing.

    ``attempt`` is the token of the try it is about; what a person wrote is about none. News of it
    is heard from the ``account`` that took it, and from no other. False when there is no such try:
    nothing is stored.
    """
    kept, now = {**payload, "attempt": attempt}, timezone.now()
    told = json.dumps(kept, sort_keys=True)
    key = hashlib.sha256((key or told).encode()).hexdigest()
    is_reply = provider == REPLY
    token = attempt if isinstance(attempt, str) else ""
    statement = _STORE.format(s=connection.ops.quote_name(shop.schema_name))
    values = (token, account, *heard_of(now), provider, key, told, now, is_reply)
    if not is_reply:
        # A transaction of its own: while somebody will listen there is no job to go with it.
        known, _stored, is_heard = _put(statement, values, anyway=False)
        if is_heard or not known:
            return known
    with transaction.atomic():
        known, callback_id, is_heard = _put(statement, values, anyway=True)
        if callback_id and (is_reply or not is_heard):
            with in_schema(shop.schema_name):
                if is_reply:
                    enqueue(APPLY, callback_id)
                else:
                    have_heard(now)
    return known or is_reply


def _put(statement: str, values: Sequence[Any], *, anyway: bool) -> tuple[bool, int | None, bool]:
    """Whether the try is known, the number of what was stored, and whether it will be heard."""
    with connection.cursor() as cursor:
        cursor.execute(statement, (*values, anyway))
        known, stored, is_heard = cursor.fetchone()
    return known, stored, is_heard


@transaction.atomic
def apply(callback_id: int, shop: Shop, now: datetime | None = None) -> None:
    """Carry a stored event into the story. A second run finds it applied."""
    unread = Callback.objects.select_for_update().filter(pk=callback_id, applied_at=None)
    _carry(list(unread), shop, now or timezone.now())


def apply_waiting(shop: Shop, now: datetime | None = None) -> None:
    """Carry the news that wait into the story, a batch at a time.

    What people wrote has jobs of its own: one answer that cannot be understood must hold up
    nothing else.
    """
    began = time.monotonic()
    with transaction.atomic():
        listening()
    while _apply_batch(shop, now or timezone.now()):
        if time.monotonic() > began + BUDGET:
            with transaction.atomic():
                have_heard(timezone.now())
            return


def waiting() -> "QuerySet[Callback]":
    """The news that are not carried into the story yet, oldest first."""
    return Callback.objects.filter(applied_at=None).exclude(provider=REPLY).order_by("pk")


@transaction.atomic
def _apply_batch(shop: Shop, now: datetime) -> int:
    unread = list(waiting().select_for_update(skip_locked=True)[:BATCH])
    _carry(unread, shop, now)
    return len(unread)


def _carry(callbacks: Sequence[Callback], shop: Shop, now: datetime) -> None:
    """Into the messages first, then to the people: the order in which a worker locks them. What
    was erased since has no story any more."""
    tokens = [callback.payload.get("attempt") for callback in callbacks]
    tries = {attempt.token: attempt for attempt in Attempt.objects.filter(token__in=tokens)}
    news: dict[int, list[Outcome]] = defaultdict(list)
    for callback in callbacks:
        attempt = tries.get(callback.payload.get("attempt"))
        if attempt and (outcome := _outcome(callback, attempt)):
            news[attempt.pk].append(outcome)
    while news:  # each round one of each try
        outbox.record([(pk, told.pop(0)) for pk, told in news.items()], shop, now)
        news = {pk: told for pk, told in news.items() if told}
    for callback in callbacks:
        attempt = tries.get(callback.payload.get("attempt"))
        if callback.provider == REPLY:
            _from_person(callback)
        elif attempt and not _outcome(callback, attempt):
            _stop(callback.payload["event"], attempt.message, now)
        callback.applied_at = now
    update_rows(callbacks, "applied_at")
    update_rows([callback for callback in callbacks if callback.provider == REPLY], "payload")


def _stop(event: str, message: Message, now: datetime) -> None:
    """The person pressed « spam » or Brevo's own way out."""
    own_word = event == "unsubscribed"
    stop_address(message.channel, message.to, source=Source.PROVIDER, now=now, own_word=own_word)


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


def _outcome(callback: Callback, attempt: Attempt) -> Outcome | None:
    """None for what says nothing of the try."""
    told = callback.payload
    if callback.provider == "brevo":
        return _BREVO.get(told["event"])
    status = twilio.STATUSES[told["status"]]
    if status == Status.FAILED:
        return Outcome.of(twilio.failure(told["code"], own=bool(attempt.account)))
    return Outcome(status, reference=told["sid"])
