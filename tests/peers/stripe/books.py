"""What the fake knows: its objects by account, what happened, and every key it was given."""

import contextlib
import hashlib
import itertools
import json
import threading
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

Thing = dict[str, Any]
PLATFORM = "acct_1Comptoir00000000"
API_VERSION = "2026-08-26.dahlia"
PREFIX = {
    "account": "acct",
    "application_fee": "fee",
    "balance_transaction": "txn",
    "billing_portal.session": "bps",
    "charge": "ch",
    "checkout.session": "cs_test",
    "customer": "cus",
    "dispute": "dp",
    "event": "evt",
    "fee_refund": "fr",
    "invoice": "in",
    "invoice_payment": "inpay",
    "line_item": "il",
    "payment_intent": "pi",
    "payment_method": "pm",
    "payout": "po",
    "price": "price",
    "product": "prod",
    "refund": "re",
    "setup_intent": "seti",
    "subscription": "sub",
    "subscription_item": "si",
    "tax_rate": "txr",
}


class StripeError(Exception):
    """What Stripe answers instead: its status, kind, code and sentence."""

    def __init__(self, status: int, message: str, code: str = "", kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "error": {
                "type": kind or "invalid_request_error",
                "message": message,
                **({"code": code} if code else {}),
            }
        }


class Books:
    """Everything under one lock; written to ``path`` after each change when there is one."""

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.url = ""  # where its pages are
        self.path, self.ahead, self._numbers = path, 0.0, itertools.count(1)
        self.things: dict[str, Thing] = {}
        self.owners: dict[str, str] = {}  # id → the account that has it
        self.keys: dict[str, Thing] = {}  # idempotency keys
        self.events: list[Thing] = []
        self.delivered = 0  # how many of the events were taken
        if path and path.exists():
            self._read(path)

    def now(self) -> int:
        return int(time.time() + self.ahead)

    def new_id(self, kind: str) -> str:
        mark = hashlib.sha256(f"{kind}{next(self._numbers)}{time.time_ns()}".encode()).hexdigest()
        return f"{PREFIX[kind]}_{mark[:24]}"

    def put(self, thing: Thing, account: str = PLATFORM) -> Thing:
        self.things[thing["id"]], self.owners[thing["id"]] = thing, account
        return thing

    def find(self, kind: str, name: str, account: str = PLATFORM) -> Thing:
        """Raises what Stripe says of somebody else's, and of nothing."""
        found = self.things.get(name)
        if found is None or found["object"] != kind or self.owners[name] != account:
            raise StripeError(404, f"No such {kind}: '{name}'", "resource_missing")
        return found

    def all(self, kind: str, account: str = PLATFORM, **wanted: Any) -> list[Thing]:
        """Newest first, as Stripe lists."""
        found = [
            thing
            for name, thing in self.things.items()
            if thing["object"] == kind
            and self.owners[name] == account
            and all(thing.get(field) == value for field, value in wanted.items())
        ]
        return found[::-1]

    def emit(self, kind: str, thing: Thing, account: str = PLATFORM) -> Thing:
        """Something happened: an event with the object as it stands at this moment."""
        event = {
            "id": self.new_id("event"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(),
            "data": {"object": deepcopy(thing)},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
            **({"account": account} if account != PLATFORM else {}),
        }
        self.events.append(event)
        return event

    def _read(self, path: Path) -> None:
        kept = json.loads(path.read_text())
        for name in ("ahead", "things", "owners", "keys", "events", "delivered"):
            setattr(self, name, kept[name])

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        with self.lock:
            yield
            if self.path:
                names = ("ahead", "things", "owners", "keys", "events", "delivered")
                partial = self.path.with_suffix(".partial")
                partial.write_text(json.dumps({name: getattr(self, name) for name in names}))
                partial.replace(self.path)
