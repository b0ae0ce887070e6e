"""What one says of a product, by kind: the typed details of a wine, a shoe, a coffee.

``region``, ``colour`` and ``brand`` are facets: columns of their own, since taste is counted by
them; the rest stands in the product's ``details``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from stdnum import ean

from apps.core.refusal import Refusal

FACETS = ("region", "colour", "brand")
LONGEST = 80
OLDEST_VINTAGE = 1900


class Kind(models.TextChoices):
    WINE = "wine", _("Vin")
    SPARKLING = "sparkling", _("Champagne, effervescent")
    SPIRIT = "spirit", _("Spiritueux")
    BEER = "beer", _("Bière, cidre")
    DRINK = "drink", _("Café, thé, boisson")
    FOOD = "food", _("Épicerie")
    SHOES = "shoes", _("Chaussure")
    CLOTHES = "clothes", _("Vêtement, accessoire")
    CARE = "care", _("Soin, prestation")
    OTHER = "other", _("Autre")


ALCOHOL = frozenset({Kind.WINE, Kind.SPARKLING, Kind.SPIRIT, Kind.BEER})

WINE_COLOURS: dict[str, str | Promise] = {
    "rouge": _("Rouge"),
    "blanc": _("Blanc"),
    "rose": _("Rosé"),
    "orange": _("Orange"),
    "moelleux": _("Moelleux"),
}
WINE_REGIONS: dict[str, str | Promise] = {
    "alsace": "Alsace",
    "beaujolais": "Beaujolais",
    "bordeaux": "Bordeaux",
    "bourgogne": "Bourgogne",
    "champagne": "Champagne",
    "corse": "Corse",
    "jura": "Jura",
    "languedoc": "Languedoc",
    "loire": "Loire",
    "provence": "Provence",
    "rhone": "Vallée du Rhône",
    "roussillon": "Roussillon",
    "savoie": "Savoie, Bugey",
    "sud-ouest": "Sud-Ouest",
    "etranger": _("Vins du monde"),
}
SHOE_CONDITIONS: dict[str, str | Promise] = {
    "neuf": _("Neuf"),
    "occasion": _("Occasion"),
    "reedition": _("Réédition"),
}


@dataclass(frozen=True, slots=True)
class Detail:
    """One field: its name, its words, and the choices when it is not free text."""

    name: str
    label: str | Promise
    choices: Mapping[str, str | Promise] | None = None
    year: bool = False


_REGION = Detail("region", _("Région"), WINE_REGIONS)
_COLOUR = Detail("colour", _("Couleur"), WINE_COLOURS)
_APPELLATION = Detail("appellation", _("Appellation"))
_PRODUCER = Detail("producer", _("Domaine, maison"))
_VINTAGE = Detail("vintage", _("Millésime"), year=True)
_GRAPE = Detail("grape", _("Cépages"))
_BRAND = Detail("brand", _("Marque"))
_ORIGIN = Detail("origin", _("Origine"))

DETAILS: dict[str, tuple[Detail, ...]] = {
    Kind.WINE: (_REGION, _COLOUR, _APPELLATION, _PRODUCER, _VINTAGE, _GRAPE),
    Kind.SPARKLING: (_REGION, _COLOUR, _APPELLATION, _PRODUCER, _VINTAGE, _GRAPE),
    Kind.SPIRIT: (_BRAND, _ORIGIN, Detail("age", _("Âge, finition"))),
    Kind.BEER: (_BRAND, _ORIGIN, Detail("style", _("Style"))),
    Kind.DRINK: (_BRAND, _ORIGIN),
    Kind.FOOD: (_BRAND, _ORIGIN),
    Kind.SHOES: (
        _BRAND,
        Detail("colourway", _("Coloris")),
        Detail("condition", _("État"), SHOE_CONDITIONS),
    ),
    Kind.CLOTHES: (_BRAND, Detail("colourway", _("Coloris")), Detail("fabric", _("Matière"))),
    Kind.CARE: (_BRAND, Detail("minutes", _("Durée"))),
    Kind.OTHER: (_BRAND,),
}


VAT: dict[int, str | Promise] = {
    2000: _("20 % (alcool, mode, soins)"),
    1000: _("10 % (à consommer tout de suite)"),
    550: _("5,5 % (alimentation)"),
    210: _("2,1 %"),
    0: _("Sans TVA"),
}
_USUAL_VAT = {Kind.FOOD: 550, Kind.DRINK: 1000}
_TRADES = {
    "wine": Kind.WINE,
    "cafe": Kind.DRINK,
    "sneakers": Kind.SHOES,
    "hair": Kind.CARE,
    "food": Kind.FOOD,
}


def usual_kind(trade: str) -> str:
    """What a shop of this trade sells most."""
    return str(_TRADES.get(trade, Kind.OTHER).value)


def usual_vat(kind: str) -> int:
    """The rate a product of this kind begins with, of ten thousand; the shop corrects it."""
    return _USUAL_VAT.get(Kind(kind), 2000)


def is_ean(typed: str) -> bool:
    """A bar code whose check digit is right."""
    return bool(ean.is_valid(typed))


class WrongDetail(Refusal):
    message = _("« %(label)s » : %(value)s ne convient pas.")
    status = 422


def clean(kind: str, given: Mapping[str, str], today: date) -> dict[str, str]:
    """The details of ``kind`` among ``given``, trimmed; empty ones and other kinds' left aside.

    Raises ``WrongDetail`` for a choice that is none, or a year that is not.
    """
    found = {}
    for detail in DETAILS[kind]:
        value = str(given.get(detail.name) or "").strip()[:LONGEST]
        if not value:
            continue
        wrong = detail.choices is not None and value not in detail.choices
        if detail.year:
            wrong = not (value.isdecimal() and OLDEST_VINTAGE <= int(value) <= today.year)
        if wrong:
            raise WrongDetail(label=detail.label, value=value)
        found[detail.name] = value
    return found


def shown(kind: str, details: Mapping[str, str]) -> list[tuple[str, str]]:
    """Label and value of each detail that is known, in the table's order, in people's words."""
    return [
        (str(one.label), str((one.choices or {}).get(details[one.name], details[one.name])))
        for one in DETAILS[kind]
        if details.get(one.name)
    ]


_FACETS = {"region": _REGION, "colour": _COLOUR, "brand": _BRAND}


def facet_label(facet: str) -> str:
    return str(_FACETS[facet].label)


def facet_words(facet: str, value: str) -> str:
    """A facet's value in people's words; an unknown one as it is."""
    return str((_FACETS[facet].choices or {}).get(value, value))
