"""A stamp at the counter, over 500 shops, beside the bare view."""

from collections.abc import Iterator

from config import processes
from tests.bench.ground import Ground
from tests.bench.load import Side, compare, ratio
from tests.bench.people import shops, stamps
from tests.bench.report import Row
from tests.bench.yardsticks import bare

APP = [*processes.WEB[1:-1], "tests.bench.app"]


def measure(ground: Ground) -> Iterator[Row]:
    places = shops(ground, 500)
    with bare(ground) as view, ground.serve(APP) as server:
        sides = [
            view,
            Side("stamp", server, stamps(places)),
            Side("stamp, plain form", server, stamps(places, htmx=False)),
        ]
        found = compare(ground, sides, rounds=5, seconds=3)
    figures = {name: one.told() for name, one in found.items()}
    for name in ("stamp", "stamp, plain form"):
        share, slow = (ratio(found[name], found["bare write"], f) for f in ("per_second", "p95"))
        value = f"{share:.1%} ({found[name].median('per_second'):.0f}/s, {found[name].cpu:.1f} ms)"
        yield Row(name, "≥ 36 % of the bare view", value, share >= 0.36, figures)
        yield Row(f"{name}: p95", "≤ 3 × the bare view's", f"{slow:.1f} ×", slow <= 3)
