"""Google Wallet's interface on loopback: the token server, classes and objects by REST.

It checks what Google checks: the assertion's signature, audience and scope, the bearer token, the
ids' issuer, the class before the object, what each must have, and the day's notices.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.messaging.peers import Call, Peer, _Handler, http_peer, says

SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
NEEDED = {
    "loyaltyClass": {"id", "issuerName", "programName", "programLogo", "reviewStatus"},
    "loyaltyObject": {"id", "classId", "state"},
}


@dataclass
class Google:
    """``kept`` is what it holds, by kind and id; ``notices`` the moments of those it showed."""

    peer: Peer
    email: str
    public_key: RSAPublicKey
    issuer: str
    kept: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {"loyaltyClass": {}, "loyaltyObject": {}}
    )
    notices: dict[str, list[float]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)  # the next answers of the REST side
    tokens: int = 0
    most: int = 3  # notices in a day; a test in which a day passes says more

    @property
    def url(self) -> str:
        return f"{self.peer.url}/walletobjects/v1"

    @property
    def token_url(self) -> str:
        return f"{self.peer.url}/token"

    @property
    def asked(self) -> list[str]:
        """« PATCH loyaltyObject », in their order."""
        found = [call for call in self.peer.calls if call.path != "/token"]
        return [f"{call.method} {call.path.split('/')[3]}" for call in found]

    def answer(self, handler: _Handler, call: Call) -> None:
        status, said = self._token(call) if call.path == "/token" else self._rest(call)
        if status >= 400:
            self.refused.append(f"{status} {said}")
        says(status, said)(handler, call)

    def _token(self, call: Call) -> tuple[int, Any]:
        form = call.form
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return 400, {"error": "unsupported_grant_type"}
        try:
            said = jwt.decode(
                form["assertion"], self.public_key, ["RS256"], audience=self.token_url
            )
        except jwt.PyJWTError as error:
            return 400, {"error": "invalid_grant", "error_description": str(error)}
        lives = said["exp"] - said["iat"]
        if said["iss"] != self.email or said["scope"] != SCOPE or lives > 3600:
            return 400, {"error": "invalid_grant"}
        self.tokens += 1
        return 200, {"access_token": f"ya29.{self.tokens}", "expires_in": 3599}

    def _rest(self, call: Call) -> tuple[int, Any]:
        if self.broken:
            return self.broken.pop(0), {"error": "told to"}
        if call.headers.get("Authorization") != f"Bearer ya29.{self.tokens}":
            return 401, {"error": "UNAUTHENTICATED"}
        kind, _, name = call.path.removeprefix("/walletobjects/v1/").partition("/")
        body, kept = call.json, self.kept[kind]
        known = (name or body["id"]) in kept
        if known and call.method == "POST":
            return 409, {"error": "ALREADY_EXISTS"}
        if not known and call.method == "PATCH":
            return 404, {"error": "NOT_FOUND"}
        return self._write(kind, name or body["id"], body)

    def _write(self, kind: str, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        whole = {**self.kept[kind].get(name, {}), **body}
        missing = NEEDED[kind] - whole.keys()
        if missing or not name.startswith(f"{self.issuer}."):
            return 400, {"error": f"INVALID_ARGUMENT {missing}"}
        if kind == "loyaltyObject" and whole["classId"] not in self.kept["loyaltyClass"]:
            return 400, {"error": "no such class"}
        if whole.pop("notifyPreference", "") == "NOTIFY_ON_UPDATE" and not self._notice(name):
            return 403, {"error": "QuotaExceededException"}
        self.kept[kind][name] = whole
        return 200, whole

    def _notice(self, name: str) -> bool:
        self.notices.setdefault(name, []).append(time.time())
        return len(self.notices[name]) <= self.most

    @property
    def objects(self) -> dict[str, dict[str, Any]]:
        return self.kept["loyaltyObject"]


@contextmanager
def google(email: str, public_key: RSAPublicKey, issuer: str) -> Iterator[Google]:
    with http_peer() as peer:
        found = Google(peer, email, public_key, issuer)
        peer.answer = found.answer
        yield found
