"""One HTTP/2 connection that posts many requests at once, from one thread.

Whatever ends it (GOAWAY, a reset, silence), each request gets its answer or is said to be lost;
who asks decides whether to ask again.
"""

import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError

CONNECT = 5.0  # seconds
SILENCE = 10.0  # without a byte while something is asked
AT_ONCE = 100  # streams, where the other end allows more
IDLE = 300.0  # a line unused for longer is not trusted

Headers = Sequence[tuple[str, str]]


@dataclass
class Reply:
    status: int = 0
    body: bytes = b""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: Headers
    body: bytes


@dataclass
class _Asked:
    """Which request each open stream carries, and what it said until now."""

    numbers: dict[int, int] = field(default_factory=dict)
    replies: dict[int, Reply] = field(default_factory=dict)


class Lost(Exception):
    """The line is dead: nobody answered, or not as HTTP/2 does."""


class Line:
    """Raises ``Lost`` when it cannot be opened. Not shared between threads."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, port = str(parts.hostname), parts.port or 443
        context = ssl.create_default_context()
        context.set_alpn_protocols(["h2"])
        self.ready = self.leaving = False
        self.used_at = time.monotonic()
        try:
            plain = socket.create_connection((self.host, port), CONNECT)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket = context.wrap_socket(plain, server_hostname=self.host)
            self.socket.settimeout(SILENCE)
            config = H2Configuration(client_side=True, header_encoding="utf-8")
            self.protocol = H2Connection(config)
            self.protocol.initiate_connection()
            self._flush()
            while not self.ready:  # how many streams it allows
                self._read(_Asked())
        except OSError as error:
            raise Lost from error

    @property
    def is_fit(self) -> bool:
        return not self.leaving and time.monotonic() - self.used_at < IDLE

    def close(self) -> None:
        self.leaving = True
        self.socket.close()

    def post(self, requests: Sequence[Request]) -> list[Reply | None]:
        """A reply for each request, in their order; None where it was lost."""
        found: list[Reply | None] = [None] * len(requests)
        waiting, asked = list(range(len(requests)))[::-1], _Asked()
        try:
            while asked.numbers or (waiting and not self.leaving):
                self._ask(requests, waiting, asked)
                for number, reply in self._read(asked):
                    found[number] = reply
        except (OSError, Lost, ProtocolError):
            self.close()
        self.used_at = time.monotonic()
        return found

    def _ask(self, requests: Sequence[Request], waiting: list[int], asked: _Asked) -> None:
        most = min(AT_ONCE, self.protocol.remote_settings.max_concurrent_streams)
        while waiting and not self.leaving and len(asked.numbers) < most:
            number = waiting.pop()
            request, stream = requests[number], self.protocol.get_next_available_stream_id()
            ours = ((":method", "POST"), (":scheme", "https"), (":authority", self.host))
            head = [*ours, (":path", request.path), *request.headers]
            self.protocol.send_headers(stream, head)
            self.protocol.send_data(stream, request.body, end_stream=True)
            asked.numbers[stream], asked.replies[stream] = number, Reply()
        self._flush()

    def _read(self, asked: _Asked) -> list[tuple[int, Reply]]:
        """What has ended with the next bytes; a stream that was reset has ended without."""
        data = self.socket.recv(65_536)
        if not data:
            raise Lost
        for event in self.protocol.receive_data(data):
            self._hear(event, asked)
        self._flush()
        done = [stream for stream in asked.numbers if asked.replies[stream].ended]
        ended = [(asked.numbers.pop(stream), asked.replies.pop(stream)) for stream in done]
        return [(number, reply) for number, reply in ended if reply.status]

    def _hear(self, event: Event, asked: _Asked) -> None:
        if isinstance(event, RemoteSettingsChanged):
            self.ready = True
        elif isinstance(event, ConnectionTerminated):
            self._leave(event, asked)
        elif isinstance(event, DataReceived):
            self.protocol.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        reply = asked.replies.get(getattr(event, "stream_id", 0) or 0)
        if reply is None:
            return
        if isinstance(event, ResponseReceived):
            reply.status = int(dict(event.headers)[":status"])  # type: ignore[call-overload]
        elif isinstance(event, DataReceived):
            reply.body += event.data
        elif isinstance(event, StreamReset):
            reply.status, reply.ended = 0, True
        elif isinstance(event, StreamEnded):
            reply.ended = True

    def _leave(self, event: ConnectionTerminated, asked: _Asked) -> None:
        """GOAWAY: what came after the last stream it names was not looked at; the others may
        still be answered."""
        self.leaving = True
        last = event.last_stream_id or 0
        if event.error_code != ErrorCodes.NO_ERROR:
            last = 0
        for stream in [stream for stream in asked.numbers if stream > last]:
            del asked.numbers[stream], asked.replies[stream]

    def _flush(self) -> None:
        if data := self.protocol.data_to_send():
            self.socket.sendall(data)
