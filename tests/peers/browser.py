"""A browser that takes notifications, and the push service that keeps them for it.

What arrives is opened here by the letter of RFC 8188 and 8291, with hashes of its own: nothing of
``apps.core.webpush`` judges itself.
"""

import hashlib
import hmac
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def packed(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unpacked(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


class Browser:
    def __init__(self, service: str, name: str = "telephone") -> None:
        self.path = f"/push/{name}"
        self.endpoint = service + self.path
        self.hold(packed(secrets.token_bytes(32)), packed(secrets.token_bytes(16)))

    def hold(self, key: str, auth: str) -> None:
        """These keys: the private scalar, and the secret that both sides know."""
        self.key = ec.derive_private_key(int.from_bytes(unpacked(key), "big"), ec.SECP256R1())
        public = self.key.public_key()
        self.point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.auth = unpacked(auth)

    def subscription(self, **other: Any) -> str:
        """As ``JSON.stringify(subscription)`` says it."""
        keys = {"p256dh": packed(self.point), "auth": packed(self.auth)}
        return json.dumps({"endpoint": self.endpoint, "expirationTime": None, "keys": keys} | other)

    def open(self, sealed: bytes) -> bytes:
        salt, (size, length) = sealed[:16], struct.unpack(">IB", sealed[16:21])
        sender, record = sealed[21 : 21 + length], sealed[21 + length :]
        assert len(record) <= size
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self.key.exchange(ec.ECDH(), public)
        secret = _hmac(_hmac(self.auth, shared), b"WebPush: info\0" + self.point + sender + b"\1")
        pseudo = _hmac(salt, secret)
        key = _hmac(pseudo, b"Content-Encoding: aes128gcm\0\1")[:16]
        nonce = _hmac(pseudo, b"Content-Encoding: nonce\0\1")[:12]
        text = AESGCM(key).decrypt(nonce, record, None)
        assert text[-1:] == b"\2", "the last record says that it is"
        return text[:-1]


def who_sends(authorization: str) -> dict[str, Any]:
    """What a push service reads in the header, once the signature holds."""
    scheme, _, rest = authorization.partition(" ")
    assert scheme == "vapid"
    said = dict(part.strip().split("=", 1) for part in rest.split(","))
    text, _, signature = said["t"].rpartition(".")
    raw = unpacked(signature)
    pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    known = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpacked(said["k"]))
    known.verify(pair, text.encode(), ec.ECDSA(SHA256()))
    head, claims = (json.loads(unpacked(part)) for part in text.split("."))
    assert head == {"typ": "JWT", "alg": "ES256"}
    return {**claims, "k": said["k"]}
