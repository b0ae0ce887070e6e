"""``make demo``: from nothing to pages, again at once, and after the worst of ends."""

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, HTTPSHandler, Request, build_opener, urlopen

import pytest

from apps.ops.demo.accounts import PEOPLE, PIN
from config import demo, embedded, processes
from tests import environment

pytestmark = pytest.mark.slow


class Launched:
    """One run of the launcher; what it printed is in ``told``."""

    def __init__(self, data: Path, port: int, **more: str) -> None:
        hidden = ("DATABASE_URL", "DATABASE_OWNER_URL", "SECRET_KEY")
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        self.paper = data.parent / f"told-{time.monotonic_ns()}.txt"
        with self.paper.open("wb") as paper:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.demo"],
                cwd=environment.ROOT,
                env={**kept, "DATA_DIR": str(data), "PORT": str(port), **more},
                stdout=paper,
                stderr=paper,
            )
        self.began = time.monotonic()

    @property
    def told(self) -> str:
        return self.paper.read_text()

    def until_ready(self, patience: float = 400) -> float:
        """Seconds until it said that all is ready."""
        _until(lambda: "prêt." in self.told or self.process.poll() is not None, patience)
        assert "prêt." in self.told, self.told
        return time.monotonic() - self.began

    def stop(self, sign: int) -> int:
        self.process.send_signal(sign)
        return self.process.wait(120)


def _until(look: Callable[[], object], patience: float) -> None:
    end = time.monotonic() + patience
    while not look():
        assert time.monotonic() < end, f"not within {patience} s"
        time.sleep(0.05)


def _running(data: Path) -> list[str]:
    """Processes of this data folder, by what their environment says (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"DATA_DIR={data}\0".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().decode().replace("\0", " "))
    return found


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "dossier avec espaces"
    folder.mkdir()
    yield folder
    if embedded.socket_folder(folder / "postgres"):
        embedded.stop(folder / "postgres")


@pytest.fixture
def launch(data: Path) -> Iterator[Callable[..., Launched]]:
    """``launch(port)``: the launcher on this data; what still runs at the end is stopped."""
    with contextlib.ExitStack() as started:

        def start(port: int, **more: str) -> Launched:
            made = Launched(data, port, **more)
            started.callback(lambda: made.process.poll() is None and made.stop(signal.SIGTERM))
            return made

        yield start


def _port_with_room_for_a_phone() -> int:
    while True:
        port = processes.free_port()
        if all(processes.port_is_free(port + more) for more in (443, 444)):
            return port


def _at_the_counter_by_phone(told: str, port: int) -> str:
    """What a phone of the network sees that follows what the launcher printed, TLS and all."""
    with urlopen(f"http://127.0.0.1:{port + 444}/") as answer:
        trusted = ssl.create_default_context(cadata=answer.read())
    browser = build_opener(HTTPSHandler(context=trusted), HTTPCookieProcessor())
    root = f"https://127.0.0.1:{port + 443}"

    def visit(path: str, **said: str) -> tuple[str, str]:
        body = urlencode(said).encode() if said else None
        request = Request(f"{root}{path}", body, {"Referer": f"{root}{path}"})
        with browser.open(request) as answer:
            return answer.url.removeprefix(root), answer.read().decode()

    def sent_from(page: str, path: str, **said: str) -> tuple[str, str]:
        (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page))
        return visit(path, csrfmiddlewaretoken=token, **said)

    pairing, code = re.search(rf"{root}(/\S+\?code=(\w+))", told).groups()
    _at, page = visit(pairing)
    _at, page = sent_from(page, pairing, code=code)
    person = re.search(r'href="(/comptoir/qui/\d+/[^"]*)"', page).group(1)
    at, page = sent_from(visit(person)[1], person, pin=PIN)
    assert at == "/comptoir/"
    assert "importScripts" in visit("/comptoir/service-worker.js")[1]
    return page


def test_it_fills_serves_survives_a_kill_and_stops_without_a_trace(data, launch):
    port = _port_with_room_for_a_phone()
    first = launch(port)
    first.until_ready()
    assert "1500 clients" in first.told
    for person in PEOPLE:
        assert person.email in first.told
    assert re.search(r"code du moment \d{6}", first.told)
    assert processes.answers(f"http://127.0.0.1:{port}/health/ready")

    second_at_once = launch(port)
    assert second_at_once.process.wait(120) == 1
    assert "tourne déjà" in second_at_once.told

    first.stop(signal.SIGKILL)
    again = launch(port, PHONE="127.0.0.1")
    again.until_ready()
    assert "1500 clients" not in again.told, "the shops are filled once"
    assert "Scanner une carte" in _at_the_counter_by_phone(again.told, port)
    assert again.stop(signal.SIGTERM) == 0
    assert "PostgreSQL arrêté" in again.told
    assert embedded.socket_folder(data / "postgres") is None
    if sys.platform == "linux":
        _until(lambda: not _running(data), 60)


def test_a_taken_port_is_a_clear_sentence(launch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        launched = launch(port)
        assert launched.process.wait(120) == 1
    assert f"Le port {port} est pris" in launched.told
    assert f"PORT={port + 1} make demo" in launched.told
    assert "Traceback" not in launched.told


def test_half_a_database_is_a_clear_sentence(launch):
    launched = launch(processes.free_port(), DATABASE_URL="postgresql://x@y/z")
    assert launched.process.wait(120) == 1
    assert "DATABASE_OWNER_URL" in launched.told


def test_a_number_given_anew_to_another_program_is_left_alone(data, monkeypatch):
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        monkeypatch.setattr(demo, "STATE", data / "demo.json")
        demo.STATE.write_text(f'{{"launcher": 999999999, "web": {other.pid}}}')
        demo.recover()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
