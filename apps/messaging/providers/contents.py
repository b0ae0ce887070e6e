"""Where templates are kept and approved: Twilio's Content API, or this machine.

https://www.twilio.com/docs/content/content-api-resources
"""

import json
from functools import cache
from typing import Any, Protocol

from django.conf import settings

from apps.messaging.providers.base import DeliveryUncertain
from apps.messaging.providers.local import LocalContents
from apps.messaging.providers.twilio import UNREADABLE, Twilio, failure

# What Twilio calls each state, in the words of ``models.Review``.
REVIEWS = {
    "unsubmitted": "pending",
    "received": "pending",
    "pending": "pending",
    "approved": "approved",
    "rejected": "rejected",
    "paused": "paused",
    "disabled": "paused",
}


class Contents(Protocol):
    def create(self, name: str, body: str, samples: dict[str, str], category: str) -> str:
        """Make it and ask for its approval; the provider's name for it. Raises as ``send``."""

    def review(self, reference: str) -> tuple[str, str]:
        """What became of it, a value of ``models.Review``, and why."""


@cache
def contents() -> Contents:
    return TwilioContents() if settings.SMS_PROVIDER == "twilio" else LocalContents()


class TwilioContents(Twilio):
    def create(self, name: str, body: str, samples: dict[str, str], category: str) -> str:
        made = self._ask(
            "POST",
            "",
            friendly_name=name,
            language="fr",
            variables=samples,
            types={"twilio/text": {"body": body}},
        )
        reference = str(made["sid"])
        submitted = {"name": name, "category": category.upper()}
        self._ask("POST", f"/{reference}/ApprovalRequests/whatsapp", **submitted)
        return reference

    def review(self, reference: str) -> tuple[str, str]:
        told = self._ask("GET", f"/{reference}/ApprovalRequests").get("whatsapp") or {}
        status, why = str(told.get("status")), str(told.get("rejection_reason") or "")
        return REVIEWS.get(status, "pending"), why

    def _ask(self, method: str, path: str, **said: Any) -> dict[str, Any]:
        there = f"{settings.TWILIO_CONTENT_URL}/v1/Content{path}"
        headers = {"Content-Type": "application/json"} if said else {}
        answer = self._client.request(method, there, data=said or None, headers=headers)
        try:
            told: dict[str, Any] = json.loads(answer.text)
            if answer.status_code < 400:
                return told
            raise failure(told.get("code") or answer.status_code)
        except UNREADABLE as error:
            raise DeliveryUncertain("no_answer") from error
