"""The code on a card's open page: another one every half minute, worth two minutes.

It names the card by its number and the moment by the server's clock, under the shop's own mark:
nobody else can make one, no clock of a phone has a say, and the card's own address, which opens
the page, does not stand in it. Who photographs it holds nothing two minutes later.
"""

import hmac
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from apps.core.tenancy import current_schema
from apps.core.tokens import keyed_hash

EVERY = timedelta(seconds=30)
LASTS = timedelta(minutes=2)
SIGN = "~"  # stands in no card's token
PATTERN = rf"{SIGN}[A-Za-z0-9_-]{{22}}"
_BODY, _MARK = struct.Struct(">II"), 8  # bytes; 64 bits, to be guessed at our door within LASTS


@dataclass(frozen=True, slots=True)
class Shown:
    """A code of ours: which card's, and the half minute it was shown in."""

    number: int
    step: int

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.step * EVERY.total_seconds(), UTC)

    def is_fresh(self, at: datetime) -> bool:
        """Whether it was worth something ``at`` that moment. Two servers' clocks may differ by a
        half minute."""
        return -EVERY <= at - self.at <= LASTS


def code_of(number: int, now: datetime) -> str:
    """What the page of the card with this number shows ``now``."""
    body = _BODY.pack(number, int(now.timestamp() // EVERY.total_seconds()))
    return SIGN + urlsafe_b64encode(body + _mark(body)).decode().rstrip("=")


def left(now: datetime) -> timedelta:
    """For how long still that is so."""
    return timedelta(seconds=EVERY.total_seconds() - now.timestamp() % EVERY.total_seconds())


def read(code: str) -> Shown | None:
    """None when it is no code of this shop."""
    if not re.fullmatch(PATTERN, code):
        return None
    told = urlsafe_b64decode(code[1:] + "==")
    body, mark = told[: _BODY.size], told[_BODY.size :]
    return Shown(*_BODY.unpack(body)) if hmac.compare_digest(mark, _mark(body)) else None


def _mark(body: bytes) -> bytes:
    return hmac.digest(_key(current_schema()), body, sha256)[:_MARK]


@lru_cache(maxsize=4096)
def _key(schema: str) -> bytes:
    return bytes.fromhex(keyed_hash("live code", schema))
