"""Asking the clock for two thousand shops when nothing is due, and when ten are."""

import time
from collections.abc import Iterator, Sequence
from statistics import median

from django_q.models import OrmQ

from apps.campaigns.firing import DUE, next_moment
from apps.campaigns.tasks import look_at_the_clock
from apps.core.tenancy import in_schema, use_public
from tests.bench.ground import Ground
from tests.bench.people import Place, shops
from tests.bench.report import Row

SHOPS, OPENED, TURNS = 2000, 40, 30
_FILL = """
INSERT INTO public.core_due (schema, what, at)
SELECT 'sweep_' || n, %s, now() + interval '1 hour' + n * interval '1 second'
FROM generate_series(1, %s) AS n ON CONFLICT DO NOTHING
"""
_DUE_NOW = "INSERT INTO public.core_due (schema, what, at) SELECT unnest(%s::text[]), %s, now()"


def measure(ground: Ground) -> Iterator[Row]:
    places = shops(ground, OPENED)
    names = [place.shop.schema_name for place in places[:10]]
    use_public()
    with ground.admin() as admin:
        admin.execute("DELETE FROM public.core_due")
        admin.execute(_FILL, [DUE, SHOPS])
        admin.execute("ANALYZE public.core_due")
        try:
            nothing = [_asked() for _ in range(TURNS)]
            opened = _opened(places) * SHOPS
            admin.execute(_DUE_NOW, [names, DUE])
            ten, queued = _asked(), OrmQ.objects.count()
        finally:
            admin.execute("DELETE FROM public.core_due")
            OrmQ.objects.all().delete()
    took = median(nothing)
    value = (
        f"{took * 1000:.1f} ms (opening each schema: {opened:.1f} s); "
        f"{ten * 1000:.0f} ms with ten due, {queued} jobs"
    )
    figures = {"nothing": nothing, "opened": opened, "ten": ten, "queued": queued}
    good = max(nothing) <= 2 and queued == len(names)
    yield Row(f"trigger sweep over {SHOPS} shops, nothing due", "≤ 2 s", value, good, figures)


def _asked() -> float:
    began = time.perf_counter()
    look_at_the_clock()
    return time.perf_counter() - began


def _opened(places: Sequence[Place]) -> float:
    """Seconds to ask one shop in its own schema: what the index spares."""
    began = time.perf_counter()
    for place in places:
        with in_schema(place.shop.schema_name):
            next_moment(place.shop)
    use_public()
    return (time.perf_counter() - began) / len(places)
