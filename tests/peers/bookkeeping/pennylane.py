"""Pennylane's company API v2 and its OAuth2, as https://pennylane.readme.io/reference describes
them: codes that open once and know who began (RFC 7636), refresh tokens that turn, unique
references, amounts as text, and when to come back for who asks too fast."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.messaging.peers import Answer, Call, http_peer, says
from tests.peers.bookkeeping import Program, Said

CLIENT, SECRET = "comptoir-app", "comptoir-secret"
RATES = {"FR_200", "FR_100", "FR_55", "FR_21", "FR_85", "exempt"}
API = "/api/external/v2/"


@dataclass
class Pennylane(Program):
    codes: dict[str, str] = field(default_factory=dict)  # → the challenge it was asked with
    refresh: set[str] = field(default_factory=set)
    lives: int = 86_400
    turns: int = 0
    company: dict[str, Any] = field(default_factory=lambda: {"id": 4242, "name": "Cave du Marché"})
    customers: dict[int, dict[str, Any]] = field(default_factory=dict)
    invoices: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: dict[int, bytes] = field(default_factory=dict)
    transactions: list[dict[str, Any]] = field(default_factory=list)
    matched: dict[int, list[int]] = field(default_factory=dict)

    def too_many(self, seconds: float) -> Answer:
        wait = str(int(seconds) + 1)
        said = {"error": f"Rate limit exceeded. Please retry in {wait} seconds.", "status": 429}
        return says(429, said, retry_after=wait, ratelimit_limit="25", ratelimit_remaining="0")

    # --- OAuth2 --------------------------------------------------------------------------------

    def grant(self, address: str) -> str:
        """The owner says yes on their page: where the browser goes on."""
        asked = {name: one[0] for name, one in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked["code_challenge"]
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def let_in(self) -> dict[str, Any]:
        self.turns += 1
        access, fresh = f"access-{self.turns}-{'x' * 24}", f"refresh-{self.turns}-{'x' * 24}"
        self.tokens, self.refresh = {access}, {fresh}
        said = {"access_token": access, "refresh_token": fresh}
        return {**said, "token_type": "Bearer", "expires_in": self.lives}

    def withdraw(self) -> None:
        """The owner took our access away over there."""
        self.tokens.clear()
        self.refresh.clear()

    def _token(self, form: dict[str, str]) -> Said:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        if form["grant_type"] == "refresh_token":
            good = form["refresh_token"] in self.refresh
        else:
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            good = self.codes.pop(form["code"], None) == challenge
        return (200, self.let_in()) if good else (400, {"error": "invalid_grant"})

    # --- the API -------------------------------------------------------------------------------

    def carry_out(self, call: Call) -> Said:
        if call.path == "/oauth/token":
            return self._token(call.form)
        if call.path == "/oauth/revoke":
            self.withdraw()
            return 200, {}
        if not self.knows(call):
            return 401, {"error": "Access token is missing or invalid", "status": 401}
        parts = call.path.removeprefix(API).strip("/").split("/")
        read = self._read if call.method == "GET" else self._write
        return read(parts, call) or (404, {"error": "Not found", "status": 404})

    def _read(self, parts: list[str], call: Call) -> Said | None:
        lists: dict[str, list[Any]] = {
            "customers": list(self.customers.values()),
            "customer_invoices": list(self.invoices.values()),
            "transactions": self.transactions,
        }
        match parts:
            case ["me"]:
                return 200, {"user": {"id": 1}, "company": self.company, "scopes": []}
            case ["customer_invoices", name, "matched_transactions"]:
                of = self.matched.get(int(name), [])
                found = [one for one in self.transactions if one["id"] in of]
                return 200, {"items": found, "has_more": False, "next_cursor": None}
            case [kind] if kind in lists:
                return 200, _listed(call, lists[kind])
        return None

    def _write(self, parts: list[str], call: Call) -> Said | None:
        match [call.method, *parts]:
            case ["POST", "customer_invoices", name, "matched_transactions"]:
                self.matched.setdefault(int(name), []).append(call.json["transaction_id"])
                return 204, ""
            case ["PUT", "customer_invoices", name, "mark_as_paid"]:
                self.invoices[int(name)]["paid"] = True
                return 204, ""
            case ["POST", "file_attachments"]:
                return self._file(call)
            case ["POST", "customer_invoices", "import"]:
                return self._import(call.json)
            case [method, "company_customers" | "individual_customers" as kind, *name]:
                return self._customer(method, kind, name, call.json)
        return None

    def _customer(self, method: str, kind: str, name: list[str], said: dict[str, Any]) -> Said:
        needed = {"name"} if kind == "company_customers" else {"first_name", "last_name"}
        if missing := {*needed, "billing_address"} - {key for key, value in said.items() if value}:
            details = {key: ["is missing"] for key in sorted(missing)}
            return 422, {"error": "Unprocessable entity", "status": 422, "details": details}
        reference = said.get("external_reference")
        if method == "POST" and reference in {
            one["external_reference"] for one in self.customers.values()
        }:
            return 409, {"error": "external_reference has already been taken", "status": 409}
        key = int(name[0]) if name else 100 + len(self.customers)
        self.customers[key] = {**self.customers.get(key, {}), **said, "id": key}
        return (200 if name else 201), self.customers[key]

    def _file(self, call: Call) -> Said:
        content = re.search(rb"\r\n\r\n(%PDF.*?)\r\n--", call.raw, re.DOTALL)
        if not content:
            return 422, {"error": "file is not supported", "status": 422}
        key = 500 + len(self.files)
        self.files[key] = content[1]
        return 201, {"id": key, "url": "https://example.org/f", "filename": "f.pdf"}

    def _import(self, said: dict[str, Any]) -> Said:
        if wrong := self._wrong(said):
            field_, why = wrong
            details = {field_: [why]}
            return 422, {"error": "Unprocessable entity", "status": 422, "details": details}
        taken = [
            one
            for one in self.invoices.values()
            if one["external_reference"] == said["external_reference"]
            or one["invoice_number"] == said["invoice_number"]
        ]
        if taken:
            return 409, {"error": "invoice_number has already been taken", "status": 409}
        key = 9000 + len(self.invoices)
        self.invoices[key] = {**said, "id": key, "paid": False}
        return 201, self.invoices[key]

    def _wrong(self, said: dict[str, Any]) -> tuple[str, str] | None:
        there = {
            "file_attachment_id": said["file_attachment_id"] in self.files,
            "customer_id": said["customer_id"] in self.customers,
            "credited_invoice_id": said.get("credited_invoice_id") in {None, *self.invoices},
        }
        if missing := [name for name, found in there.items() if not found]:
            return missing[0], "does not exist"
        lines = said["invoice_lines"]
        for name in ("currency_amount", "currency_tax"):
            texts = isinstance(said[name], str)
            if not texts or _cents(said[name]) != sum(_cents(line[name]) for line in lines):
                return name, "is not a text, or not the sum of the lines"
        if {line["vat_rate"] for line in lines} - RATES:
            return "vat_rate", "is not included in the list"
        return None


def _cents(text: str) -> int:
    return round(100 * float(text))


def _listed(call: Call, rows: list[dict[str, Any]]) -> dict[str, Any]:
    found = rows
    for one in json.loads(call.query.get("filter", "[]")):
        name, wanted = one["field"], one["value"]
        tests = {
            "eq": lambda row, n=name, w=wanted: row.get(n) == w,
            "gteq": lambda row, n=name, w=wanted: row[n] >= w,
            "lteq": lambda row, n=name, w=wanted: row[n] <= w,
        }
        found = [row for row in found if tests[one["operator"]](row)]
    start, size = int(call.query.get("cursor", 0)), int(call.query.get("limit", 20))
    more = start + size < len(found)
    here = {"items": found[start : start + size], "has_more": more}
    return {**here, "next_cursor": str(start + size) if more else None}


@contextmanager
def pennylane(**more: Any) -> Iterator[Pennylane]:
    with http_peer() as peer:
        yield Pennylane(peer, **more)
