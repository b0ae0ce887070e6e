"""The variables of a message: what may stand in it, and what each person reads instead.

``{prénom}`` takes the person's value, else the fallback written beside it (``{prénom|vous}``),
else the fallback stated on the screen. One pass only: a value is never read as a variable.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext_lazy as _

from apps.core.french import search_key
from apps.core.refusal import Refusal

_PLACE = re.compile(r"\{([^{}|]*)(?:\|([^{}]*))?\}")
_BRACES = str.maketrans("", "", "{}")


@dataclass(frozen=True, slots=True)
class Variable:
    """``name`` as typed between braces; ``means`` as explained beside the text."""

    name: str
    means: str
    fallback: str = ""

    @property
    def tag(self) -> str:
        return f"{{{self.name}}}"


VARIABLES = (
    Variable("prénom", "le prénom du client", "cher client"),
    Variable("nom", "son nom de famille"),
    Variable("boutique", "le nom de votre boutique"),
    Variable("tampons", "ses tampons sur la carte", "0"),
    Variable("reste", "les tampons qui manquent pour la récompense"),
    Variable("lien", "le lien de sa carte"),
    Variable("code", "son code, à dire en caisse"),
    Variable("bon", "le lien de son bon, avec le code à scanner"),
)
_BY_KEY = {search_key(variable.name): variable for variable in VARIABLES}


_key = lru_cache(maxsize=256)(search_key)


class UnknownVariable(Refusal):
    message = _("« %(what)s » n’est pas une variable. Essayez : %(known)s.")
    status = 422

    def __init__(self, what: str) -> None:
        known = ", ".join(variable.tag for variable in VARIABLES)
        super().__init__(what=what, known=known)


class LoneBrace(Refusal):
    message = _("Une accolade est restée seule. Une variable s’écrit {prénom}.")
    status = 422


def check(text: str) -> None:
    """Raises ``UnknownVariable`` or ``LoneBrace`` for what ``fill`` could only drop."""
    for match in _PLACE.finditer(text):
        if search_key(match[1]) not in _BY_KEY:
            raise UnknownVariable(match[0])
    rest = _PLACE.sub("", text)
    if "{" in rest or "}" in rest:
        raise LoneBrace()


def uses(text: str, name: str) -> bool:
    """Whether ``{name}`` stands in ``text``, however accented."""
    key = search_key(name)
    return any(search_key(match[1]) == key for match in _PLACE.finditer(text))


def fill(text: str, values: Mapping[str, str], instead: Mapping[str, str] | None = None) -> str:
    """``text`` for one person; ``values`` by variable name. Never fails, leaves no brace.

    ``instead`` holds the shop's own fallbacks, for the names where it has one.
    """
    instead = instead or {}

    def value_of(match: re.Match[str]) -> str:
        variable = _BY_KEY.get(_key(match[1]))
        own = values.get(variable.name, "").strip() if variable else ""
        beside = (match[2] or "").strip()
        stated = instead.get(variable.name, variable.fallback) if variable else ""
        return (own or beside or stated).translate(_BRACES)

    return _tidy(_PLACE.sub(value_of, text).translate(_BRACES))


def _tidy(text: str) -> str:
    """What an empty value leaves behind: doubled spaces, a space before a comma, a bare start."""
    text = text.replace("\r\n", "\n")
    if "  " in text or "\t" in text:
        text = re.sub(r"[ \t]{2,}", " ", text)
    if " ," in text or " ." in text:
        text = re.sub(r" +(?=[,.](?:\s|$))", "", text)
    lines = [line.lstrip(" ,").rstrip() for line in text.split("\n")]
    return "\n".join(lines).strip()
