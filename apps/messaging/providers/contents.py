"""Where templates are kept and approved: Twilio's Content API, or this machine.

https://www.twilio.com/docs/content/content-api-resources
"""

import json
from functools import cache
from typing import Any, Protocol

from django.conf import settings

from apps.messaging.providers.base import Account, DeliveryUncertain, Written
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
    """In the books of ``account``, a shop's own; None: the platform's. Raises as ``send``."""

    def create(self, written: Written, account: Account | None) -> str:
        """Make it and ask for its approval; the provider's name for it."""

    def review(self, reference: str, account: Account | None) -> tuple[str, str]:
        """What became of it, a value of ``models.Review``, and why."""


@cache
def contents() -> Contents:
    return TwilioContents() if settings.SMS_PROVIDER == "twilio" else LocalContents()


class TwilioContents(Twilio):
    def create(self, written: Written, account: Account | None) -> str:
        made = self._ask(
            account,
            "POST",
            "",
            friendly_name=written.name,
            language="fr",
            variables=written.samples,
            types={"twilio/text": {"body": written.body}},
        )
        reference = str(made["sid"])
        submitted = {"name": written.name, "category": written.category.upper()}
        self._ask(account, "POST", f"/{reference}/ApprovalRequests/whatsapp", **submitted)
        return reference

    def review(self, reference: str, account: Account | None) -> tuple[str, str]:
        told = self._ask(account, "GET", f"/{reference}/ApprovalRequests").get("whatsapp") or {}
        status, why = str(told.get("status")), str(told.get("rejection_reason") or "")
        return REVIEWS.get(status, "pending"), why

    def _ask(self, account: Account | None, method: str, path: str, **said: Any) -> dict[str, Any]:
        client = self._client_for(account)
        there = f"{settings.TWILIO_CONTENT_URL}/v1/Content{path}"
        headers = {"Content-Type": "application/json"} if said else {}
        answer = client.request(method, there, data=said or None, headers=headers)
        try:
            told: dict[str, Any] = json.loads(answer.text)
            if answer.status_code < 400:
                return told
            raise failure(told.get("code") or answer.status_code, own=account is not None)
        except UNREADABLE as error:
            raise DeliveryUncertain("no_answer") from error
