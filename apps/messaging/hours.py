"""When a commercial message may reach someone: legal hours in their own time (french-rules §1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import count
from zoneinfo import ZoneInfo

from jours_feries_france import JoursFeries

from apps.core.phone import phone_region, phone_zone, region_zone
from apps.shops.models import Shop

_MAINLAND = "Métropole"
_ALSACE_MOSELLE = "Alsace-Moselle"
_ALSACE_MOSELLE_POSTAL = ("57", "67", "68")
_HOLIDAYS = {
    "GP": "Guadeloupe",
    "MQ": "Martinique",
    "GF": "Guyane",
    "RE": "La Réunion",
    "YT": "Mayotte",
    "BL": "Saint-Barthélémy",
    "MF": "Saint-Martin",
    "PM": "Saint-Pierre-et-Miquelon",
}
_POSTAL = {"971": "GP", "972": "MQ", "973": "GF", "974": "RE", "976": "YT", "975": "PM"}
_POSTAL_ISLANDS = {"97133": "BL", "97150": "MF"}

# The charter's hours, for a shop whose own are turned inside out.
_LEGAL = (time(8), time(21, 30))


@dataclass(frozen=True, slots=True)
class Place:
    """Whose clock and whose holidays count."""

    zone: ZoneInfo
    holidays: str


def _postal_region(postal_code: str) -> str:
    return _POSTAL_ISLANDS.get(postal_code) or _POSTAL.get(postal_code[:3], "FR")


def place_of(shop: Shop, phone_or_postal: str, postal_code: str = "") -> Place:
    """Where the recipient lives, as far as the number and the postal code tell.

    An overseas number decides alone; a mainland one yields to the person's own postal code.
    Without a postal code the days off are those around the shop, where customers live.
    """
    phone = phone_or_postal if phone_or_postal.startswith("+") else ""
    postal = postal_code or ("" if phone else phone_or_postal)
    region = phone_region(phone) if phone else ""
    if region not in _HOLIDAYS and postal:
        region = _postal_region(postal)
    if not phone and not postal:
        region = shop.region
    if region in _HOLIDAYS:
        return Place(region_zone(region), _HOLIDAYS[region])
    alsace = (postal or shop.postal_code).startswith(_ALSACE_MOSELLE_POSTAL)
    zone = phone_zone(phone) if phone else region_zone("FR")
    return Place(zone, _ALSACE_MOSELLE if alsace else _MAINLAND)


@lru_cache(maxsize=64)
def _holidays(year: int, zone: str) -> frozenset[date]:
    return frozenset(JoursFeries.for_year(year, zone=zone).values())


def is_day_off(day: date, place: Place) -> bool:
    """A Sunday or a public holiday there."""
    return day.isoweekday() == 7 or day in _holidays(day.year, place.holidays)


def _window(shop: Shop, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    opens, closes = shop.quiet_until, shop.quiet_from
    if opens >= closes:
        opens, closes = _LEGAL
    return (
        datetime.combine(day, opens, zone).astimezone(UTC),
        datetime.combine(day, closes, zone).astimezone(UTC),
    )


def next_allowed(
    shop: Shop, phone_or_postal: str, at: datetime, *, postal_code: str = ""
) -> datetime:
    """The first moment from ``at`` on when a commercial message may reach this person.

    ``at`` itself when it is allowed. ``phone_or_postal`` is an E.164 number or a French postal
    code; empty means the shop's own place. Sundays and public holidays are closed unless the
    shop allows them. Service messages are exempt: do not ask for them.
    """
    return next_allowed_in(place_of(shop, phone_or_postal, postal_code), shop, at)


def next_allowed_in(place: Place, shop: Shop, at: datetime, *, any_day: bool = False) -> datetime:
    """``next_allowed`` where the place is known; ``any_day`` minds the hours alone."""
    opens, _closes = next(windows(place, shop, at, any_day=any_day))
    return max(at, opens)


def windows(
    place: Place, shop: Shop, at: datetime, *, any_day: bool = False
) -> Iterator[tuple[datetime, datetime]]:
    """When one may write to people there, from and until, day after day without end; the first
    is the one that is open at ``at``, or that opens next."""
    today = at.astimezone(place.zone).date()
    for ahead in count():
        day = today + timedelta(days=ahead)
        if not (any_day or shop.sundays_allowed) and is_day_off(day, place):
            continue
        opens, closes = _window(shop, day, place.zone)
        if at < closes:
            yield opens, closes
