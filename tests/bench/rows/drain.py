"""A phone comes back from the cellar: 300 gestures, in the letters it sends."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.utils import timezone

from apps.core.tenancy import in_schema
from apps.loyalty.models import Movement
from tests.bench.big import ask
from tests.bench.ground import Ground, Server
from tests.bench.load import http
from tests.bench.people import CARDS, Place, shops
from tests.bench.report import Row

GESTURES, LETTER, MOST = 300, 50, 3.0


def measure(ground: Ground) -> Iterator[Row]:
    (place,) = shops(ground, 1)
    with ground.serve() as server:
        _send(server, place, _queue(10))
        queue = _queue(GESTURES)
        before, app, database = _lines(place), server.cpu(), ground.database_cpu()
        took = _send(server, place, queue)
        cpu = server.cpu() - app + ground.database_cpu() - database
        again = _send(server, place, queue)
        effects = _lines(place) - before
    each = f"{cpu * 1000 / GESTURES:.1f} ms of CPU each"
    value = f"{took:.2f} s ({each}; sent again {again:.2f} s)"
    yield Row("drain of 300 gestures", f"≤ {MOST:.0f} s", value, took <= MOST, {"seconds": took})
    yield Row("drain sent twice: effects", str(GESTURES), str(effects), effects == GESTURES)


def _queue(many: int) -> list[dict[str, object]]:
    """Stamps of an evening, some of people whom the shop does not know yet."""
    begin, queue = timezone.now() - timedelta(hours=5), list[dict[str, object]]()
    for number in range(many):
        token, at = uuid4(), begin + timedelta(minutes=number)
        said = {"id": str(token), "kind": "stamp", "at": int(at.timestamp() * 1000)}
        if number % 10:
            queue.append({**said, "card": number % CARDS + 1})
        else:
            phone = f"0671{token.int % 10**6:06d}"
            queue.append({**said, "kind": "add", "phone": phone, "stamp": True})
    return queue


def _send(server: Server, place: Place, queue: list[dict[str, object]]) -> float:
    helper, host = place.helpers[0], f"{place.shop.host}{settings.PORT_SUFFIX}"
    headers = {
        "Cookie": helper.cookie,
        "Origin": f"{settings.SCHEME}://{host}",
        "X-CSRFToken": helper.csrf,
    }
    began = time.perf_counter()
    for at in range(0, len(queue), LETTER):
        sent = int(timezone.now().timestamp() * 1000)
        letter = {"device": str(UUID(int=7)), "sent_at": sent, "gestures": queue[at : at + LETTER]}
        ask(server, http("POST", host, "/comptoir/hors-ligne/envoi/", headers, json.dumps(letter)))
    return time.perf_counter() - began


def _lines(place: Place) -> int:
    with in_schema(place.shop.schema_name):
        return Movement.objects.filter(kind="earn").count()
