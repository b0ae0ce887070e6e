"""What Comptoir asks of a bookkeeping program, in its own words.

Each call puts one piece where it belongs and answers by what they call it. ``again``: it may be
there already, so they are asked for our reference first, and what is missing of it is completed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from django.utils.functional import Promise

from apps.invoicing.reckoning import Base
from apps.invoicing.words import Address


@dataclass(frozen=True, slots=True)
class Company:
    """Whose books these are, as they say it."""

    account: str
    name: str


@dataclass(frozen=True, slots=True)
class Party:
    """A customer. ``passing``: all those who have no account of their own. ``known`` is what they
    call it, once they do: it is then told anew."""

    reference: str
    name: str
    address: Address
    is_business: bool = False
    siren: str = ""
    vat_number: str = ""
    passing: bool = False
    known: str = ""


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice or a credit note; all amounts above zero. ``party`` and ``corrects`` are what they
    call those; ``corrects`` is empty where they never had it. ``file`` reads the PDF."""

    reference: str
    is_credit: bool
    party: str
    corrects: str
    issued_on: date
    due_on: date
    supplied_on: date
    is_service: bool
    bases: tuple[Base, ...]
    net_cents: int
    vat_cents: int
    total_cents: int
    buyer: str
    note: str
    file: Callable[[], bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Money:
    """What came for an invoice; below zero, what went back. ``settles``: nothing is owed on it any
    more. ``bill`` is what they call the invoice."""

    reference: str
    bill: str
    number: str
    cents: int
    paid_on: date
    method: str
    settles: bool


class Books(Protocol):
    """One account at one program. Called outside any transaction; own timeouts, own pace.

    Raises ``Refused``, ``Uncertain``, ``Later``, ``ShutOut``.
    """

    def company(self) -> Company: ...

    def put_party(self, party: Party, *, again: bool) -> str: ...

    def put_bill(self, bill: Bill, *, again: bool) -> str: ...

    def put_money(self, money: Money, *, again: bool) -> str: ...


class Refused(Exception):
    """They will not have it as it is. ``code`` names nobody; ``reason`` is a French sentence."""

    def __init__(self, code: str, reason: str | Promise) -> None:
        super().__init__(code)
        self.code, self.reason = code, reason


class Uncertain(Exception):
    """It went out and no clear answer came back: they have it, or not."""


class Later(Exception):
    """Nothing was done. Not before so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class ShutOut(Exception):
    """They let us in no more: key or access was taken away, or never was enough."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
