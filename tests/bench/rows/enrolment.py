"""Strangers fill in the poster's form, over the stamp's shops, beside it and the bare view."""

import random
from collections.abc import Iterator, Sequence
from itertools import cycle
from uuid import uuid4

from django.conf import settings

from tests.bench.ground import Ground
from tests.bench.load import Requests, Side, compare, http, ratio
from tests.bench.people import Place, shops, stamps
from tests.bench.report import Row
from tests.bench.rows.stamp import SHOPS
from tests.bench.statements import Hot, counted
from tests.bench.yardsticks import bare

LEAST, MOST_STATEMENTS, MOST_STAMPS = 0.25, 15, 1.5


def hot(ground: Ground) -> Iterator[Hot]:
    yield _hot(shops(ground, SHOPS)[0])


def _hot(place: Place) -> Hot:
    return Hot("enrolment", place.shop.schema_name, joining(place), joining(place))


def measure(ground: Ground) -> Iterator[Row]:
    places = shops(ground, SHOPS)
    yield counted(ground, _hot(places[0]), MOST_STATEMENTS)
    with bare(ground) as view, ground.serve(TRUSTED_PROXIES="1") as server:
        sides = [
            view,
            Side("stamp", server, stamps(places)),
            Side("enrolment", server, joinings(ground, places)),
        ]
        found = compare(ground, sides, rounds=5, seconds=3)
    ours, theirs, stamp = found["enrolment"], found["bare write"], found["stamp"]
    figures = {name: one.told() for name, one in found.items()}
    share, rate = ratio(ours, theirs), ours.median("per_second")
    cpu, late = theirs.cpu / ours.cpu, ours.median("p95")
    value = f"{share:.1%} ({rate:.0f}/s; by CPU {cpu:.1%}, {ours.cpu:.1f} ms, p95 {late:.0f} ms)"
    yield Row("enrolment", f"≥ {LEAST:.0%} of the bare view", value, share >= LEAST, figures)
    times = ours.cpu / stamp.cpu
    value = f"{times:.2f} × ({ours.cpu:.1f} ms to {stamp.cpu:.1f} ms)"
    mark = f"≤ {MOST_STAMPS} × a stamp's"
    yield Row("enrolment: CPU", mark, value, times <= MOST_STAMPS)


def joinings(ground: Ground, places: Sequence[Place]) -> Requests:
    """A stranger in each shop in turn; the shops' limits begin anew with each round."""
    turn = cycle(places)

    def requests(number: int) -> list[bytes]:
        with ground.admin() as connection:
            connection.execute("TRUNCATE core_ratecounter, django_q_ormq")
        return [joining(next(turn)) for _ in range(number)]

    return requests


def joining(place: Place) -> bytes:
    """The form as a browser without JavaScript posts it, from a phone of its own."""
    a, b, c = (random.randint(1, 250) for _ in range(3))
    headers = {"Cookie": f"csrftoken={'c' * 32}", "X-Forwarded-For": f"10.{a}.{b}.{c}"}
    body = (
        f"csrfmiddlewaretoken={'c' * 32}&key={uuid4()}&first_name=Camille"
        f"&phone=%2B336{random.randint(10_000_000, 29_999_999)}&email=&adult=on&accord_sms=on"
    )
    host = f"{place.shop.host}{settings.PORT_SUFFIX}"
    return http("POST", host, "/rejoindre/", headers, body)
