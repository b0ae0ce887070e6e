"""Apple's push service, as far as a provider sees it: HTTP/2 over TLS on loopback.

It checks what Apple checks (ALPN, the provider token and its signature, the topic, an empty
payload), answers what the test says, and ends connections with GOAWAY when told to.
"""

import json
import socket
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

Says = Callable[[str, int], tuple[int, dict[str, Any]] | None]


def always(status: int, **said: Any) -> Says:
    return lambda token, times: (status, said)


def first(status: int, *, then: int = 200, times: int = 1, **said: Any) -> Says:
    """To the first ``times`` pushes of each phone one answer, to the next ones another."""
    return lambda token, asked: (status, said) if asked <= times else (then, {})


@dataclass
class Apns:
    """``says`` answers (phone, how often it was asked); ``goaway_after``: so many requests in a
    connection are looked at, the rest are told that they were not."""

    url: str
    public_key: EllipticCurvePublicKey
    says: Says = field(default=always(200))
    goaway_after: int = 0
    abrupt: bool = False  # hangs up with the GOAWAY and answers nothing
    streams: int = 1000
    pushed: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    faults: list[str] = field(default_factory=list)

    def answer(self, head: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.headers.append(head)
        token = head[":path"].removeprefix("/3/device/")
        kind, _, provider = head["authorization"].partition(" ")
        try:
            said = jwt.decode(provider, self.public_key, ["ES256"])
            key = jwt.get_unverified_header(provider)["kid"]
            if kind != "bearer" or not said["iss"] or not key:
                return 403, {"reason": "InvalidProviderToken"}
        except jwt.PyJWTError:
            return 403, {"reason": "InvalidProviderToken"}
        if not head["apns-topic"].startswith("pass."):
            return 400, {"reason": "BadTopic"}
        self.asked[token] += 1
        status, told = self.says(token, self.asked[token])
        if status == 200:
            self.pushed.append(token)
        return status, told


class _Connection:
    def __init__(self, peer: Apns, plain: socket.socket) -> None:
        self.peer, self.socket = peer, plain
        self.protocol = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        allowed = {SettingCodes.MAX_CONCURRENT_STREAMS: peer.streams}
        self.protocol.local_settings = Settings(client=False, initial_values=allowed)
        self.heads: dict[int, dict[str, str]] = {}
        self.seen = 0
        self.gone = False

    def serve(self) -> None:
        self.protocol.initiate_connection()
        self._flush()
        while not self.gone and (data := self.socket.recv(65_536)):
            for event in self.protocol.receive_data(data):
                self._hear(event)
                if self.gone:
                    return
            self._flush()

    def _hear(self, event: Any) -> None:
        if isinstance(event, RequestReceived):
            self.heads[event.stream_id] = dict(event.headers)
        elif isinstance(event, StreamEnded):
            self.seen += 1
            if self.peer.goaway_after and self.seen > self.peer.goaway_after:
                self._leave(event.stream_id)
            else:
                self._answer(event.stream_id)

    def _answer(self, stream: int) -> None:
        status, said = self.peer.answer(self.heads.pop(stream))
        body = json.dumps(said).encode() if said else b""
        head = [(":status", str(status)), ("apns-id", f"{stream:032x}")]
        self.protocol.send_headers(stream, head, end_stream=not body)
        if body:
            self.protocol.send_data(stream, body, end_stream=True)

    def _leave(self, stream: int) -> None:
        """The requests before were looked at, this one was not."""
        if not self.peer.abrupt:
            self._flush()
        self.protocol.close_connection(last_stream_id=max(0, stream - 2))
        self._flush()
        self.gone = True

    def _flush(self) -> None:
        if data := self.protocol.data_to_send():
            self.socket.sendall(data)


def _accept(peer: Apns, listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_talk, args=(peer, plain, context), daemon=True).start()


def _talk(peer: Apns, plain: socket.socket, context: ssl.SSLContext) -> None:
    with (
        suppress(OSError, ProtocolError),
        context.wrap_socket(plain, server_side=True) as secured,
    ):
        if secured.selected_alpn_protocol() != "h2":
            peer.faults.append("no h2 by ALPN")
            return
        peer.connections += 1
        _Connection(peer, secured).serve()


@contextmanager
def apns(certificate: Path, key: Path, public_key: EllipticCurvePublicKey) -> Iterator[Apns]:
    """A server on a port of its own; ``certificate`` and ``key`` are its PEM files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        peer = Apns(f"https://localhost:{listener.getsockname()[1]}", public_key)
        threading.Thread(target=_accept, args=(peer, listener, context), daemon=True).start()
        yield peer
    assert peer.faults == []


def _main(certificate: Path, key: Path, public: Path) -> None:
    """In a process of its own: says its address, then at each line how many it was told."""
    known = load_pem_public_key(public.read_bytes())
    assert isinstance(known, EllipticCurvePublicKey)
    with apns(certificate, key, known) as peer:
        sys.stdout.write(f"{peer.url}\n")
        sys.stdout.flush()
        for _line in sys.stdin:
            sys.stdout.write(f"{len(peer.pushed)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _main(*map(Path, sys.argv[1:]))
