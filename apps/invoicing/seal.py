"""The chain that seals a shop's invoices, payments and closures.

A record's body is one line of JSON: UTF-8, keys in order, no space, no escape but those JSON asks
for. It holds its own number (``record``, from 1), the moment (``at``) and the hash of the record
before (``previous``; 64 zeros before the first). Its hash is the SHA-256 of exactly these bytes:
``sha256sum`` on the line, without its end, proves it in any year and without this program.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.core.reading import columns, instance, one
from apps.invoicing.models import Chain, Record, RecordKind

GENESIS = "0" * 64
_LOCK = f"SELECT {columns(Chain, 'chain')} FROM invoicing_chain chain FOR UPDATE"
_WRITE = """
WITH sealed AS (
    INSERT INTO invoicing_record (number, kind, at, "on", body, hash)
    VALUES (%(number)s, %(kind)s, %(at)s, %(on)s, %(body)s, %(hash)s))
UPDATE invoicing_chain SET number = %(number)s, hash = %(hash)s, at = %(at)s
"""


def canonical(facts: dict[str, Any]) -> str:
    """The one way to write facts down. Amounts are whole cents: no number has a comma."""
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next record goes; held by the chain's lock until the transaction ends."""

    chain: Chain
    at: datetime
    on: date  # by the shop's clock

    def write(self, kind: RecordKind, facts: dict[str, Any]) -> Record:
        """Seal ``facts`` here. Whoever rolls back leaves nothing, not even a hole."""
        chain, number = self.chain, self.chain.number + 1
        head = {"record": number, "previous": chain.hash, "kind": kind.value}
        when = {"at": self.at.astimezone(UTC).isoformat(), "on": self.on.isoformat()}
        body = canonical({**head, **when, **facts})
        sealed: dict[str, Any] = {"number": number, "kind": kind.value, "at": self.at}
        sealed |= {"on": self.on, "body": body, "hash": digest(body)}
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, sealed)
        chain.number, chain.hash, chain.at = number, sealed["hash"], self.at
        return Record(**sealed)


def next_place(now: datetime) -> Place:
    """Take the chain's lock. Who waited for it comes after those they waited for: a record is
    never dated before the one it follows."""
    row = one(_LOCK, [])
    if row is None:
        Chain.objects.get_or_create(only=True, defaults={"hash": GENESIS})
        row = one(_LOCK, [])
    assert row
    chain = instance(Chain, row)
    at = max(now, chain.at or now)
    return Place(chain, at, timezone.localdate(at))
