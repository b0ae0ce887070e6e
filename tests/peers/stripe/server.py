"""The HTTP side: Stripe's form encoding, idempotency keys, expansion, lists, errors."""

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.peers.stripe import billing, money, pages, shapes
from tests.peers.stripe.api import Asked, answer
from tests.peers.stripe.books import PLATFORM, Books, StripeError, Thing
from tests.peers.stripe.posting import Postman

KEY = re.compile(r"Bearer sk_(test|live)_\w{24,}")


def nested(pairs: list[tuple[str, str]]) -> Thing:
    """``a[b][0]=c`` as ``{"a": {"b": {"0": "c"}}}``; ``a[]=c`` counts by itself."""
    found: Thing = {}
    for name, value in pairs:
        *path, last = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        place = found
        for step in path:
            place = place.setdefault(step, {})
        place[last or str(len(place))] = value
    return found


class FakeStripe:
    """One account of a platform and those connected to it; ``down`` hangs up on everybody."""

    def __init__(self, path: Path | None = None, webhook: str = "", secret: str = "") -> None:
        self.books = Books(path)
        self.url, self.down, self.calls = "", False, list[Asked]()
        if PLATFORM not in self.books.things:
            self.books.put(shapes.platform(self.books))
        self.postman = Postman(self.books, webhook, secret) if webhook else None

    @property
    def events(self) -> list[Thing]:
        return self.books.events

    def advance(self, days: float) -> None:
        with self.books.changing():
            billing.advance(self.books, int(days * 86_400))
        self.ring()

    def pay(self, url: str, number: str = "4242 4242 4242 4242") -> str:
        """Complete a Checkout page without a browser; where it leads."""
        with self.books.changing():
            session = self.books.things[url.rpartition("/")[2]]
            target = pages.complete(self.books, session, number)
        self.ring()
        return target

    def refund(self, asked: Thing, account: str = PLATFORM) -> Thing:
        """Somebody gives money back from Stripe's own dashboard."""
        with self.books.changing():
            made = money.give_back(self.books, asked, account)
        self.ring()
        return made

    def ring(self) -> None:
        if self.postman:
            self.postman.ring()

    # --- requests ---------------------------------------------------------------------------

    def api(self, asked: Asked) -> tuple[int, Thing]:
        with self.books.changing():
            self.calls.append(asked)
            if asked.method == "POST":
                return self._once(asked)
            return self._tried(asked)

    def _tried(self, asked: Asked) -> tuple[int, Thing]:
        try:
            return 200, answer(self.books, asked, self.url)
        except StripeError as error:
            return error.status, error.body

    def _once(self, asked: Asked) -> tuple[int, Thing]:
        """Stripe keeps the first answer to a key, and refuses the key with another request."""
        if not asked.key:
            message = "This fake refuses a write without an Idempotency-Key."
            return 400, StripeError(400, message, "idempotency_key_missing").body
        place = f"{asked.account}\0{asked.key}"
        said = json.dumps([asked.path, asked.said], sort_keys=True)
        digest = hashlib.sha256(said.encode()).hexdigest()
        kept = self.books.keys.get(place)
        if kept and kept["digest"] != digest:
            message = "Keys for idempotent requests can only be used with the same parameters."
            return 400, StripeError(400, message, kind="idempotency_error").body
        if kept:
            return kept["status"], kept["body"]
        status, body = self._tried(asked)
        self.books.keys[place] = {"digest": digest, "status": status, "body": body}
        return status, json.loads(json.dumps(body))

    def shown(self, path: str) -> str:
        """A page, by its address: /, /checkout/…, /portail/…, /compte/…, /facture/…"""
        if path == "/":
            return pages.clock(self.books)
        kind, _, name = path.strip("/").partition("/")
        thing = self.books.things.get(name)
        draw: Callable[[Thing], str] | None = {
            "checkout": lambda found: pages.checkout(self.books, found),
            "portail": lambda found: pages.portal(self.books, found),
            "compte": pages.onboarding,
            "facture": lambda found: pages.bill(self.books, found),
        }.get(kind)
        if thing is None or draw is None:
            raise StripeError(404, "No such page")
        return draw(thing)

    def pressed(self, path: str, said: Thing) -> str:
        """A form of such a page; where it leads."""
        kind, _, name = path.strip("/").partition("/")
        with self.books.changing():
            if path == "/":
                return pages.turn(self.books, said)
            thing = self.books.things[name]
            if kind == "checkout":
                return pages.complete(self.books, thing, said["number"])
            if kind == "portail":
                return pages.manage(self.books, thing, said)
            if kind == "facture":
                return pages.settle(self.books, thing, said)
            pages.onboard(self.books, thing, said["act"])
            return str(thing["returns_to"])

    def control(self, path: str, said: Thing) -> None:
        """A door that Stripe has not: its clock, what banks do, a means that changes."""
        with self.books.changing():
            if path == "/tests/advance":
                billing.advance(self.books, int(said["seconds"]))
            elif path == "/tests/back":
                self.books.ahead -= int(said["seconds"])
            elif path == "/tests/means":
                account = self.books.owners[said["customer"]]
                billing.use(self.books, said["number"], said["customer"], account)
            elif path == "/tests/dispute":
                money.contest(self.books, said["charge"], said.get("reason", "general"))
            elif path == "/tests/verdict":
                money.judge(self.books, said["dispute"], said["verdict"])
            elif path == "/tests/bounce":
                money.bounce(self.books, said["refund"])
            elif path == "/tests/payout":
                money.pay_out(self.books, said["account"])
            else:
                raise StripeError(404, "No such door")


