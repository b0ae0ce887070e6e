"""What customers meet: their card."""

from collections.abc import Iterator

from tests.bench.big import Big, ask, big_shop
from tests.bench.ground import Ground
from tests.bench.load import Figures, Side, compare, http, in_turn, ratio
from tests.bench.report import Row
from tests.bench.statements import Hot, counted
from tests.bench.yardsticks import bare

LEAST, MOST_FOR_A_CARD = 0.25, 4


def hot(ground: Ground) -> Iterator[Hot]:
    yield viewing(_shop(ground))


def viewing(place: Big) -> Hot:
    return Hot("GET card", place.shop.schema_name, _card(place, 1), _card(place, 2))


def measure(ground: Ground) -> Iterator[Row]:
    place = _shop(ground)
    cards = in_turn([_card(place, number) for number in range(1, place.people + 1)])
    with bare(ground, "read") as read, ground.serve() as server:
        ask(server, _card(place, 1), times=10)
        found = compare(ground, [read, Side("card", server, cards, at_most=20_000)], seconds=3)
    yield _share("GET card", "the bare read", found["card"], found["bare read"])
    yield counted(ground, viewing(place), MOST_FOR_A_CARD)


def _shop(ground: Ground) -> Big:
    return big_shop(ground, "cartes", people=1_500, visits=40_000)


def _card(place: Big, number: int) -> bytes:
    return http("GET", place.host, place.card(number), {"Accept-Encoding": "gzip"})


def _share(what: str, of: str, ours: Figures, bare_view: Figures) -> Row:
    share, cpu = ratio(ours, bare_view), ours.cpu
    rate, late = ours.median("per_second"), ours.median("p95")
    value = f"{share:.1%} ({rate:.0f}/s, {cpu:.1f} ms, p95 {late:.0f} ms)"
    figures = {what: ours.told(), of: bare_view.told()}
    return Row(what, f"≥ {LEAST:.0%} of {of}", value, share >= LEAST, figures)
