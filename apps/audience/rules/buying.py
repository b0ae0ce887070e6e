"""What they spend, and on what."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import ClassVar

from django.db.models import BigIntegerField, DateField, F, Func, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from apps.audience.rules.base import (
    Asked,
    Choice,
    Choices,
    Moment,
    Number,
    Rule,
    Several,
    Words,
    WrongCriteria,
    listed,
)
from apps.catalog.details import facet_words
from apps.catalog.models import Product
from apps.core.templatetags.french import nombre

MOST_EUROS = 100_000


def _euros(amount: int | None) -> str:
    return f"{nombre(amount or 0)} €"


_EVER = "ever"
_WITHIN = {
    _EVER: _("depuis toujours"),
    "365": _("ces 12 derniers mois"),
    "180": _("ces 6 derniers mois"),
    "90": _("ces 3 derniers mois"),
    "30": _("ces 30 derniers jours"),
}


def _spent_since(day: date) -> Coalesce:
    """What stands beside the first of the days they bought that is not before ``day``."""
    eve = Value(day - timedelta(days=1), DateField())
    before = Func(eve, F("spent_on"), function="width_bucket")
    found = Func(
        F("spent_since"),
        before,
        template="(%(expressions)s + 1])",
        arg_joiner="[",
        output_field=BigIntegerField(),
    )
    return Coalesce(found, 0)


@dataclass(frozen=True)
class Spent(Rule):
    """Since the beginning or lately, returns taken off. Who never bought spent nothing."""

    key: ClassVar[str] = "spent"
    label: ClassVar[Words] = _("Dépenses")
    asked: ClassVar[tuple[Asked, ...]] = (
        Number(
            name="least",
            before=_("Au moins"),
            after=_("€"),
            most=MOST_EUROS,
            needed=False,
            default=100,
        ),
        Number(
            name="most", before=_("au plus"), after=_("€"), least=0, most=MOST_EUROS, needed=False
        ),
        Choice(name="within", choices=list(_WITHIN.items())),
    )
    least: int | None
    most: int | None
    within: str = _EVER

    def __post_init__(self) -> None:
        if self.least is None and self.most is None:
            raise WrongCriteria("spent", _("Écrivez l’un des deux montants."))
        if self.least is not None and self.most is not None and self.least > self.most:
            raise WrongCriteria("spent", _("Le premier montant est plus grand que le second."))

    def where(self, at: Moment) -> Q:
        found, spent = Q(), self._spent(at)
        if self.least is not None:
            found &= Q(GreaterThanOrEqual(spent, self.least * 100))
        if self.most is not None:
            found &= Q(LessThanOrEqual(spent, self.most * 100))
        return found

    def _spent(self, at: Moment) -> F | Coalesce:
        if self.within == _EVER:
            return F("spent_cents")
        return _spent_since(at.ago(int(self.within)).astimezone(UTC).date())

    def _lately(self) -> str:
        return "" if self.within == _EVER else f" {_WITHIN[self.within]}"

    def said(self) -> str:
        return f"qui ont dépensé {self._said()}{self._lately()}"

    def unsaid(self) -> str:
        return f"qui ont dépensé {self._unsaid()}{self._lately()}"

    def _said(self) -> str:
        if self.most is None:
            return f"au moins {_euros(self.least)}"
        if self.least is None:
            return f"{_euros(self.most)} au plus"
        return f"de {_euros(self.least)} à {_euros(self.most)}"

    def _unsaid(self) -> str:
        if self.most is None:
            return f"moins de {_euros(self.least)}"
        if self.least is None:
            return f"plus de {_euros(self.most)}"
        return f"moins de {_euros(self.least)} ou plus de {_euros(self.most)}"


# Each with its article, as one says that somebody buys it; after « jamais », « de ».
_COLOURS = {
    "rouge": ("du rouge", "de rouge"),
    "blanc": ("du blanc", "de blanc"),
    "rose": ("du rosé", "de rosé"),
    "orange": ("de l’orange", "d’orange"),
    "moelleux": ("du moelleux", "de moelleux"),
}
_FROM = {
    "alsace": "d’Alsace",
    "beaujolais": "du Beaujolais",
    "bordeaux": "de Bordeaux",
    "bourgogne": "de Bourgogne",
    "champagne": "de Champagne",
    "corse": "de Corse",
    "jura": "du Jura",
    "languedoc": "du Languedoc",
    "loire": "de Loire",
    "provence": "de Provence",
    "rhone": "de la Vallée du Rhône",
    "roussillon": "du Roussillon",
    "savoie": "de Savoie",
    "sud-ouest": "du Sud-Ouest",
    "etranger": "de l’étranger",
}
_MOSTLY, _ONLY, _EVER_BOUGHT = "mostly", "only", "once"
_HOW = {
    _MOSTLY: _("achètent surtout"),
    _ONLY: _("n’achètent que"),
    _EVER_BOUGHT: _("ont déjà acheté"),
}


def _known(facet: str) -> Callable[[], Choices]:
    """The values of a facet among the shop's products, also those put away."""

    def values() -> Choices:
        products: QuerySet[Product] = Product.objects.exclude(**{facet: ""}).order_by(facet)
        names = products.values_list(facet, flat=True).distinct()
        return [(name, facet_words(facet, name)) for name in names]

    return values


