"""What a balance is worth: whole units, no table, no clock of its own.

A card counts in **units**: a stamp, a visit, a cent spent, a point. Stamps, visits and euros go
by **rounds**: the balance climbs through the thresholds, each one reached wins its reward, the
highest closes the round and takes its units off; what is over begins the next round. Points are
**spent**: nothing is won on the way, a reward is bought at the counter and its price taken off.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.core.money import show_euros


class Kind(TextChoices):
    STAMPS = "stamps", _("Tampons")
    VISITS = "visits", _("Passages")
    EUROS = "euros", _("Euros dépensés")
    POINTS = "points", _("Points")

    @property
    def by_amount(self) -> bool:
        """Whether a gesture is worth what was spent."""
        return self in {Kind.EUROS, Kind.POINTS}

    @property
    def is_spent(self) -> bool:
        """Whether rewards are bought with the balance, instead of won by it."""
        return self == Kind.POINTS

    @property
    def unit(self) -> int:
        """Units in one of what people count: a euro is a hundred cents."""
        return 100 if self == Kind.EUROS else 1

    def said(self, units: int) -> str:
        """« 3 tampons », « 2 passages », « 12,50 € », « 240 points »."""
        if self == Kind.EUROS:
            return show_euros(units, always_decimals=False)
        if self == Kind.POINTS:
            return ngettext("%(n)d point", "%(n)d points", units) % {"n": units}
        if self == Kind.VISITS:
            return ngettext("%(n)d passage", "%(n)d passages", units) % {"n": units}
        return ngettext("%(n)d tampon", "%(n)d tampons", units) % {"n": units}


# The least and the most that a reward may ask for, in what people count.
BOUNDS = {
    Kind.STAMPS: (2, 20),
    Kind.VISITS: (2, 20),
    Kind.EUROS: (2, 10_000),
    Kind.POINTS: (2, 100_000),
}


@dataclass(frozen=True, slots=True, order=True)
class Offer:
    """A reward and the balance it asks for."""

    at: int
    label: str
    is_alcohol: bool = False

    def kept(self) -> dict[str, Any]:
        """As the programme's row keeps it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Promise:
    """What both get at the first visit of a friend who was brought, in units. Values alone: parts
    of pages are kept by it."""

    kind: Kind
    sponsor_gets: int
    friend_gets: int

    @property
    def sponsor_told(self) -> str:
        return self.kind.said(self.sponsor_gets)

    @property
    def friend_told(self) -> str:
        return self.kind.said(self.friend_gets)


@dataclass(frozen=True, slots=True, order=True)
class Tier:
    """A name for who came so often in the last twelve months."""

    at: int
    name: str

    def kept(self) -> dict[str, Any]:
        """As the programme's row keeps it."""
        return asdict(self)


TIERS = (Tier(4, "Ami"), Tier(12, "Habitué"), Tier(24, "Fidèle"))  # to begin with


@dataclass(frozen=True, slots=True)
class Win:
    """A reward reached, and the units it takes off: none on the way, the round's at its end."""

    offer: Offer
    price: int


def climbed(before: int, after: int, steps: Sequence[Offer], last: Offer) -> list[Win]:
    """What a balance wins that climbs from ``before`` to ``after``: in rounds closed by ``last``,
    with ``steps`` on the way. A balance that stood above a step did not climb through it."""
    won = []
    while after >= last.at:
        won += [Win(step, 0) for step in steps if before < step.at]
        won.append(Win(last, last.at))
        before, after = 0, after - last.at
    return won + [Win(step, 0) for step in steps if before < step.at <= after]


def months_later(day: date, months: int) -> date:
    """The same day of the month, or its last where it is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def share(units: int, part: int, whole: int) -> int:
    """Of ``units`` what ``part`` of ``whole`` brought, rounded down: the whole brings all."""
    return units * part // whole
