"""What a pass shows, in words that no vendor owns: titles, lines, places to fill, one code.

The room above composes a ``Face`` and hands it over; nothing here asks what a card is. Each text
is given in every language a customer may read, French first.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.french import spaced
from apps.core.phone import show_phone
from apps.shops.models import Shop

Words = dict[str, str]  # by language; "fr" is always there


def words(text: str | Promise | Callable[[], str]) -> Words:
    """``text`` in every language of the customers; a function is asked anew in each."""
    said = {}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            told = str(text() if callable(text) else text)
            said[code] = spaced(told) if code == "fr" else told
    return said


@dataclass(frozen=True, slots=True)
class Line:
    """A label and what stands under it. ``tells``: a phone says aloud when it changes."""

    key: str
    label: Words
    value: Words
    tells: bool = False


@dataclass(frozen=True, slots=True)
class Face:
    """``places`` to fill, of which ``filled`` are, with ``gifts`` waiting at some; without places
    no picture is drawn."""

    title: Words
    code: str  # what the QR says; empty: the pass is closed
    under_code: Words
    places: int = 0
    filled: int = 0
    gifts: list[int] = field(default_factory=list)
    head: list[Line] = field(default_factory=list)
    front: list[Line] = field(default_factory=list)
    below: list[Line] = field(default_factory=list)
    back: list[Line] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> "Face":
        lines = {name: [Line(**one) for one in kept[name]] for name in _GROUPS}
        return cls(**{**kept, **lines})

    @property
    def lines(self) -> list[Line]:
        """All of them, in the order in which they are read."""
        return [line for name in _GROUPS for line in getattr(self, name)]


_GROUPS = ("head", "front", "below", "back")


def closed(face: Face) -> Face:
    """What a pass shows whose code opens nothing any more."""
    sentence = _(
        "Cette carte a été remplacée. Ouvrez votre carte depuis le dernier message reçu, puis "
        "ajoutez-la de nouveau."
    )
    told = Line("closed", words(_("Carte remplacée")), words(sentence), tells=True)
    return Face(title=face.title, code="", under_code=face.under_code, front=[told])


def lines_of(shop: Shop) -> list[Line]:
    """Where the shop is found, for the back of each of its passes."""
    town = f"{shop.postal_code} {shop.city}".strip()
    known = (
        ("address", _("Adresse"), "\n".join(part for part in (shop.street, town) if part)),
        ("phone", _("Téléphone"), show_phone(shop.phone) if shop.phone else ""),
        ("hours", _("Horaires"), shop.opening_hours),
    )
    lines = [Line(key, words(label), words(value)) for key, label, value in known if value]
    if shop.sells_alcohol:
        health = _("L’abus d’alcool est dangereux pour la santé, à consommer avec modération.")
        lines.append(Line("health", words(_("Santé")), words(health)))
    return lines
