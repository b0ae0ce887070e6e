"""Stand-ins for the outside: an HTTP provider and an SMTP server, real sockets on loopback."""

import json
import smtplib
import socket
import threading
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller

from config.processes import free_port


@dataclass
class Call:
    """A request that reached the provider."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str
    raw: bytes = b""

    @property
    def form(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(self.body, keep_blank_values=True).items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[["_Handler", Call], None]


@dataclass
class Peer:
    """``answer`` decides what the next requests get; ``calls`` is what came."""

    url: str = ""
    answer: Answer | None = None
    calls: list[Call] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    peer: Peer

    def _take(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if len(raw) < length:
            return  # whoever asked died before the end of the sentence
        call = Call(
            self.command,
            parts.path,
            {k: v[0] for k, v in parse_qs(parts.query).items()},
            dict(self.headers),
            raw.decode(errors="replace"),
            raw,
        )
        self.peer.calls.append(call)
        assert self.peer.answer
        self.peer.answer(self, call)

    do_GET = do_POST = do_PUT = do_PATCH = _take

    def log_message(self, *args: Any) -> None:
        pass


def says(status: int, content: Any = "", **headers: str) -> Answer:
    """Answer ``content`` as JSON (or as it is, for a text)."""

    def answer(handler: _Handler, call: Call) -> None:
        found = content(call) if callable(content) else content
        body = (found if isinstance(found, str) else json.dumps(found)).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hangs_up(handler: _Handler, call: Call) -> None:
    """Takes the request and closes without a word."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def breaks_off(handler: _Handler, call: Call) -> None:
    """Announces a long answer and stops in the middle of it."""
    handler.send_response(201)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"sid": "SM1", "sta')
    handler.close_connection = True


def slowly(seconds: float, then: Answer) -> Answer:
    def answer(handler: _Handler, call: Call) -> None:
        time.sleep(seconds)
        then(handler, call)

    return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # sixteen threads knock at once

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed does not read its answer."""


@contextmanager
def http_peer(port: int = 0) -> Iterator[Peer]:
    """On ``port``, else on any that is free."""
    peer = Peer()
    handler = type("Handler", (_Handler,), {"peer": peer})
    server = _Server(("127.0.0.1", port), handler)
    peer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# As recorded from Twilio's API (https://www.twilio.com/docs/messaging/api/message-resource).
def twilio_message(call: Call, **fields: Any) -> dict[str, Any]:
    return {
        "account_sid": "AC" + "0" * 32,
        "api_version": "2010-04-01",
        "body": call.form.get("Body", ""),
        "date_created": "Fri, 20 Nov 2026 17:30:00 +0000",
        "date_sent": None,
        "date_updated": "Fri, 20 Nov 2026 17:30:00 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": call.form.get("From"),
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "EUR",
        "sid": "SM" + "1" * 32,
        "status": "queued",
        "subresource_uris": {},
        "to": call.form.get("To"),
        "uri": "/2010-04-01/Accounts/AC/Messages/SM.json",
        **fields,
    }


def twilio_error(code: int, status: int) -> dict[str, Any]:
    about = f"https://www.twilio.com/docs/errors/{code}"
    return {"code": code, "message": "…", "more_info": about, "status": status}


# The platform's account; a shop's own, and what is in it; one of somebody else.
OURS, OUR_TOKEN = "AC" + "0" * 32, "jeton"
MINE, TOKEN = "AC" + "a" * 32, "0123456789abcdef0123456789abWXYZ"
NUMBER, SERVICE = "+33939010203", "MG" + "c" * 32
OTHER = "AC" + "b" * 32


class Twilio:
    """Answers as Twilio does; knows its accounts by their tokens, and whose messages it took."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.tokens = {OURS: OUR_TOKEN, MINE: TOKEN, OTHER: TOKEN}
        self.taken: list[dict[str, Any]] = []
        self.account = {"status": "active", "type": "Full"}
        self.number = {"phone_number": NUMBER, "capabilities": {"sms": True}, "sms_url": ""}
        self.service = {"sid": SERVICE, "inbound_request_url": ""}
        self.contents: dict[str, str] = {}  # whose each template is
        self.lost = False  # takes a message, and its answer never arrives
        peer.answer = self.on_request

    def on_request(self, handler: "_Handler", call: Call) -> None:
        sid, token = _who(call)
        if self.tokens.get(sid) != token:
            says(401, twilio_error(20003, 401))(handler, call)
        elif call.path.endswith("/Messages.json"):
            self.on_message(handler, call, sid)
        elif call.path.endswith("/IncomingPhoneNumbers.json"):
            mine = [n for n in [self.number] if n["phone_number"] == call.query["PhoneNumber"]]
            says(200, {"incoming_phone_numbers": mine, "next_page_uri": None})(handler, call)
        elif call.path.startswith("/v1/Content"):
            self.on_content(handler, call, sid)
        elif call.path.startswith("/v1/Services/"):
            found = call.path.endswith(self.service["sid"])
            says(*((200, self.service) if found else (404, twilio_error(20404, 404))))(
                handler, call
            )
        else:
            says(200, {"sid": sid, **self.account})(handler, call)

    def on_message(self, handler: "_Handler", call: Call, sid: str) -> None:
        if call.method == "GET":
            to = call.query["To"]
            found = [m for m in self.taken if (m["to"], m["account_sid"]) == (to, sid)]
            says(200, {"messages": found, "next_page_uri": None})(handler, call)
            return
        content = call.form.get("ContentSid")
        if content and self.contents.get(content) != sid:
            says(400, twilio_error(21655, 400))(handler, call)
            return
        now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
        name = f"SM{len(self.taken):032d}"
        sms = twilio_message(call, sid=name, account_sid=sid, date_created=now)
        self.taken.append(sms)
        says(500 if self.lost else 201, sms)(handler, call)

    def on_content(self, handler: "_Handler", call: Call, sid: str) -> None:
        """Templates; each account knows its own alone."""
        name = call.path.removeprefix("/v1/Content").strip("/").partition("/")[0]
        if not name:
            name = f"HX{len(self.contents):032d}"
            self.contents[name] = sid
            says(201, {"sid": name})(handler, call)
        elif self.contents.get(name) != sid:
            says(404, twilio_error(20404, 404))(handler, call)
        else:
            says(200, {"whatsapp": {"status": "approved"}})(handler, call)

    def by(self) -> Counter[str]:
        """How many it took for each account."""
        return Counter(sms["account_sid"] for sms in self.taken)


def _who(call: Call) -> list[str]:
    kind, _, value = call.headers["Authorization"].partition(" ")
    assert kind == "Basic"
    return b64decode(value).decode().split(":")


class Mailroom:
    """An SMTP server that answers ``refuses`` at a stage, or keeps what it takes."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refuses: dict[str, str] = {}

    async def handle_RCPT(self, server, session, envelope, address, options):  # type: ignore[no-untyped-def]
        if "rcpt" in self.refuses:
            return self.refuses["rcpt"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # type: ignore[no-untyped-def]
        if self.refuses.get("data") == "hang up":
            server.transport.abort()
            return "250 never read"
        if "data" in self.refuses:
            return self.refuses["data"]
        self.mails.append(envelope.content)
        return "250 OK"


@contextmanager
def smtp_peer() -> Iterator[tuple[Mailroom, int]]:
    room, port = Mailroom(), free_port()
    controller = Controller(room, hostname="127.0.0.1", port=port, ready_timeout=60)
    controller.start()
    try:
        with smtplib.SMTP("127.0.0.1", port):
            yield room, port
    finally:
        controller.stop()
