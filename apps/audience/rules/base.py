"""What a criterion is made of: the values it asks for, its SQL, and its French.

A new one is a small frozen dataclass that extends ``Rule``, and its name in ``FAMILIES`` (see
``apps.audience.rules``): the screen, the sentence, the count and what is kept follow.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Self

from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.refusal import Refusal

Words = str | Promise
Choices = Sequence[tuple[str, Words]]


class WrongCriteria(Refusal):
    """``what`` names the value; ``say`` is the sentence for who typed it."""

    message = _("Ce choix de clients est illisible : « %(what)s ». Refaites-le.")
    status = 422

    def __init__(self, what: str, say: Words = "") -> None:
        super().__init__(what=what)
        self.say = say or _("Ce critère est illisible : retirez-le.")


@dataclass(frozen=True, slots=True)
class Moment:
    """When a choice is read: days and birthdays are those of the shop's place."""

    now: datetime

    @property
    def today(self) -> date:
        return timezone.localdate(self.now)

    def ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One value of a rule: ``before`` and ``after`` are the words around it on the screen."""

    widget: ClassVar[str]
    name: str
    before: Words = ""
    after: Words = ""
    default: Any = None

    def read(self, value: Any) -> Any:
        """From JSON or from a form. Raises ``WrongCriteria``."""
        return value

    def shown(self, value: Any) -> Any:
        """As it stands in the input."""
        return "" if value is None else value


@dataclass(frozen=True, kw_only=True)
class Number(Asked):
    widget: ClassVar[str] = "number"
    least: int = 1
    most: int = 3650
    needed: bool = True

    def read(self, value: Any) -> int | None:
        said = str(value).strip()
        if value is None or not said:
            if self.needed:
                raise self._wrong()
            return None
        digits = said.isascii() and said.isdigit() and len(said) <= 6
        if isinstance(value, bool) or not digits or not self.least <= int(said) <= self.most:
            raise self._wrong()
        return int(said)

    def _wrong(self) -> WrongCriteria:
        say = _("Écrivez un nombre de %(least)d à %(most)d.")
        return WrongCriteria(self.name, say % {"least": self.least, "most": self.most})


@dataclass(frozen=True, kw_only=True)
class Choice(Asked):
    """One of a few; the first when nothing is said."""

    widget: ClassVar[str] = "choice"
    choices: Choices | Callable[[], Choices]

    @property
    def among(self) -> Choices:
        return self.choices() if callable(self.choices) else self.choices

    def read(self, value: Any) -> str:
        if value in (None, ""):
            return self.among[0][0]
        if value not in dict(self.among):
            raise WrongCriteria(self.name)
        return str(value)


@dataclass(frozen=True, kw_only=True)
class Several(Asked):
    """One or more of a list; ``among`` is asked once a page. ``closed``: nothing else is taken.
    ``none`` stands where the list is empty.
    """

    widget: ClassVar[str] = "several"
    among: Callable[[], Choices]
    closed: bool = True
    most: int = 20
    longest: int = 30
    none: Words = ""

    def read(self, value: Any) -> tuple[str, ...]:
        values = value if isinstance(value, list | tuple) else ()
        words = [" ".join(word.split()) if isinstance(word, str) else "" for word in values]
        kept = tuple(dict.fromkeys(words))
        if not kept:
            raise WrongCriteria(self.name, _("Cochez au moins une case."))
        if "" in kept or len(kept) > self.most or any(len(word) > self.longest for word in kept):
            raise WrongCriteria(self.name)
        if self.closed and not set(kept) <= {choice for choice, _words in self.among()}:
            raise WrongCriteria(self.name)
        return kept

    def shown(self, value: Any) -> Any:
        return list(value or ())


@dataclass(frozen=True, kw_only=True)
class Day(Asked):
    widget: ClassVar[str] = "day"

    def read(self, value: Any) -> date:
        try:
            return date.fromisoformat(str(value))
        except ValueError as error:
            raise WrongCriteria(self.name, _("Choisissez un jour.")) from error


@dataclass(frozen=True)
class Rule(ABC):
    """One criterion with its values.

    ``where`` is true or false of everybody, never unknown: « sauf » turns it round.
    ``said`` follows « Clients »; ``unsaid`` says the same of all the others.
    """

    key: ClassVar[str]
    label: ClassVar[Words]
    asked: ClassVar[tuple[Asked, ...]] = ()
    do_not_call_in_templates: ClassVar[bool] = True  # the screen speaks of the class itself

    @classmethod
    def read(cls, data: dict[str, Any]) -> Self:
        """From JSON or a form's values. Raises ``WrongCriteria`` for what it does not know."""
        unknown = set(data) - {asked.name for asked in cls.asked}
        if unknown:
            raise WrongCriteria(str(min(unknown, key=str))[:40])
        return cls(**{asked.name: asked.read(data.get(asked.name)) for asked in cls.asked})

    @classmethod
    def blank(cls) -> dict[str, Any]:
        """What stands in the inputs when it is added."""
        return {one.name: one.default for one in cls.asked if one.default is not None}

    def as_dict(self) -> dict[str, Any]:
        """What ``read`` reads: only what is set, JSON types only."""
        kept: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            value = value.isoformat() if isinstance(value, date) else value
            kept[field.name] = list(value) if isinstance(value, tuple) else value
        return kept

    @classmethod
    def makes_sense(cls) -> bool:
        """Whether this shop has anything to choose by it."""
        return True

    @abstractmethod
    def where(self, at: Moment) -> Q: ...

    @abstractmethod
    def said(self) -> str: ...

    @abstractmethod
    def unsaid(self) -> str: ...


def listed(words: Sequence[str], joint: str = "et") -> str:
    """« a », « a et b », « a, b et c »."""
    *most, last = words
    return f"{', '.join(most)} {joint} {last}" if most else last


def lasting(days: int) -> str:
    """« 45 jours »; « 6 mois » and « 12 mois » where they are whole."""
    if days % 365 == 0:
        return f"{days // 365 * 12} mois"
    if days >= 90 and days % 30 == 0:
        return f"{days // 30} mois"
    return f"{days} jours" if days > 1 else "1 jour"


def years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)
