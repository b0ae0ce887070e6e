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

from django.utils import timezone

from apps.invoicing.models import Chain, Record, RecordKind

GENESIS = "0" * 64


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

    @property
    def on(self) -> date:
        return timezone.localdate(self.at)

    def write(self, kind: RecordKind, facts: dict[str, Any]) -> Record:
        """Seal ``facts`` here. Whoever rolls back leaves nothing, not even a hole."""
        chain, number = self.chain, self.chain.number + 1
        head = {"record": number, "previous": chain.hash, "kind": kind.value}
        when = {"at": self.at.astimezone(UTC).isoformat(), "on": self.on.isoformat()}
        body = canonical({**head, **when, **facts})
        record = Record.objects.create(
            number=number, kind=kind, at=self.at, on=self.on, body=body, hash=digest(body)
        )
        chain.number, chain.hash, chain.at = number, record.hash, self.at
        chain.save(update_fields=["number", "hash", "at"])
        return record


def next_place(now: datetime) -> Place:
    """Take the chain's lock. Who waited for it comes after those they waited for: a record is
    never dated before the one it follows."""
    chain = Chain.objects.select_for_update().first()
    if chain is None:
        Chain.objects.get_or_create(only=True, defaults={"hash": GENESIS})
        chain = Chain.objects.select_for_update().get()
    return Place(chain, max(now, chain.at or now))
