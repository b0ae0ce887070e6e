"""Jobs for the tests of the workers: each writes down that it began, and where."""

import os
import signal
import threading
from pathlib import Path

from django.conf import settings
from django.db import connection


def _note(word: str) -> None:
    with (Path(settings.DATA_DIR) / "ran").open("a") as file:
        file.write(f"{word} {os.getpid()}\n")


def nothing() -> None:
    """The cheapest job there is."""


def say(word: str) -> None:
    _note(word)


def wait_for_word(word: str) -> None:
    """In hand until the test lets it go; ``<word>-end`` when it was."""
    _note(word)
    gate = Path(settings.DATA_DIR) / f"{word}.go"
    while not gate.exists():
        threading.Event().wait(0.01)
    _note(f"{word}-end")


def explode(word: str) -> None:
    _note(word)
    raise LookupError("Hélène Dupont, +33612345678")


def explode_once(word: str) -> None:
    """Fails at its first try only."""
    ran = (Path(settings.DATA_DIR) / "ran").read_text()
    _note(word)
    if f"{word} " not in ran:
        raise LookupError


def leave() -> None:
    _note("leave")
    os._exit(3)


def crash() -> None:
    _note("crash")
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    _note("hang")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Event().wait()


def leave_a_transaction_open() -> None:
    _note("open")
    connection.set_autocommit(False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM public.shops_shop FOR UPDATE")
