"""Stripe's API as we ask it: short waits, answers as plain dicts, and every write under a key that
says what it is for, so that asked twice it is done once."""

import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import stripe
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.core.refusal import Refusal

TIMEOUT = 10  # seconds
PAGE = 100  # the most Stripe lists at once
TOLERANCE = 300  # seconds; Stripe's own for the age of what it signs
Thing = dict[str, Any]

stripe.enable_telemetry = False


class NoStripe(Refusal):
    message = _("Les paiements ne sont pas branchés sur cette installation.")
    status = 404


class StripeSilent(Refusal):
    message = _("Stripe ne répond pas. Rien n’a été débité : réessayez dans un instant.")
    status = 503


class StripeRefused(Refusal):
    """``code`` is Stripe's; its own sentence, in English and with ids, is not shown."""

    message = _("Stripe a refusé cette demande (%(code)s). Rien n’a été débité.")
    status = 502

    def __init__(self, code: str) -> None:
        super().__init__(code=code)
        self.code = code


class Gone(StripeRefused):
    """There is no such thing at Stripe."""


class Forged(Exception):
    """Not signed by Stripe for us, or too long ago."""


@lru_cache(maxsize=4)
def _client(key: str, host: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": host},
        max_network_retries=2,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
    )


def _ask(method: str, path: str, **options: Any) -> Thing:
    if not settings.STRIPE_SECRET_KEY:
        raise NoStripe()
    client = _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL)
    try:
        found: Thing = client.raw_request(method, f"/v1/{path}", **options).data
        return found
    except stripe.InvalidRequestError as error:
        kind = Gone if error.code == "resource_missing" else StripeRefused
        raise kind(error.code or "invalid_request") from error
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
        raise StripeSilent() from error
    except stripe.StripeError as error:
        # Not every kind of its errors repeats the code that the answer holds.
        said: Any = error.json_body or {}
        code = said.get("error", {}).get("code")
        raise StripeRefused(code or type(error).__name__) from error


def read(path: str, *, on: str = "", **params: Any) -> Thing:
    """``on`` names the connected account whose things are meant. Never inside a transaction.

    Raises ``Gone``, ``StripeSilent`` or ``StripeRefused``.
    """
    return _ask("get", path, stripe_account=on or None, **params)


def every(path: str, *, on: str = "", **params: Any) -> Iterator[Thing]:
    """All of a list, page after page."""
    after: Thing = {}
    while True:
        page = read(path, on=on, limit=PAGE, **params, **after)
        yield from page["data"]
        if not page["has_more"]:
            return
        after = {"starting_after": page["data"][-1]["id"]}


def write(path: str, purpose: str, *, on: str = "", **params: Any) -> Thing:
    """``purpose`` names the act; the same one with the same words is one act for Stripe."""
    said = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()[:16]
    key = f"comptoir:{purpose}:{said}"
    return _ask("post", path, idempotency_key=key, stripe_account=on or None, **params)


def end(path: str, *, on: str = "") -> None:
    """Take away what stands at ``path``, or stood there."""
    try:
        _ask("delete", path, stripe_account=on or None)
    except Gone:
        return


def verified(body: bytes, signature: str) -> Thing:
    """The event in ``body``. Raises ``Forged``."""
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE)
            found = json.loads(body)
        except (stripe.SignatureVerificationError, ValueError):
            continue
        return found if isinstance(found, dict) else {}
    raise Forged
