"""A customer's card in many shops: the same token in each, so that a wrong schema is seen."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

from django.conf import settings

from apps.core.tenancy import in_schema
from apps.loyalty.models import Card
from tests.bench.ground import Server
from tests.bench.load import http
from tests.bench.people import Place


def card_path(places: Sequence[Place]) -> str:
    """Where the first card stands, in every shop."""
    with in_schema(places[0].shop.schema_name):
        return f"/c/{Card.objects.order_by('pk')[0].token}/"


def card_views(places: Sequence[Place]) -> list[bytes]:
    path = card_path(places)
    return [http("GET", f"{p.shop.host}{settings.PORT_SUFFIX}", path, {}) for p in places]


def wrong_answers(server: Server, places: Sequence[Place], threads: int = 8) -> tuple[int, int]:
    """Cards of many shops asked at once: how many answers were not that shop's, of how many."""
    path = card_path(places)

    def ask(order: Sequence[Place]) -> int:
        wrong = 0
        link = HTTPConnection("127.0.0.1", server.port, timeout=30)
        for place in order:
            host = f"{place.shop.host}{settings.PORT_SUFFIX}"
            link.request("GET", path, headers={"Host": host})
            answer = link.getresponse()
            text = answer.read().decode()
            wrong += answer.status != 200 or f">{place.shop.name}<" not in text.replace("\n", "")
        link.close()
        return wrong

    orders = [[*places[turn::threads], *places[:turn]] for turn in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(ask, orders)), sum(map(len, orders))
