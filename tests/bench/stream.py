"""Server-sent events, which Comptoir does not use: what ``rows/live.py`` holds polling against.

A stamp notifies PostgreSQL within its transaction; one thread of each web process listens; every
open page holds a thread of the server until it is closed.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from config.wsgi import application as comptoir

# isort: split
# Django is set up by now.
from apps.core.tenancy import current_schema
from apps.loyalty.services import stamping

HEARTBEAT = 15  # seconds: a front closes what says nothing
_announce = stamping.announce


def _announce_and_notify(fact: Any) -> None:
    _announce(fact)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('live', %s)", [current_schema()])


stamping.announce = _announce_and_notify


class Shops:
    """Of each shop how often it has changed, for the threads that wait for it."""

    def __init__(self) -> None:
        self.waiting: dict[str, threading.Condition] = defaultdict(threading.Condition)
        self.turns: dict[str, int] = defaultdict(int)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        known = settings.DATABASES["default"]
        with psycopg.connect(
            host=known["HOST"],
            port=known["PORT"] or None,
            user=known["USER"],
            password=known["PASSWORD"] or None,
            dbname=known["NAME"],
            autocommit=True,
        ) as listening:
            listening.execute("LISTEN live")
            for said in listening.notifies():
                with self.waiting[said.payload]:
                    self.turns[said.payload] += 1
                    self.waiting[said.payload].notify_all()

    def news(self, schema: str) -> Iterator[bytes]:
        yield b": open\n\n"
        while True:
            seen = self.turns[schema]
            with self.waiting[schema]:
                if self.turns[schema] == seen:
                    self.waiting[schema].wait(HEARTBEAT)
            yield b": still here\n\n" if self.turns[schema] == seen else b"data: news\n\n"


_shops = cache(Shops)  # in the worker that was forked, not before


def application(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
    """``/flux/SCHEMA`` without any of the middleware, the rest as it is served."""
    before, _, schema = environ["PATH_INFO"].rpartition("/")
    if before != "/flux":
        return comptoir(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    return _shops().news(schema)
