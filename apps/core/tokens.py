"""Unguessable names: what opens a door by being known must be long and random."""

import hashlib
import hmac
import secrets

from django.conf import settings

# No 0/O, 1/I/L: read aloud over a counter without a doubt.
READABLE = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def new_token() -> str:
    """22 URL-safe characters, 128 random bits."""
    return secrets.token_urlsafe(16)


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def short(number: int) -> str:
    """``number`` in as few signs as a link can have; ``int(…, 36)`` reads it."""
    found = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        found = _DIGITS[digit] + found
    return found or "0"


def readable_code(length: int) -> str:
    return "".join(secrets.choice(READABLE) for _ in range(length))


def keyed_hash(purpose: str, text: str) -> str:
    """A hash that says nothing without the server's key; outlives the erasure of ``text``."""
    key = f"{purpose}:{settings.SECRET_KEY}".encode()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
