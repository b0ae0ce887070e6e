"""The owner's home of a shop with 1,500 customers, and with a long past behind it."""

from collections.abc import Iterator

from tests.bench.big import Big, ask, big_shop
from tests.bench.ground import Ground, Server
from tests.bench.load import Side, compare, http, in_turn
from tests.bench.report import Row
from tests.bench.statements import Hot, statements

MOST_MS, MOST_QUERIES, MOST_SLOWER, MOST_P95 = 25, 8, 1.3, 100


def hot(ground: Ground) -> Iterator[Hot]:
    yield _hot(_few(ground))


def _few(ground: Ground) -> Big:
    return big_shop(ground, "quarante-mille", people=1_500, visits=40_000)


def _hot(place: Big) -> Hot:
    return Hot("home", place.shop.schema_name, _request(place), _request(place))


def measure(ground: Ground) -> Iterator[Row]:
    few = _few(ground)
    many = big_shop(ground, "trois-cent-mille", people=1_500, visits=300_000)
    with ground.serve() as server:
        sides = [_home("40,000 visits", few, server), _home("300,000 visits", many, server)]
        found = compare(ground, sides, rounds=5, seconds=3)
    figures = {name: one.told() for name, one in found.items()}
    one, other = found.values()
    parts = f"{one.median('app'):.1f} + {one.median('database'):.1f}"
    value = f"{one.cpu:.1f} ms ({parts}), {2000 / one.cpu:.0f}/s on two cores"
    yield Row("home, 40,000 visits", f"≤ {MOST_MS} ms", value, one.cpu <= MOST_MS, figures)
    slower = other.cpu / one.cpu
    value = f"{slower:.2f} × ({other.median('app'):.1f} + {other.median('database'):.1f} ms)"
    reached = slower <= MOST_SLOWER
    yield Row("home, 300,000 visits", f"≤ {MOST_SLOWER} × the first", value, reached)
    late = one.median("p95")
    yield Row("home: p95, four at once", f"≤ {MOST_P95} ms", f"{late:.0f} ms", late <= MOST_P95)
    said = statements(ground, _hot(few))
    queries = [one for one in said if not one.startswith(("SET search_path", "BEGIN", "COMMIT"))]
    value = f"{len(queries)} ({len(said)} statements)"
    yield Row("home: queries", f"≤ {MOST_QUERIES}", value, len(queries) <= MOST_QUERIES)


def _request(place: Big) -> bytes:
    return http("GET", place.host, "/gestion/", {"Cookie": place.cookie})


def _home(name: str, place: Big, server: Server) -> Side:
    ask(server, _request(place), times=10)
    return Side(name, server, in_turn([_request(place)]), at_most=3000)
