"""Web push: a text sealed for one browser (RFC 8291), and the word that says who sends (RFC 8292).

No network here.
"""

import base64
import json
import os
import re
import struct
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

LONGEST = 3993  # bytes in the one record that every service takes
_RECORD = 4096
_WORD_HOURS = 12
_LONGEST_ADDRESS = 1000
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?")


class NotASubscription(ValueError):
    """What a browser handed over is not one, or leads where no push service is."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser that takes messages: where they are left for it, and how they are sealed."""

    endpoint: str
    p256dh: str
    auth: str

    @classmethod
    def read(cls, text: str) -> "Subscription":
        """From what ``PushSubscription.toJSON`` says. Raises ``NotASubscription``."""
        try:
            said = json.loads(text)
            found = cls(said["endpoint"], said["keys"]["p256dh"], said["keys"]["auth"])
            _receiver(found.p256dh)
            sound = len(unpacked(found.auth)) == 16 and found.endpoint.isascii()
        except (ValueError, KeyError, TypeError) as error:
            raise NotASubscription() from error
        if not sound or len(found.endpoint) > _LONGEST_ADDRESS or not is_served(found.endpoint):
            raise NotASubscription()
        return found


def packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def origin(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def is_served(endpoint: str) -> bool:
    """Whether a push service that we know keeps it: any other address is a way to our inside."""
    found = origin(endpoint)
    known = any(fnmatchcase(found, service) for service in settings.PUSH_SERVICES)
    return known and _ORIGIN.fullmatch(found) is not None


def _receiver(p256dh: str) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpacked(p256dh))


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def seal(text: bytes, to: Subscription) -> bytes:
    """``text`` (``LONGEST`` at most) as aes128gcm, which that browser alone opens."""
    receiver, own = _receiver(to.p256dh), ec.generate_private_key(ec.SECP256R1())
    salt, public = os.urandom(16), _point(own.public_key())
    shared = own.exchange(ec.ECDH(), receiver)
    both = b"WebPush: info\0" + _point(receiver) + public
    secret = _derived(shared, unpacked(to.auth), both, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + struct.pack(">IB", _RECORD, len(public)) + public
    return head + AESGCM(key).encrypt(nonce, text + b"\2", None)


@cache
def _own_key(scalar: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())


def public_key() -> str:
    """What a browser subscribes with; empty where the platform has no key."""
    return packed(_point(_own_key(settings.VAPID_KEY).public_key())) if settings.VAPID_KEY else ""


def authorization(endpoint: str) -> str:
    """The header that proves to the push service that the platform sends."""
    word = _word(settings.VAPID_KEY, origin(endpoint), int(time.time()) // 3600)
    return f"vapid t={word}, k={public_key()}"


@lru_cache(maxsize=32)
def _word(scalar: bytes, audience: str, hour: int) -> str:
    """Good for half a day, and made anew each hour."""
    claims = {
        "aud": audience,
        "exp": (hour + _WORD_HOURS) * 3600,
        "sub": f"mailto:{settings.PLATFORM_EMAIL_ADDRESS}",
    }
    return jwt.encode(claims, _own_key(scalar), "ES256")
