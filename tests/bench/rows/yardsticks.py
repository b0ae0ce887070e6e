"""Whether the yardstick itself is worth something: the bare view beside pgbench."""

from collections.abc import Iterator

from tests.bench.ground import Ground
from tests.bench.load import compare, ratio
from tests.bench.report import Row
from tests.bench.yardsticks import bare, pgbench


def measure(ground: Ground) -> Iterator[Row]:
    with bare(ground) as view:
        found = compare(ground, [view, pgbench()], rounds=3)
    view_figures, sql = found["bare write"], found["pgbench"]
    share = ratio(view_figures, sql)
    value = f"{share:.1%} ({view_figures.median('per_second'):.0f}/s)"
    figures = {name: figures.told() for name, figures in found.items()}
    yield Row("bare view beside pgbench", "≥ 7 %", value, share >= 0.07, figures)
