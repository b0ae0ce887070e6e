"""Lexware Office's API as https://developers.lexware.io/docs describes it: versions, pages,
vouchers whose sums must add up, files, and errors of its two kinds."""

import fnmatch
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.messaging.peers import Answer, Call, http_peer, says
from tests.peers.bookkeeping import Program, Said

KEY = "lxw-0123456789abcdefghijklmnopqrstuv"
ORGANIZATION = "aa93e8a8-2aa3-470b-b914-caad8a255dd8"
PROFILE = {
    "organizationId": ORGANIZATION,
    "companyName": "Cave du Marché",
    "connectionId": "3dea098a-fae5-4458-a85c-f97965966c25",
    "businessFeatures": ["INVOICING", "BOOKKEEPING"],
    "taxType": "gross",
    "smallBusiness": False,
}
WHEN = "2026-11-20T12:00:00.000+01:00"


def issues(field_: str, violation: str, message: str) -> dict[str, Any]:
    return {
        "timestamp": WHEN,
        "status": 406,
        "error": "Not Acceptable",
        "path": "/v1/vouchers",
        "traceId": "4b9a2c",
        "message": "Validation failed for request. Please see details list for specific causes.",
        "details": [{"violation": violation, "field": field_, "message": message}],
    }


@dataclass
class Lexware(Program):
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    vouchers: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.peer.url}/v1"

    def too_many(self, seconds: float) -> Answer:
        return says(429, {"message": "Rate limit exceeded"})  # nothing says for how long

    def carry_out(self, call: Call) -> Said:
        if not self.knows(call):
            return 401, {"message": "Unauthorized"}
        parts = call.path.removeprefix("/v1/").strip("/").split("/")
        match [call.method, *parts]:
            case ["GET", "profile"]:
                return 200, PROFILE
            case ["GET", "contacts" | "vouchers" as kind]:
                return 200, _page(call, self._found(kind, call))
            case ["POST", "vouchers", name, "files"]:
                return self._file(name, call)
            case [method, "contacts" | "vouchers" as kind, *name]:
                return self._one(method, kind, name[0] if name else "", call)
        return 404, {"message": "Not Found"}

    def _found(self, kind: str, call: Call) -> list[dict[str, Any]]:
        if kind == "vouchers":
            number = call.query["voucherNumber"]
            return [one for one in self.vouchers.values() if one["voucherNumber"] == number]
        wanted = call.query["name"].replace("%", "*").replace("_", "?")
        return [one for one in self.contacts.values() if fnmatch.fnmatch(_name(one), wanted)]

    def _one(self, method: str, kind: str, name: str, call: Call) -> Said:
        kept = self.contacts if kind == "contacts" else self.vouchers
        if name and name not in kept:
            return 404, {"message": "Not Found"}
        if method == "GET":
            return 200, kept[name]
        said = call.json
        if name and said.get("version") != kept[name]["version"]:
            return 409, {"IssueList": [{"i18nKey": "optimistic_locking", "source": "version"}]}
        if wrong := (_wrong_contact if kind == "contacts" else self._wrong_voucher)(said):
            return 406, wrong
        name = name or str(UUID(int=len(self.contacts) * 1000 + len(self.vouchers) + 1))
        version = kept[name]["version"] + 1 if name in kept else 0
        whole = {"files": [], **kept.get(name, {}), **said, "id": name, "version": version}
        kept[name] = whole
        where = f"{self.url}/{kind}/{name}"
        dates = {"createdDate": WHEN, "updatedDate": WHEN}
        return 200, {"id": name, "resourceUri": where, **dates, "version": version}

    def _wrong_voucher(self, said: dict[str, Any]) -> dict[str, Any] | None:
        needed = {"type", "voucherNumber", "voucherDate", "totalGrossAmount", "voucherItems"}
        if missing := needed - said.keys():
            return issues(min(missing), "NOTNULL", "darf nicht leer sein")
        if not said.get("useCollectiveContact") and said.get("contactId") not in self.contacts:
            return issues("contactId", "REFERENCE", "Kontakt nicht gefunden")
        items = said["voucherItems"]
        gross, tax = sum(i["amount"] for i in items), sum(i["taxAmount"] for i in items)
        if round(100 * gross) != round(100 * said["totalGrossAmount"]):
            return issues("totalGrossAmount", "SUM", "stimmt nicht")
        if round(100 * tax) != round(100 * said["totalTaxAmount"]):
            return issues("totalTaxAmount", "SUM", "stimmt nicht")
        return None

    def _file(self, name: str, call: Call) -> Said:
        if name not in self.vouchers:
            return 404, {"message": "Not Found"}
        content = re.search(rb"\r\n\r\n(%PDF.*?)\r\n--", call.raw, re.DOTALL)
        if not content:
            return 406, {"IssueList": [{"i18nKey": "invalid_file", "source": "file"}]}
        file = str(UUID(int=10**6 + len(self.files)))
        self.files[file] = content[1]
        self.vouchers[name]["files"].append(file)
        return 202, {"id": file}


def _wrong_contact(said: dict[str, Any]) -> dict[str, Any] | None:
    if not said.get("roles"):
        return issues("roles", "NOTNULL", "darf nicht leer sein")
    if not (said.get("company") or said.get("person")):
        return {"IssueList": [{"i18nKey": "missing_entity", "source": "company and person"}]}
    return None


def _name(contact: dict[str, Any]) -> str:
    if company := contact.get("company"):
        return str(company["name"])
    person = contact["person"]
    return f"{person['firstName']} {person['lastName']}".strip()


def _page(call: Call, found: list[Any]) -> dict[str, Any]:
    page, size = int(call.query.get("page", 0)), int(call.query.get("size", 25))
    here = found[page * size : (page + 1) * size]
    last = (page + 1) * size >= len(found)
    return {"content": here, "last": last, "totalElements": len(found), "number": page}


@contextmanager
def lexware(**more: Any) -> Iterator[Lexware]:
    with http_peer() as peer:
        yield Lexware(peer, tokens={KEY}, **more)
