"""Two bookkeeping programs on loopback, with their shapes, their limits and their moods.

Both keep what they take, count what came too fast, and do as they are told with the next requests:
``faults`` by « METHOD path » (a prefix) → what happens, once each.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.messaging.peers import Answer, Call, Peer, _Handler, hangs_up, says

Said = tuple[int, Any]


@dataclass
class Fault:
    """On the next request that begins so; ``after`` it was carried out, or instead of it."""

    begins: str
    answer: Answer
    after: bool = False


@dataclass
class Program:
    peer: Peer
    limit: tuple[int, float] | None = None  # requests, seconds: in any window of that length
    faults: list[Fault] = field(default_factory=list)
    refused: int = 0  # came too fast
    tokens: set[str] = field(default_factory=set)
    hooks: list[Callable[[Call], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._came: deque[float] = deque()
        self._lock = threading.Lock()
        self.peer.answer = self.on_request

    def lose_answer(self, begins: str) -> None:
        """It is written, and the line breaks before they say so."""
        self.faults.append(Fault(begins, hangs_up, after=True))

    def fail(self, begins: str, status: int, said: Any = "", **headers: str) -> None:
        self.faults.append(Fault(begins, says(status, said, **headers)))

    def on_request(self, handler: _Handler, call: Call) -> None:
        with self._lock:  # one after the other: what it holds is seen whole
            answer = self._fault(call) or self._limited() or self._carried_out(call)
        for hook in self.hooks:
            hook(call)
        answer(handler, call)

    def _fault(self, call: Call) -> Answer | None:
        for fault in self.faults:
            if f"{call.method} {call.path}".startswith(fault.begins):
                self.faults.remove(fault)
                if fault.after:
                    self._carried_out(call)
                return fault.answer
        return None

    def _limited(self) -> Answer | None:
        if self.limit is None:
            return None
        count, seconds = self.limit
        now = time.monotonic()
        while self._came and self._came[0] <= now - seconds:
            self._came.popleft()
        if len(self._came) >= count:
            self.refused += 1
            return self.too_many(seconds - (now - self._came[0]))
        self._came.append(now)
        return None

    def too_many(self, seconds: float) -> Answer:
        raise NotImplementedError

    def _carried_out(self, call: Call) -> Answer:
        status, said = self.carry_out(call)
        return says(status, said)

    def carry_out(self, call: Call) -> Said:
        raise NotImplementedError

    def knows(self, call: Call) -> bool:
        kind, _space, token = call.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and token in self.tokens

    def posts(self, path: str) -> list[Call]:
        """Those that asked to write something new there."""
        return [one for one in self.peer.calls if (one.method, one.path) == ("POST", path)]
