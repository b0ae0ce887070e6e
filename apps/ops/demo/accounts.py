"""Who signs in to the demonstration, and how. Plain data: the launcher reads it without Django."""

import base64
import hashlib
import hmac
import struct
import time
from dataclasses import dataclass

PASSWORD = "vive-le-comptoir"  # noqa: S105  # of a demonstration, printed on its first page
PIN = "3586"  # theirs on the phone beside the till
TOTP_SECRET = base64.b32encode(b"comptoir-demo-2026!!").decode()


@dataclass(frozen=True, slots=True)
class Person:
    """``roles``: a shop's address → the role there."""

    email: str
    name: str
    roles: dict[str, str]
    is_staff: bool = False


PEOPLE = (
    Person("claire@exemple.fr", "Claire Fontaine", {"cave": "owner", "cafe": "manager"}),
    Person("karim@exemple.fr", "Karim Benali", {"cave": "manager"}),
    Person("lea@exemple.fr", "Léa Moreau", {"cave": "helper"}),
    Person("nora@exemple.fr", "Nora Lefèvre", {"cafe": "owner"}),
    Person("yanis@exemple.fr", "Yanis Diallo", {"sneakers": "owner"}),
    Person("equipe@exemple.fr", "Équipe Comptoir", {}, is_staff=True),
)


def code_now() -> str:
    """The second factor of the platform's staff at this moment (RFC 6238)."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(TOTP_SECRET), counter, hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"
