"""Apple's push service over HTTP/2, with a provider token (ES256).

A push for a pass is empty: it says « ask », and the phone asks the web service. So one sent twice
does no harm, and whatever was lost is simply sent again.
"""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import jwt
from django.utils import timezone

from apps.wallet.identities import Identity
from apps.wallet.providers.base import Answer, Told
from apps.wallet.providers.line import Line, Lost, Reply, Request

TOKEN_LIVES = (
    2400.0  # seconds; Apple refuses one older than an hour, and more than one in twenty minutes
)
ROUNDS = 4  # lines opened for one batch at most
KEPT_FOR = timedelta(days=30)  # by Apple, for a phone that is off
_NO_LONGER_THERE = frozenset({"Unregistered", "BadDeviceToken", "DeviceTokenNotForTopic"})
_OURS_TO_MEND = frozenset({"TopicDisallowed", "BadTopic", "MissingTopic"})
_STALE_TOKEN = frozenset({"ExpiredProviderToken"})

# One process, one thread of work: what was opened for one job serves the next.
_lines: dict[tuple[str, str], Line] = {}
_tokens: dict[str, tuple[float, str]] = {}


class Apns:
    def __init__(self, url: str) -> None:
        self.url = url

    def push(self, identity: Identity, tokens: Sequence[str]) -> list[Answer]:
        answers: list[Answer] = [Answer(Told.LATER, "network")] * len(tokens)
        waiting = list(range(len(tokens)))
        for _round in range(ROUNDS):
            try:
                line = self._line(identity)
            except Lost:
                break
            requests = [_request(identity, tokens[number]) for number in waiting]
            for number, reply in zip(list(waiting), line.post(requests), strict=True):
                answer = _answer(reply)
                if answer is None or answer.reason in _STALE_TOKEN:
                    continue
                answers[number] = answer
                waiting.remove(number)
            if not waiting:
                break
            _forget_stale_token(identity)
        return answers

    def _line(self, identity: Identity) -> Line:
        """The open line of this key, or a new one. Raises ``Lost``."""
        name = (self.url, identity.push_key_id)
        line = _lines.get(name)
        if line is None or not line.is_fit:
            if line is not None:
                line.close()
            _lines[name] = line = Line(self.url)
        return line


def _request(identity: Identity, token: str) -> Request:
    until = timezone.now() + KEPT_FOR
    headers = (
        ("authorization", f"bearer {_token(identity)}"),
        ("apns-topic", identity.pass_type),
        ("apns-push-type", "background"),
        ("apns-priority", "5"),  # what Apple takes with « background »; a pass is shown at once
        ("apns-expiration", str(int(until.timestamp()))),
    )
    return Request(f"/3/device/{token}", headers, b"{}")


def _token(identity: Identity) -> str:
    made, token = _tokens.get(identity.push_key_id, (0.0, ""))
    if not token or time.monotonic() - made > TOKEN_LIVES:
        said = {"iss": identity.team, "iat": int(time.time())}
        token = jwt.encode(said, identity.push_key, "ES256", {"kid": identity.push_key_id})
        _tokens[identity.push_key_id] = (time.monotonic(), token)
    return token


def _forget_stale_token(identity: Identity) -> None:
    _tokens.pop(identity.push_key_id, None)


def _answer(reply: Reply | None) -> Answer | None:
    """None: the question was lost."""
    if reply is None:
        return None
    if reply.status == 200:
        return Answer(Told.YES)
    said = _said(reply.body)
    reason = str(said.get("reason", reply.status))[:60]
    if reply.status == 410 or reason in _NO_LONGER_THERE:
        return Answer(Told.GONE, reason, _moment(said.get("timestamp")))
    if reply.status in {401, 403} or reason in _OURS_TO_MEND:
        return Answer(Told.REFUSED, reason)
    return Answer(Told.LATER, reason)  # 429, 500, 503 and what Apple may think of next


def _said(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _moment(milliseconds: object) -> datetime | None:
    if not isinstance(milliseconds, int):
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
