"""How they come: how often, how lately, and whether they are late for themselves."""

from dataclasses import dataclass
from typing import ClassVar

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.lookups import GreaterThan
from django.utils.translation import gettext_lazy as _

from apps.audience.rules.base import (
    Asked,
    Choice,
    Moment,
    Number,
    Rule,
    Words,
    WrongCriteria,
    lasting,
)

# A rhythm is known from the third visit on, and nobody is late before two weeks.
RHYTHM_VISITS, RHYTHM_DAYS = 3, 14
_TIMES = {"2": _("deux fois"), "1.5": _("une fois et demie"), "3": _("trois fois")}


@dataclass(frozen=True)
class Visits(Rule):
    """Since the beginning."""

    key: ClassVar[str] = "visits"
    label: ClassVar[Words] = _("Nombre de visites")
    asked: ClassVar[tuple[Asked, ...]] = (
        Number(name="least", before=_("Au moins"), least=0, most=1000, needed=False, default=3),
        Number(
            name="most", before=_("au plus"), after=_("visites"), least=0, most=1000, needed=False
        ),
    )
    least: int | None
    most: int | None

    def __post_init__(self) -> None:
        if self.least is None and self.most is None:
            raise WrongCriteria("visits", _("Écrivez l’un des deux nombres."))
        if self.least is not None and self.most is not None and self.least > self.most:
            raise WrongCriteria("visits", _("Le premier nombre est plus grand que le second."))

    def where(self, at: Moment) -> Q:
        found = Q()
        if self.least is not None:
            found &= Q(visits__gte=self.least)
        if self.most is not None:
            found &= Q(visits__lte=self.most)
        return found

    def said(self) -> str:
        if self.most is None:
            return f"venus au moins {self.least} fois"
        if not self.least:
            return f"venus {self.most} fois au plus" if self.most else "jamais venus"
        return f"venus de {self.least} à {self.most} fois"

    def unsaid(self) -> str:
        if self.most is None:
            return f"venus moins de {self.least} fois"
        if not self.least:
            return f"venus plus de {self.most} fois" if self.most else "déjà venus"
        return f"venus moins de {self.least} ou plus de {self.most} fois"


@dataclass(frozen=True)
class Seen(Rule):
    key: ClassVar[str] = "seen"
    label: ClassVar[Words] = _("Vus récemment")
    asked: ClassVar[tuple[Asked, ...]] = (
        Number(name="days", before=_("Vus depuis moins de"), after=_("jours"), default=30),
    )
    days: int

    def where(self, at: Moment) -> Q:
        return Q(last_visit_at__isnull=False, last_visit_at__gte=at.ago(self.days))

    def said(self) -> str:
        return f"vus depuis moins de {lasting(self.days)}"

    def unsaid(self) -> str:
        return f"pas vus depuis {lasting(self.days)}"


@dataclass(frozen=True)
class Unseen(Rule):
    """Who never came counts as not seen."""

    key: ClassVar[str] = "unseen"
    label: ClassVar[Words] = _("Pas vus depuis longtemps")
    asked: ClassVar[tuple[Asked, ...]] = (
        Number(name="days", before=_("Pas vus depuis"), after=_("jours"), default=45),
    )
    days: int

    def where(self, at: Moment) -> Q:
        return Q(last_visit_at__isnull=True) | Q(last_visit_at__lt=at.ago(self.days))

    def said(self) -> str:
        return f"pas vus depuis {lasting(self.days)}"

    def unsaid(self) -> str:
        return f"vus depuis moins de {lasting(self.days)}"


def _span(expression: Combinable) -> ExpressionWrapper:
    return ExpressionWrapper(expression, output_field=DurationField())


@dataclass(frozen=True)
class Rhythm(Rule):
    """Late for themselves: away for more than so many times the mean time between their visits."""

    key: ClassVar[str] = "rhythm"
    label: ClassVar[Words] = _("En retard sur leur rythme")
    asked: ClassVar[tuple[Asked, ...]] = (
        Choice(
            name="times",
            before=_("Absents depuis plus de"),
            after=_("leur intervalle habituel"),
            choices=list(_TIMES.items()),
        ),
    )
    times: str

    def where(self, at: Moment) -> Q:
        away = _span(Value(at.now, DateTimeField()) - F("last_visit_at"))
        known = _span(F("last_visit_at") - F("first_visit_at"))
        # Multiplied on both sides: no division, and no half visits.
        halves = int(float(self.times) * 2)
        late = GreaterThan(_span(away * (F("visits") - 1) * 2), _span(known * halves))
        settled = Q(visits__gte=RHYTHM_VISITS, first_visit_at__isnull=False)
        settled &= Q(last_visit_at__isnull=False)
        return settled & Q(last_visit_at__lt=at.ago(RHYTHM_DAYS)) & Q(late)

    def said(self) -> str:
        return f"absents depuis plus de {_TIMES[self.times]} leur intervalle habituel"

    def unsaid(self) -> str:
        return f"qui ne sont pas absents depuis plus de {_TIMES[self.times]} leur intervalle"
