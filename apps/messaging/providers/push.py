"""Notifications, left with the push service of each of a person's browsers."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

import requests
from django.utils import timezone

from apps.core.outgoing import retry_after
from apps.core.webpush import LONGEST, Subscription, authorization, is_served, packed, seal
from apps.messaging.models import Status
from apps.messaging.providers.base import (
    Capabilities,
    DeliveryFailed,
    DeliveryUncertain,
    Outgoing,
    Receipt,
    network_failure,
)

GONE = "push_gone"  # the browser forgot that it had subscribed
TIMEOUTS = (3, 4)  # one after the other, four browsers stay within ``outbox.STUCK``
_LINK = re.compile(r"\s*(https?://\S+)\s*")
_REFUSED = {400: "push_refused", 401: "push_refused", 403: "push_refused", 413: "push_too_long"}
Answer = Receipt | DeliveryFailed | DeliveryUncertain


class WebPush:
    name = "webpush"
    can = Capabilities()

    def send(self, message: Outgoing) -> Receipt:
        """To each browser. It has left once one of them has it: nobody is written to twice
        because another phone was away."""
        if message.browsers is None:  # a test to a phone of the team: nobody subscribed it
            raise DeliveryFailed("no_address", permanent=True)
        text, name = _said(message)
        if len(text) > LONGEST:
            raise DeliveryFailed("push_too_long", permanent=True)
        left = int((message.browsers.until - timezone.now()).total_seconds())
        headers = {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(max(0, left)),
            "Urgency": "normal" if message.commercial else "high",
            "Topic": name,  # left again after a lost answer, it takes the place of the first
        }
        return _whole([(to, _post(to, text, headers)) for to in message.browsers.each])

    def look_up(self, message: Outgoing, since: datetime) -> None:
        """No push service tells what it took."""


def _said(message: Outgoing) -> tuple[bytes, str]:
    """What the worker of the card's page shows (the shop, the text, where a tap leads), and a
    name for it: shown again, it replaces itself."""
    links = _LINK.findall(message.body)
    said = {
        "title": message.sender_name,
        "text": _LINK.sub(" ", message.body).strip().removesuffix(":").rstrip(),
        "to": links[-1] if links else message.stop_url,
        "stop": message.stop_url if message.commercial else "",
    }
    name = packed(sha256(json.dumps(said).encode()).digest())[:22]
    return json.dumps({**said, "tag": name}, ensure_ascii=False).encode(), name


def _post(to: Subscription, text: bytes, headers: dict[str, str]) -> Answer:
    if not is_served(to.endpoint):
        return DeliveryFailed("push_refused", permanent=True)
    signed = {**headers, "Authorization": authorization(to.endpoint)}
    try:
        answer = requests.post(
            to.endpoint, seal(text, to), headers=signed, timeout=TIMEOUTS, allow_redirects=False
        )
    except requests.RequestException as error:
        return network_failure(error)
    if answer.status_code in {200, 201, 202, 204}:
        return Receipt(answer.headers.get("Location", "")[-120:], Status.SENT)
    return _failure(answer)


def _failure(answer: requests.Response) -> DeliveryFailed:
    status = answer.status_code
    if status in {404, 410}:
        return DeliveryFailed(GONE, permanent=True)
    if status == 429 or status >= 500:
        wait = retry_after(answer.headers.get("Retry-After"))
        code = "too_fast" if status == 429 else f"push_{status}"
        return DeliveryFailed(code, retry_after=wait)
    return DeliveryFailed(_REFUSED.get(status, f"push_{status}"), permanent=True)


def _whole(answers: Sequence[tuple[Subscription, Answer]]) -> Receipt:
    """The best of what the services answered."""
    best = min((answer for _to, answer in answers), key=_rank)
    gone = tuple(to.endpoint for to, answer in answers if _is_gone(answer))
    if isinstance(best, Receipt):
        return replace(best, gone=gone)
    if isinstance(best, DeliveryFailed):
        best.gone = gone
    raise best


def _is_gone(answer: Answer) -> bool:
    return isinstance(answer, DeliveryFailed) and answer.code == GONE


def _rank(answer: Answer) -> int:
    if isinstance(answer, Receipt):
        return 0
    if isinstance(answer, DeliveryUncertain):
        return 1
    return 4 if _is_gone(answer) else 2 + answer.permanent
