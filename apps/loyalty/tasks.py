"""Work off the request: what a shop prints."""

from apps.loyalty import printing
from apps.shops.services import shop_here


def make_support(key: str) -> None:
    printing.make(shop_here(), key)
