"""Stand-ins for the outside: an HTTP provider and an SMTP server, real sockets on loopback."""

import json
import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller


@dataclass
class Call:
    """A request that reached the provider."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str

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
        body = self.rfile.read(length).decode()
        if len(body.encode()) < length:
            return  # whoever asked died before the end of the sentence
        call = Call(
            self.command,
            parts.path,
            {k: v[0] for k, v in parse_qs(parts.query).items()},
            dict(self.headers),
            body,
        )
        self.peer.calls.append(call)
        assert self.peer.answer
        self.peer.answer(self, call)

    do_GET = do_POST = _take

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
def http_peer() -> Iterator[Peer]:
    peer = Peer()
    handler = type("Handler", (_Handler,), {"peer": peer})
    server = _Server(("127.0.0.1", 0), handler)
    peer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


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
    controller = Controller(room, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with smtplib.SMTP("127.0.0.1", port):
            yield room, port
    finally:
        controller.stop()
