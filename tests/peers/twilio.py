"""Twilio in a process of its own: ``python -m tests.peers.twilio --port 9000 --books taken.tsv``.

Takes and lists messages as the real one does, slowly and badly when asked. What it *took* stands
in its books, one line each written before the answer, so a test counts « sent twice » from the
provider's own side, whatever died on ours. Its own death loses nothing either.

``--faults 0.1`` spoils one request in ten, each fault as often as the others (``FAULTS``). ``POST
/tests/`` with ``latency=…&faults=…`` changes it on the way; ``--callbacks 0.1`` posts what became
of one message in ten, signed with ``--secret``, in any order and some of it twice.
"""

import argparse
import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

REFUSES = {"429", "503", "500", "cut before"}  # nothing is taken
FAULTS = (*sorted(REFUSES), "500 after", "cut after", "half answer", "silence")
SILENCE = 30.0  # longer than anybody waits


class Sms(NamedTuple):
    """A line of the books."""

    sid: str
    to: str
    token: str  # of our attempt, from the callback's address
    at: float
    body: str


def read_books(path: Path) -> Iterator[Sms]:
    """What the provider took, oldest first; a line that a kill cut in half was never answered."""
    if not path.exists():
        return
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            sid, to, token, at, body = json.loads(line)
            yield Sms(sid, to, token, float(at), body)


class Provider:
    """The state behind the sockets."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.chance = random.Random(options.seed)
        self.taken: dict[str, list[Sms]] = defaultdict(list)
        self.count = 0
        for sms in read_books(options.books):
            self.taken[sms.to].append(sms)
            self.count += 1
        self.books = options.books.open("a", buffering=1)
        self.calls: set[asyncio.Task[None]] = set()
        self.contents: dict[str, dict[str, Any]] = {}

    def fault(self) -> str:
        spoiled = self.options.faults and self.chance.random() < self.options.faults
        return self.chance.choice(FAULTS) if spoiled else ""

    def take(self, form: dict[str, str]) -> Sms:
        self.count += 1
        callback = form.get("StatusCallback", "")
        token = callback.rstrip("/").rpartition("/")[2]
        text = form["Body"] if "Body" in form else self.filled(form)
        sms = Sms(f"SM{self.count:032x}", form["To"], token, time.time(), text)
        self.books.write(json.dumps(sms) + "\n")
        self.taken[sms.to].append(sms)
        if callback and self.chance.random() < self.options.callbacks:
            task = asyncio.ensure_future(self.tell(callback, sms))
            self.calls.add(task)
            task.add_done_callback(self.calls.discard)
        return sms

    async def tell(self, callback: str, sms: Sms) -> None:
        """« sent » and « delivered », again and again while nobody listens."""
        news = [{"MessageSid": sms.sid, "MessageStatus": s} for s in ("sent", "delivered")]
        news += self.chance.choices(news, k=1)
        self.chance.shuffle(news)
        for one in news:
            for _ in range(60):
                await asyncio.sleep(self.chance.random())
                if await self.post(callback, one):
                    break

    async def post(self, url: str, form: dict[str, str]) -> bool:
        there = urlsplit(url)
        signature = RequestValidator(self.options.secret).compute_signature(url, form)
        body = "&".join(f"{name}={value}" for name, value in form.items())
        head = (
            f"POST {there.path} HTTP/1.1\r\nHost: {there.netloc}\r\nConnection: close\r\n"
            f"X-Twilio-Signature: {signature}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", there.port or 80)
            writer.write((head + body).encode())
            answer = await asyncio.wait_for(reader.readline(), 10)
            writer.close()
        except (OSError, TimeoutError):
            return False
        return b" 2" in answer or b" 4" in answer

    def filled(self, form: dict[str, str]) -> str:
        """An approved template with what stands in its places."""
        text = str(self.contents[form["ContentSid"]]["types"]["twilio/text"]["body"])
        for number, value in json.loads(form["ContentVariables"]).items():
            text = text.replace(f"{{{{{number}}}}}", value)
        return text

    def content(self, method: str, path: str, body: str) -> tuple[int, dict[str, Any]]:
        """https://www.twilio.com/docs/content/content-api-resources: a template is made, submitted,
        and approved the second time one asks."""
        sid = path.removeprefix("/v1/Content").strip("/").partition("/")[0]
        if not sid:
            sid = f"HX{len(self.contents) + 1:032x}"
            self.contents[sid] = {**json.loads(body), "asked": 0}
            return 201, {"sid": sid}
        made = self.contents.get(sid)
        if made is None:
            return 404, {"code": 20404, "message": "."}
        if method == "POST":
            made |= json.loads(body)
            return 201, {"status": "received", "name": made["name"], "category": made["category"]}
        made["asked"] += 1
        status = "approved" if made["asked"] > 1 else "pending"
        return 200, {"sid": sid, "whatsapp": {"status": status, "rejection_reason": ""}}

    def listing(self, query: dict[str, str]) -> dict[str, Any]:
        size = int(query.get("PageSize", "50"))
        found = self.taken.get(query.get("To", ""), [])[::-1][:size]
        return {"messages": [as_json(sms) for sms in found], "next_page_uri": None}


def as_json(sms: Sms, status: str = "queued") -> dict[str, Any]:
    """As recorded from https://www.twilio.com/docs/messaging/api/message-resource."""
    at = format_datetime(datetime.fromtimestamp(sms.at, UTC))
    return {
        "account_sid": "AC" + "0" * 32,
        "api_version": "2010-04-01",
        "body": sms.body,
        "date_created": at,
        "date_sent": None,
        "date_updated": at,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": "CAVEMARCHE",
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "EUR",
        "sid": sms.sid,
        "status": status,
        "subresource_uris": {},
        "to": sms.to,
        "uri": f"/2010-04-01/Accounts/AC/Messages/{sms.sid}.json",
    }


