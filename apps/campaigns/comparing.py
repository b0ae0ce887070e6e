"""What a message changed: those who got it beside those kept without, and what chance alone does.

A share of few people moves by chance. Wilson's interval says between what and what it may truly
lie, Newcombe's the same of the difference of two (« Interval estimation for the difference
between independent proportions », Statistics in Medicine 17, 1998, method 10): both hold for
small groups and for shares near nothing, where the usual formula does not. What people spent is
compared by its mean, each group with its own spread (Welch, Biometrika 34, 1947).
"""

from dataclasses import dataclass
from math import sqrt

from django.utils.translation import ngettext

from apps.core.money import show_euros
from apps.core.templatetags.french import nombre

Z = 1.959964  # 95 times out of 100
ENOUGH = 30  # people in a group, for the mean of what they spent to say something


@dataclass(frozen=True, slots=True)
class Share:
    """``some`` people of ``all``."""

    some: int
    all: int

    @property
    def rate(self) -> float:
        return self.some / self.all if self.all else 0.0

    @property
    def percent(self) -> str:
        """« 9,8 % »; whole from ten on."""
        percent = 100 * self.rate
        shown = f"{percent:.0f}" if percent >= 10 or not percent else f"{percent:.1f}"
        return f"{shown.replace('.', ',')}\u00a0%"

    @property
    def permille(self) -> int:
        return round(1000 * self.rate)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's: where the true rate lies, nineteen times out of twenty."""
        if not self.all:
            return 0.0, 1.0
        spread = Z * sqrt(self.rate * (1 - self.rate) / self.all + (Z / (2 * self.all)) ** 2)
        middle, divisor = self.rate + Z**2 / (2 * self.all), 1 + Z**2 / self.all
        low, high = (middle - spread) / divisor, (middle + spread) / divisor
        # Rounding aside, what was seen lies inside.
        return max(0.0, min(low, self.rate)), min(1.0, max(high, self.rate))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two groups that chance alone had drawn apart."""

    one: Share
    other: Share

    @property
    def difference(self) -> float:
        return self.one.rate - self.other.rate

    @property
    def interval(self) -> tuple[float, float]:
        """Newcombe's: where the true difference lies, nineteen times out of twenty."""
        (low, high), (less, more) = self.one.interval, self.other.interval
        here, there = self.one.rate, self.other.rate
        below = sqrt((here - low) ** 2 + (more - there) ** 2)
        above = sqrt((high - here) ** 2 + (there - less) ** 2)
        return max(-1.0, self.difference - below), min(1.0, self.difference + above)

    @property
    def highest(self) -> int:
        """The greater of the two, in thousandths; for the bars."""
        return max(self.one.permille, self.other.permille, 1)

    @property
    def concludes(self) -> bool:
        """Whether chance alone would hardly make such a difference."""
        low, high = self.interval
        return bool(self.one.all and self.other.all) and (low > 0 or high < 0)

    @property
    def people(self) -> tuple[int, int]:
        """The difference as people of ``one``, from and to; less than none is below zero."""
        low, high = self.interval
        return round(low * self.one.all), round(high * self.one.all)


@dataclass(frozen=True, slots=True)
class Spent:
    """What ``people`` spent between them, in cents; ``squares``: the sum of each one's, squared."""

    people: int
    cents: int
    squares: int

    @property
    def mean(self) -> float:
        return self.cents / self.people

    @property
    def doubt(self) -> float:
        """The mean's standard error, squared."""
        spread = max(0.0, self.squares - self.cents * self.mean) / (self.people - 1)
        return spread / self.people


@dataclass(frozen=True, slots=True)
class Takings:
    """What two groups spent that chance alone had drawn apart."""

    one: Spent
    other: Spent

    @property
    def has_enough(self) -> bool:
        return min(self.one.people, self.other.people) >= ENOUGH

    @property
    def interval(self) -> tuple[int, int]:
        """Cents that all of ``one`` spent more than they would have, from and to; below zero,
        less."""
        difference = self.one.mean - self.other.mean
        doubt = Z * sqrt(self.one.doubt + self.other.doubt)
        low, high = difference - doubt, difference + doubt
        return round(low * self.one.people), round(high * self.one.people)


def brought(found: Takings) -> str:
    """What the message brought in, beside those kept without, in one sentence."""
    if not found.other.people or not (found.one.cents or found.other.cents):
        return ""
    if not found.has_enough:
        return f"Sur les achats, trop peu de monde pour conclure : il en faut {ENOUGH} par groupe."
    low, high = found.interval
    if low > 0:
        return f"Il a rapporté entre {_euros(low)} et {_euros(high)} d’achats de plus."
    if high < 0:
        return f"Il a coûté entre {_euros(-high)} et {_euros(-low)} d’achats."
    return (
        "Sur les achats, trop peu de monde pour conclure : entre "
        f"{_euros(-low)} de moins et {_euros(high)} de plus."
    )


def _euros(cents: int) -> str:
    return show_euros(100 * round(cents / 100), always_decimals=False)


def said(found: Comparison) -> str:
    """What the comparison with those kept without a message lets one say, in one sentence."""
    if not found.other.all or not found.one.all:
        return ""
    low, high = found.people
    if not found.concludes:
        return (
            "Trop peu de monde pour conclure : le message a pu faire venir jusqu’à "
            f"{_people(max(high, 0))} de plus, comme {_people(max(-low, 0))} de moins."
        )
    if found.difference > 0:
        return f"Le message a fait venir {_between(low, high)} de plus."
    return f"Le message a fait venir {_between(-high, -low)} de moins."


def _people(count: int) -> str:
    return ngettext("%s personne", "%s personnes", count) % nombre(count)


def _between(low: int, high: int) -> str:
    return f"entre {nombre(max(low, 1))} et {_people(max(high, low, 1))}"
