"""A stamp at the counter, over 500 shops, beside the bare view."""

from collections.abc import Iterator

from tests.bench.ground import Ground
from tests.bench.load import Side, compare, ratio
from tests.bench.people import Place, shops, stamp, stamps
from tests.bench.report import Row
from tests.bench.statements import Hot, counted
from tests.bench.yardsticks import bare

SHOPS = 500


def hot(ground: Ground) -> Iterator[Hot]:
    yield _hot(shops(ground, SHOPS)[0])


def _hot(place: Place) -> Hot:
    # Cards 1 and 2 begin with one and two stamps: neither wins a reward.
    return Hot("stamp", place.shop.schema_name, stamp(place, 1), stamp(place, 2))


def measure(ground: Ground) -> Iterator[Row]:
    places = shops(ground, SHOPS)
    yield counted(ground, _hot(places[0]), 12)
    with bare(ground) as view, ground.serve() as server:
        sides = [
            view,
            Side("stamp", server, stamps(places)),
            Side("stamp, plain form", server, stamps(places, htmx=False)),
        ]
        found = compare(ground, sides, rounds=5, seconds=3)
    figures = {name: one.told() for name, one in found.items()}
    for name in ("stamp", "stamp, plain form"):
        ours, theirs = found[name], found["bare write"]
        share, slow = ratio(ours, theirs), ratio(ours, theirs, "p95")
        cpu = theirs.cpu / ours.cpu
        value = (
            f"{share:.1%} ({ours.median('per_second'):.0f}/s; by CPU {cpu:.1%}, {ours.cpu:.1f} ms)"
        )
        yield Row(name, "≥ 36 % of the bare view", value, share >= 0.36, figures)
        yield Row(f"{name}: p95", "≤ 3 × the bare view's", f"{slow:.1f} ×", slow <= 3)