def _taste(facet: str) -> tuple[Asked, ...]:
    return (
        Choice(name="how", choices=list(_HOW.items())),
        Several(
            name="values",
            among=_known(facet),
            closed=False,
            longest=80,
            none=_("Le catalogue n’en dit rien encore."),
        ),
    )


@dataclass(frozen=True)
class _Taste(Rule):
    """By what the person bought, most units first (``Contact.tastes``); what was given back is
    not bought, and what has no word for the facet says nothing."""

    facet: ClassVar[str]
    how: str
    values: tuple[str, ...]

    @classmethod
    def makes_sense(cls) -> bool:
        return Product.objects.exclude(**{cls.facet: ""}).exists()

    def where(self, at: Moment) -> Q:
        bought, wanted = f"tastes__{self.facet}", list(self.values)
        if self.how == _ONLY:
            found = Q(**{f"{bought}__contained_by": wanted})
        elif self.how == _MOSTLY:
            found = Q(**{f"{bought}__0__in": wanted})
        else:
            found = Q(**{f"{bought}__has_any_keys": wanted})
        return Q(tastes__has_key=self.facet) & found

    def _words(self, value: str) -> tuple[str, str]:
        return (f"« {value} »", f"« {value} »")

    def said(self) -> str:
        return f"qui {_HOW[self.how]} {listed([self._words(v)[0] for v in self.values], 'ou')}"

    def unsaid(self) -> str:
        some = listed([self._words(v)[0] for v in self.values], "ou")
        if self.how == _ONLY:
            return f"qui n’achètent pas que {some}"
        if self.how == _MOSTLY:
            return f"qui n’achètent pas surtout {some}"
        return f"qui n’ont jamais acheté {listed([self._words(v)[1] for v in self.values], 'ni')}"


@dataclass(frozen=True)
class Colours(_Taste):
    key: ClassVar[str] = "colour"
    label: ClassVar[Words] = _("Couleur préférée")
    facet: ClassVar[str] = "colour"
    asked: ClassVar[tuple[Asked, ...]] = _taste("colour")

    def _words(self, value: str) -> tuple[str, str]:
        return _COLOURS.get(value) or super()._words(value)


@dataclass(frozen=True)
class Regions(_Taste):
    key: ClassVar[str] = "region"
    label: ClassVar[Words] = _("Région préférée")
    facet: ClassVar[str] = "region"
    asked: ClassVar[tuple[Asked, ...]] = _taste("region")

    def _words(self, value: str) -> tuple[str, str]:
        whence = _FROM.get(value, f"de « {value} »")
        return f"des vins {whence}", f"de vins {whence}"


@dataclass(frozen=True)
class Brands(_Taste):
    key: ClassVar[str] = "brand"
    label: ClassVar[Words] = _("Marque préférée")
    facet: ClassVar[str] = "brand"
    asked: ClassVar[tuple[Asked, ...]] = _taste("brand")