class _Handler(BaseHTTPRequestHandler):
    fake: FakeStripe
    protocol_version = "HTTP/1.1"

    def _take(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body, parts = self.rfile.read(length).decode(), urlsplit(self.path)
        if self.fake.down:
            self.close_connection = True
            return
        pairs = parse_qsl(body or parts.query, keep_blank_values=True)
        try:
            if parts.path.startswith("/v1/"):
                self._api(parts.path, nested(pairs))
            elif parts.path == "/favicon.ico":
                self._say(204)
            elif parts.path.startswith("/tests/"):
                self.fake.control(parts.path, nested(pairs))
                self._say(204)
            elif self.command == "GET":
                self._say(200, self.fake.shown(parts.path), "text/html; charset=utf-8")
            else:
                self._say(303, "", Location=self.fake.pressed(parts.path, nested(pairs)))
        except StripeError as error:
            self._say(error.status, json.dumps(error.body))
        self.fake.ring()

    do_GET = do_POST = do_DELETE = _take

    def _api(self, path: str, said: Thing) -> None:
        if not KEY.fullmatch(self.headers.get("Authorization", "")):
            error = StripeError(401, "Invalid API Key provided", kind="authentication_error")
            self._say(401, json.dumps(error.body))
            return
        account = self.headers.get("Stripe-Account") or PLATFORM
        key = self.headers.get("Idempotency-Key", "")
        status, found = self.fake.api(Asked(self.command, path, said, account, key))
        self._say(status, json.dumps(found))

    def _say(
        self, status: int, body: str = "", kind: str = "application/json", **headers: str
    ) -> None:
        sent = body.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed does not read its answer."""


def served(fake: FakeStripe, port: int = 0) -> _Server:
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"fake": fake}))
    fake.url = fake.books.url = f"http://127.0.0.1:{server.server_port}"
    return server


@contextlib.contextmanager
def fake_stripe(port: int = 0, **how: Any) -> Iterator[FakeStripe]:
    """In a thread of this process, on ``port`` or any that is free."""
    fake = FakeStripe(**how)
    server = served(fake, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        if fake.postman:
            fake.postman.stop()
        fake.down = True  # who kept a connection opens another, to whoever answers next
        server.shutdown()
        server.server_close()
        thread.join()
