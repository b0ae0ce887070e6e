"""The team's pages with 1,500 and with 100,000 people: how late, at what cost, by which plans."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.conf import settings
from django.middleware.csrf import CSRF_SECRET_LENGTH

from apps.accounts.models import User
from tests.bench.big import Big, ask, big_shop, send_drops
from tests.bench.ground import Ground, Server
from tests.bench.load import http
from tests.bench.people import Helper, Place, stamp
from tests.bench.report import Row
from tests.bench.rows.card import viewing
from tests.bench.rows.enrolment import joining
from tests.bench.statements import Hot

MOST_P95, TIMES = 100, 40
PAGES = {
    "people list": "/gestion/clients/",
    "a person": "/gestion/clients/7/",
    "counter": "/comptoir/",
    "counter, search by name": "/comptoir/?q=camille+ma",
    "counter, search by digits": "/comptoir/?q=4242",
    "counter, a card": "/comptoir/carte/7/",
    "drops": "/gestion/messages/",
    "home": "/gestion/",
}


@dataclass(frozen=True, slots=True)
class Size:
    people: int
    visits: int
    drops: int


USUAL, LARGE = Size(1_500, 40_000, 40), Size(100_000, 250_000, 3)


def _shop(ground: Ground, size: Size) -> Big:
    slug = "pages-usuelles" if size is USUAL else "cent-mille"
    place = big_shop(ground, slug, people=size.people, visits=size.visits)
    send_drops(ground, place, size.drops)
    return place


def _get(place: Big, path: str) -> bytes:
    return http("GET", place.host, path, {"Cookie": place.cookie, "Accept-Encoding": "gzip"})


def hot(ground: Ground) -> Iterator[Hot]:
    """Everything that people wait for, in the largest shop."""
    place = _shop(ground, LARGE)
    schema = place.shop.schema_name
    for name, path in PAGES.items():
        yield Hot(f"{name}, a large shop", schema, _get(place, path), _get(place, path))
    yield replace(viewing(place), name="GET card, a large shop")
    yield Hot("enrolment, a large shop", schema, joining(place), joining(place))
    counter = Place(place.shop, [_owner(place)])
    yield Hot("stamp, a large shop", schema, stamp(counter, 1), stamp(counter, 2))


def _owner(place: Big) -> Helper:
    token = "c" * CSRF_SECRET_LENGTH
    return Helper(User(), f"{place.cookie}; {settings.CSRF_COOKIE_NAME}={token}", token)


def measure(ground: Ground) -> Iterator[Row]:
    for size in (USUAL, LARGE):
        place = _shop(ground, size)
        with ground.serve() as server:
            for name, path in PAGES.items():
                yield _row(ground, server, size, name, _get(place, path))


def _row(ground: Ground, server: Server, size: Size, name: str, request: bytes) -> Row:
    """One request after the other, nobody else on the server."""
    ask(server, request, times=6)
    app, database, late = server.cpu(), ground.database_cpu(), []
    for _ in range(TIMES):
        began = time.perf_counter()
        ask(server, request)
        late.append((time.perf_counter() - began) * 1000)
    app, database = server.cpu() - app, ground.database_cpu() - database
    p95 = statistics.quantiles(late, n=20)[-1]
    each = {"app": app * 1000 / TIMES, "database": database * 1000 / TIMES}
    value = (
        f"{p95:.0f} ms (p50 {statistics.median(late):.0f}; "
        f"CPU {each['app']:.1f} + {each['database']:.1f} ms)"
    )
    mark = f"≤ {MOST_P95} ms" if size is USUAL else "said"
    reached = p95 <= MOST_P95 or size is not USUAL
    return Row(f"{name}, {size.people:,} people: p95", mark, value, reached, {"ms": late, **each})
