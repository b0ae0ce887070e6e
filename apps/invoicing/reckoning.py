"""The arithmetic of invoices: whole cents in, whole cents out, and nothing lost between.

Prices are typed with VAT (``taxed``) or without. Either way VAT is reckoned once per rate, on the
sum of its lines, and what each line bears of it follows from running sums: the lines of a rate add
up to its base, and the credit notes of an invoice, however many, to the invoice, to the cent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WHOLE = 10_000  # a share of one: VAT and discounts in percent
THOUSAND = 1_000  # quantities are in thousandths


def rounded(over: int, under: int) -> int:
    """``over / under`` to the nearest whole, a half upwards; neither is below zero."""
    return (2 * over + under) // (2 * under)


def plain_quantity(thousandths: int) -> str:
    """``3``, ``0,35``."""
    whole, rest = divmod(thousandths, THOUSAND)
    return f"{whole},{rest:03d}".rstrip("0") if rest else str(whole)


@dataclass(frozen=True, slots=True)
class Base:
    """What is due at one rate."""

    vat: int
    net_cents: int
    vat_cents: int


@dataclass(frozen=True, slots=True)
class Sums:
    """``nets`` is of each line, without VAT; ``bases`` of each rate, the highest first."""

    nets: tuple[int, ...]
    bases: tuple[Base, ...]

    @property
    def net_cents(self) -> int:
        return sum(base.net_cents for base in self.bases)

    @property
    def vat_cents(self) -> int:
        return sum(base.vat_cents for base in self.bases)

    @property
    def total_cents(self) -> int:
        return self.net_cents + self.vat_cents


def split(cents: int, vat: int, taxed: bool) -> tuple[int, int]:
    """Base and VAT of a sum at one rate: taken out of it, or put upon it."""
    if taxed:
        net = rounded(cents * WHOLE, WHOLE + vat)
        return net, cents - net
    return cents, rounded(cents * vat, WHOLE)


def reckon(
    amounts: Iterable[tuple[int, int]], *, taxed: bool, before: Mapping[int, int] | None = None
) -> Sums:
    """Sums of lines given as (rate, amount). ``before``: by rate, how much of the same invoice
    was reckoned already, so that the parts add up to the whole."""
    began = dict(before or {})
    so_far, nets = dict[int, int](), list[int]()
    for vat, amount in amounts:
        here = so_far.get(vat, began.get(vat, 0))
        nets.append(split(here + amount, vat, taxed)[0] - split(here, vat, taxed)[0])
        so_far[vat] = here + amount
    bases = []
    for vat in sorted(so_far, reverse=True):
        net, tax = split(so_far[vat], vat, taxed)
        net_before, tax_before = split(began.get(vat, 0), vat, taxed)
        bases.append(Base(vat, net - net_before, tax - tax_before))
    return Sums(tuple(nets), tuple(bases))


def part(amount: int, whole: int, before: int, now: int) -> int:
    """The share of ``amount`` that ``now`` of ``whole`` bears when ``before`` of it went first."""
    return rounded(amount * (before + now), whole) - rounded(amount * before, whole)


def shared(bases: Iterable[Base], cents: int) -> tuple[Base, ...]:
    """``cents``, VAT included, taken of what ``bases`` leave, from each rate its share; all that
    they leave gives exactly them."""
    left = [base for base in bases if base.net_cents + base.vat_cents > 0]
    whole, before = sum(base.net_cents + base.vat_cents for base in left), 0
    found = list[Base]()
    for base in left:
        total = base.net_cents + base.vat_cents
        share = part(cents, whole, before, total)
        net = part(base.net_cents, total, 0, share)
        found.append(Base(base.vat, net, share - net))
        before += total
    return tuple(base for base in found if base.net_cents + base.vat_cents)


def already(lines: Sequence[tuple[int, int, int, int]]) -> dict[int, int]:
    """By rate, what was taken of lines given as (rate, amount, whole, taken)."""
    found: dict[int, int] = {}
    for vat, amount, whole, taken in lines:
        found[vat] = found.get(vat, 0) + rounded(amount * taken, whole)
    return found
