"""Which VAT rates a shop may charge on a day: read from the table of ``config.vat``."""

from datetime import date
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from apps.shops.models import Region, Shop

CORSICA = "CORSE"
# No VAT is due there, whoever sells (CGI, art. 294).
WITHOUT_VAT = frozenset({Region.GF, Region.YT})
OUTSIDE = "TVA non applicable, art. 294 du CGI"


def territory_of(shop: Shop) -> str:
    """Where the shop stands for the tax office: Corsica is told by its postal codes."""
    if shop.region == Region.FR and shop.postal_code.startswith("20"):
        return CORSICA
    return str(shop.region)


def rates_in(territory: str, on: date) -> list[Any]:
    """The rates in force there on that day, the highest first."""
    held = [
        rate
        for rate in import_string(settings.VAT_RATES)
        if rate.territory == territory
        and rate.since <= on
        and (rate.until is None or on <= rate.until)
    ]
    return sorted(held, key=lambda rate: -rate.share)


def show_rate(share: int) -> str:
    """``5,5 %``, ``20 %``."""
    text = f"{share / 100:.2f}".rstrip("0").rstrip(".").replace(".", ",")
    return f"{text}\u00a0%"


def local_rate(share: int, territory: str, on: date) -> int | None:
    """What a product that is taxed so in mainland France (as the catalogue says) is taxed here;
    None when nothing here answers to it."""
    here = rates_in(territory, on)
    if any(rate.share == share for rate in here):
        return share
    levels = {rate.share: rate.level for rate in rates_in(Region.FR, on)}
    level = levels.get(share)
    # Overseas has no rate in between: what is neither reduced nor special is standard.
    for wanted in (level, "standard" if level == "intermediate" else "reduced"):
        for rate in here:
            if level and rate.level == wanted:
                return int(rate.share)
    return None
