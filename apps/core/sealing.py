"""Authenticated encryption of what is kept for later, bound to the place where it lies.

AES-256-GCM under the keys of ``VAULT_KEYS``: the first seals, every one opens. ``place`` is sealed
along (associated data): what is copied elsewhere does not open there. The keys are in no database
and in no backup.
"""

import hashlib
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE = 12  # bytes; at random, as SP 800-38D § 8.2.2 allows for some billions under one key


class Unopenable(Exception):
    """Sealed by a key that is not here, changed, or moved from where it lay."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """``by`` tells which key, and nothing of it."""

    by: str
    data: bytes


def key_name(key: bytes) -> str:
    return hashlib.sha256(b"vault key:" + key).hexdigest()[:16]


def first_key() -> str:
    """The name of the key that seals."""
    return key_name(settings.VAULT_KEYS[0])


def seal(secret: bytes, place: str) -> Sealed:
    key, nonce = settings.VAULT_KEYS[0], secrets.token_bytes(NONCE)
    return Sealed(key_name(key), nonce + AESGCM(key).encrypt(nonce, secret, place.encode()))


def unseal(sealed: Sealed, place: str) -> bytes:
    """Raises ``Unopenable``."""
    key = next((one for one in settings.VAULT_KEYS if key_name(one) == sealed.by), None)
    if key is None:
        raise Unopenable
    nonce, text = sealed.data[:NONCE], sealed.data[NONCE:]
    try:
        return AESGCM(key).decrypt(nonce, text, place.encode())
    except (InvalidTag, ValueError) as error:  # ValueError: cut too short to be read
        raise Unopenable from error
