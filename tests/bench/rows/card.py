"""What customers meet: their card, and the poster's form that gives one."""

from collections.abc import Iterator
from itertools import count
from uuid import uuid4

from tests.bench.big import Big, ask, big_shop
from tests.bench.ground import Ground
from tests.bench.load import Figures, Requests, Side, compare, http, in_turn, ratio
from tests.bench.report import Row
from tests.bench.yardsticks import bare

LEAST, MOST_FOR_A_CARD, MOST_FOR_A_JOINING = 0.25, 4, 15
PHONES = count(10_000_000)


def measure(ground: Ground) -> Iterator[Row]:
    place = big_shop(ground, "cartes", people=1_500, visits=40_000)
    cards = in_turn([_card(place, number) for number in range(1, place.people + 1)])
    with bare(ground, "read") as read, ground.serve() as server:
        ask(server, _card(place, 1), times=10)
        found = compare(ground, [read, Side("card", server, cards, at_most=20_000)], seconds=3)
    yield _share("GET card", "the bare read", found["card"], found["bare read"])
    yield _statements(ground, "GET card", _card(place, 2), MOST_FOR_A_CARD)
    with bare(ground) as write, ground.serve(TRUSTED_PROXIES="1") as server:
        ask(server, http("GET", place.host, "/", {}), times=10)
        strangers = Side("joining", server, joinings(ground, place), at_most=900)
        found = compare(ground, [write, strangers], seconds=2)
    yield _share("POST enrolment", "the bare write", found["joining"], found["bare write"])
    yield _statements(ground, "POST enrolment", joining(place), MOST_FOR_A_JOINING)


def _card(place: Big, number: int) -> bytes:
    return http("GET", place.host, place.card(number), {"Accept-Encoding": "gzip"})


def joinings(ground: Ground, place: Big) -> Requests:
    """Strangers who take a card, each with a phone and a form of their own; the shop's limits
    (a thousand an hour) begin anew with each round."""

    def requests(number: int) -> list[bytes]:
        with ground.admin() as connection:
            connection.execute("TRUNCATE core_ratecounter, django_q_ormq")
        return [joining(place) for _ in range(number)]

    return requests


def joining(place: Big) -> bytes:
    """The form of the poster as a browser without JavaScript posts it."""
    headers = {
        "Cookie": f"csrftoken={'c' * 32}",
        "X-Forwarded-For": f"10.{uuid4().int % 250}.{uuid4().int % 250}.{uuid4().int % 250}",
    }
    body = (
        f"csrfmiddlewaretoken={'c' * 32}&key={uuid4()}&first_name=Camille"
        f"&phone=%2B336{next(PHONES) % 10**8:08d}&email=&adult=on&sms=on"
    )
    return http("POST", place.host, "/rejoindre/", headers, body)


def _share(what: str, of: str, ours: Figures, bare_view: Figures) -> Row:
    share, cpu = ratio(ours, bare_view), ours.cpu
    rate, late = ours.median("per_second"), ours.median("p95")
    value = f"{share:.1%} ({rate:.0f}/s, {cpu:.1f} ms, p95 {late:.0f} ms)"
    figures = {what: ours.told(), of: bare_view.told()}
    return Row(what, f"≥ {LEAST:.0%} of {of}", value, share >= LEAST, figures)


def _statements(ground: Ground, what: str, request: bytes, most: int) -> Row:
    with ground.logged() as said, ground.serve() as server:
        ask(server, request)
    return Row(
        f"{what}: statements", f"≤ {most}", str(len(said)), len(said) <= most, {"said": said}
    )
