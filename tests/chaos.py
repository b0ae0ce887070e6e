"""Processes that are killed at any moment, and what must be true when the dust has settled."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from django.db.models import Q

from apps.messaging.models import Attempt, Message, Status
from config import processes
from tests.bench.ground import family
from tests.peers.twilio import read_books

FINAL = {Status.SENT, Status.DELIVERED, Status.FAILED, Status.CANCELLED, Status.UNKNOWN}
HASTY_WORKER = (sys.executable, "-m", "tests.hasty")


class Kept:
    """A process that its keeper (the platform, systemd; here the test) starts anew when it ends."""

    def __init__(
        self, command: tuple[str, ...], surroundings: Mapping[str, str], log: Path
    ) -> None:
        self.command, self.surroundings, self.log = command, surroundings, log
        self.process = processes.start_child(command, surroundings, log)
        self.kills = 0

    def keep(self) -> None:
        if self.process.poll() is not None:
            self.process = processes.start_child(self.command, self.surroundings, self.log)

    def kill_one(self, chance: random.Random) -> None:
        """kill -9 of the process or of one below it."""
        victim = chance.choice(family(self.process.pid))
        try:
            os.kill(victim, signal.SIGKILL)
            self.kills += 1
        except ProcessLookupError:
            pass


@dataclass
class Provider:
    """The stand-in for Twilio and its books."""

    process: subprocess.Popen[bytes]
    port: int
    books: Path

    @property
    def settings(self) -> dict[str, str]:
        """What makes Comptoir speak to it."""
        return {
            "SMS_PROVIDER": "twilio",
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": "jeton",
            "TWILIO_API_URL": f"http://127.0.0.1:{self.port}",
        }

    def behave(self, **options: float) -> int:
        """Change its latency or its faults; how many SMS it has taken."""
        body = "&".join(f"{name}={value}" for name, value in options.items()).encode()
        with urlopen(f"http://127.0.0.1:{self.port}/tests/", data=body, timeout=60) as answer:
            return int(json.load(answer)["taken"])

    def taken(self) -> Counter[str]:
        """How often it took a message for each number."""
        return Counter(sms.to for sms in read_books(self.books))


@contextmanager
def provider(
    folder: Path, *, latency: float = 0.05, faults: float = 0.0, callbacks: float = 0.0
) -> Iterator[Provider]:
    """Twilio's stand-in in its own process, with fresh books, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    books, port = folder / "books.jsonl", processes.free_port()
    books.unlink(missing_ok=True)
    options = {"port": port, "books": books, "latency": latency}
    options |= {"faults": faults, "callbacks": callbacks}
    command = [sys.executable, "-m", "tests.peers.twilio"]
    command += [f"--{name}={value}" for name, value in options.items()]
    process = processes.start_child(command, os.environ, folder / "provider.log")
    try:
        while processes.port_is_free(port):
            assert process.poll() is None, (folder / "provider.log").read_text()
            time.sleep(0.02)
        yield Provider(process, port, books)
    finally:
        processes.stop_children([process])


@contextmanager
def kept(
    surroundings: Mapping[str, str], log: Path, *commands: tuple[str, ...]
) -> Iterator[list[Kept]]:
    """Processes under a keeper, until the block ends."""
    with ExitStack() as stack:
        found: list[Kept] = []
        stack.callback(lambda: processes.stop_children([one.process for one in found], patience=5))
        found += [Kept(command, surroundings, log) for command in commands]
        yield found


def unsettled() -> int:
    """Messages of this shop of which something is still to be done."""
    busy = Q(available_at__isnull=False) | ~Q(status__in=FINAL)
    return Message.objects.filter(busy).count() + Attempt.objects.exclude(ask_at=None).count()


def until(done: Callable[[], object], step: Callable[[], None], patience: float, what: str) -> None:
    """Go on with ``step`` until ``done``; fails with ``what`` after ``patience`` seconds."""
    end = time.monotonic() + patience
    while not done():
        assert time.monotonic() < end, f"after {patience:.0f} s: {what}"
        step()


def judge(books: Counter[str]) -> dict[str, int]:
    """Hold the shop's messages against the provider's books; returns how many stand where."""
    twice = {to: many for to, many in books.items() if many > 1}
    assert not twice, f"sent twice: {twice}"
    statuses = dict(Message.objects.values_list("to", "status"))
    told = Counter(statuses.values())
    assert set(told) <= FINAL, told
    arrived = {to for to, status in statuses.items() if status in {Status.SENT, Status.DELIVERED}}
    failed = {to for to, status in statuses.items() if status in {Status.FAILED, Status.CANCELLED}}
    assert arrived <= books.keys(), f"said to be sent, and never taken: {arrived - books.keys()}"
    assert not failed & books.keys(), f"said not to be sent, and taken: {failed & books.keys()}"
    strangers = books.keys() - statuses.keys()
    assert not strangers, f"taken, and nobody's: {strangers}"
    return dict(told)


def rest() -> None:
    """Between two looks."""
    time.sleep(0.1)
