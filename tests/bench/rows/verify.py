"""Every card of a shop of a million movements proven, beside the plain sum of its ledger."""

import time
from collections.abc import Iterator

from tests.bench.ground import Ground
from tests.bench.report import Row
from tests.bench.rows.keep import MOVEMENTS, SLUG, SMALL, a_shop, great_shop, manage

_PLAIN = "SELECT count(*) FROM (SELECT sum(stamps) FROM {}.loyalty_movement GROUP BY card_id) AS s"


def measure(ground: Ground) -> Iterator[Row]:
    shop = great_shop(ground)
    a_shop(SMALL)
    with ground.admin() as connection:
        began = time.monotonic()
        connection.execute(_PLAIN.format(shop.schema_name))
        plain = time.monotonic() - began
    small = manage(ground, "verify_cards", SMALL)
    great = manage(ground, "verify_cards", SLUG)
    more, beside = great.memory - small.memory, (great.seconds - small.seconds) / plain
    figures = {"small": small.told(), "great": great.told(), "plain sum": f"{plain:.2f} s"}
    name = f"verify_cards, {MOVEMENTS:,} movements"
    yield Row(name, "≤ 30 s", great.told(), great.seconds <= 30, figures)
    yield Row("its memory above a small shop's", "≤ 10 MB", f"{more:.0f} MB", more <= 10)
    yield Row("beside the plain sum of the ledger", "≤ 8 ×", f"{beside:.1f} ×", beside <= 8)
