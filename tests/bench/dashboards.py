"""Open pages that nobody looks away from: each asks again and again, or waits for what comes."""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings

from apps.core import live
from apps.core.tenancy import in_schema
from tests.bench.ground import Server
from tests.bench.load import http
from tests.bench.people import Place

EVERY = 1.2  # as static/js/live.js asks


class Pages:
    """``waits``: seconds from a stamp's answer until its shop's page was told."""

    def __init__(self, server: Server, places: Sequence[Place], follow: "Follow") -> None:
        self.server, self.places, self.follow = server, places, follow
        self.stamped: dict[str, float] = {}
        self.waits: list[float] = []
        self.open = 0
        self.addresses: dict[str, str] = {}
        for place in places:
            with in_schema(place.shop.schema_name):
                self.addresses[place.shop.schema_name] = live.address("shop")

    def told(self, place: Place) -> None:
        at = self.stamped.pop(place.shop.schema_name, None)
        if at is not None:
            self.waits.append(time.monotonic() - at)

    async def run(self, closing: asyncio.Event) -> None:
        tasks = [asyncio.create_task(self.follow(self, place)) for place in self.places]
        await closing.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


Follow = Callable[[Pages, Place], Awaitable[None]]


async def poll(pages: Pages, place: Place) -> None:
    address = pages.addresses[place.shop.schema_name]
    host, tag = f"{place.shop.host}{settings.PORT_SUFFIX}", ""
    await asyncio.sleep(random.random() * EVERY)
    reader, writer = await asyncio.open_connection("127.0.0.1", pages.server.port)
    pages.open += 1
    while True:
        headers = {"If-None-Match": tag, "Accept-Encoding": "gzip"}
        writer.write(http("GET", host, address, headers))
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        tag = answer.split("ETag: ")[1].split("\r\n")[0]
        if answer.startswith("HTTP/1.1 204"):
            pages.told(place)
        await asyncio.sleep(EVERY)


async def listen(pages: Pages, place: Place) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", pages.server.port)
    writer.write(http("GET", place.shop.host, f"/flux/{place.shop.schema_name}", {}))
    await reader.readuntil(b"open\n\n")
    pages.open += 1
    while True:
        if (await reader.readline()).startswith(b"data"):
            pages.told(place)


@contextmanager
def opened(server: Server, places: Sequence[Place], follow: Follow) -> Iterator[Pages]:
    """All pages, followed by a thread of this process until the block ends."""
    pages, loop, closing = Pages(server, places, follow), asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=[pages.run(closing)])
    thread.start()
    try:
        end = time.monotonic() + 60
        while pages.open < len(places) and time.monotonic() < end:
            time.sleep(0.1)
        if pages.open < len(places):
            raise RuntimeError(f"only {pages.open} of {len(places)} pages could be opened")
        yield pages
    finally:
        loop.call_soon_threadsafe(closing.set)
        thread.join()
        loop.close()
