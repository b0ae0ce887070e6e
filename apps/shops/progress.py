"""How far a long command is: a bar on a terminal, a line now and then elsewhere."""

import time
from typing import Any

WIDTH = 32
EVERY = 5.0  # seconds between two lines where there is no terminal


class Progress:
    """``told(done, total)`` as often as one likes; ``say`` writes a line above the bar."""

    def __init__(self, stream: Any, what: str) -> None:
        self._stream, self._what = stream, what
        self._terminal = bool(getattr(stream, "isatty", lambda: False)())
        self._began = self._last = time.monotonic()
        self._before = 0

    def say(self, line: str) -> None:
        self._clear()
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def told(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done < self._before:
            self._began = now  # the next stage
        self._before = done
        if done < total and now - self._last < (0.1 if self._terminal else EVERY):
            return
        self._last = now
        left = (now - self._began) / done * (total - done) if done else 0.0
        text = f"{done}/{total} {self._what}"
        if left >= 1:
            text += f", encore {left:.0f} s"
        if self._terminal:
            full = WIDTH * done // total
            self._stream.write(f"\r\x1b[K{'█' * full}{'░' * (WIDTH - full)} {text}")
            if done == total:
                self._stream.write("\n")
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def _clear(self) -> None:
        if self._terminal:
            self._stream.write("\r\x1b[K")