def answer(status: int, content: Any, *headers: str) -> bytes:
    body = json.dumps(content).encode()
    head = [f"HTTP/1.1 {status} .", "Content-Type: application/json", *headers]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


def error(code: int, status: int, *headers: str) -> bytes:
    return answer(status, {"code": code, "message": ".", "status": status}, *headers)


class Line(asyncio.Protocol):
    """One connection, kept open; requests come one after the other."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.received = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, rest = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        if len(rest) < length:
            return
        self.received = rest[length:]
        method, target, _ = head.split(b" ", 2)
        self.on_request(method.decode(), target.decode(), rest[:length].decode())

    def on_request(self, method: str, target: str, body: str) -> None:
        there, provider = urlsplit(target), self.provider
        if there.path == "/tests/":
            for name, value in parse_qsl(body):
                setattr(provider.options, name, float(value))
            self.say(answer(200, {"taken": provider.count}))
            return
        if there.path.startswith("/v1/Content"):
            self.later(self.say, answer(*provider.content(method, there.path, body)))
            return
        if method == "GET":
            listed = answer(200, provider.listing(dict(parse_qsl(there.query))))
            self.later(self.say, listed)
            return
        form = dict(parse_qsl(body, keep_blank_values=True))
        self.later(self.on_message, form, provider.fault())

    def later(self, what: Any, *args: Any) -> None:
        asyncio.get_running_loop().call_later(self.provider.options.latency, what, *args)

    def say(self, text: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(text)

    def on_message(self, form: dict[str, str], fault: str) -> None:
        if fault == "429":
            self.say(error(20429, 429, "Retry-After: 1"))
        elif fault == "503":
            self.say(error(20503, 503))
        elif fault == "500":
            self.say(error(20500, 500))
        elif fault == "cut before":
            self.transport.abort()
        else:
            self.taken(answer(201, as_json(self.provider.take(form))), fault)

    def taken(self, good: bytes, fault: str) -> None:
        if fault == "500 after":
            self.say(error(20500, 500))
        elif fault == "cut after":
            self.transport.abort()
        elif fault == "half answer":
            self.say(good[: len(good) - 100])
            self.transport.close()
        elif fault == "silence":
            asyncio.get_running_loop().call_later(SILENCE, self.transport.abort)
        else:
            self.say(good)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--books", type=Path, required=True)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--callbacks", type=float, default=0.0)
    parser.add_argument("--secret", default="jeton")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


async def _serve(options: argparse.Namespace) -> None:
    provider = Provider(options)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Line(provider), "127.0.0.1", options.port, backlog=512
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(_options()))
