"""The variables of a message: what may stand in it, and what each person reads instead.

``{prénom}`` takes the person's value, else the fallback written beside it (``{prénom|vous}``),
else the fallback stated on the screen. One pass only: a value is never read as a variable.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from django.utils.translation import gettext_lazy as _

from apps.core.french import search_key
from apps.core.refusal import Refusal

_PLACE = re.compile(r"\{([^{}|]*)(?:\|([^{}]*))?\}")
_BRACES = str.maketrans("", "", "{}")


@dataclass(frozen=True, slots=True)
class Variable:
    """``name`` as typed between braces; ``means`` as explained beside the text. Whoever has no
    value reads ``fallback``; ``always``: everybody has one."""

    name: str
    means: str
    fallback: str = ""
    always: bool = False

    @property
    def tag(self) -> str:
        return f"{{{self.name}}}"

    def missing(self, beside: str = "", instead: Mapping[str, str] | None = None) -> str:
        """What is read where the value is missing, as the screen states it."""
        said = beside.strip() or (instead or {}).get(self.name, self.fallback)
        return f"« {said} »" if said else "rien"


VARIABLES = (
    Variable("prénom", "le prénom du client", "cher client"),
    Variable("nom", "son nom de famille"),
    Variable("boutique", "le nom de votre boutique", always=True),
    Variable("tampons", "ses tampons sur la carte", "0"),
    Variable("reste", "les tampons qui manquent pour la récompense", always=True),
    Variable("lien", "le lien de sa carte", always=True),
    Variable("code", "son code, à dire en caisse", always=True),
    Variable("bon", "le lien de son bon, avec le code à scanner", always=True),
    Variable("produit", "le produit à réserver", always=True),
    Variable("quantité", "combien il y en a en tout", always=True),
    Variable("prix", "son prix, et « au lieu de » quand vous le demandez", always=True),
    Variable("réserver", "le lien de la page où chacun réserve", always=True),
)
_BY_KEY = {search_key(variable.name): variable for variable in VARIABLES}


_key = lru_cache(maxsize=256)(search_key)


def nearest(name: str) -> Variable | None:
    """The variable that was probably meant: « prenon », « first prénom », « le lien »."""
    key = search_key(name)
    named = [word for word in key.split() if word in _BY_KEY]
    close = named or get_close_matches(key, _BY_KEY, n=1, cutoff=0.7)
    return _BY_KEY[close[0]] if close else None


class UnknownVariable(Refusal):
    message = _("« %(what)s » n’est pas une variable. Essayez : %(known)s.")
    status = 422

    def __init__(self, what: str, meant: Variable | None) -> None:
        self.meant = meant
        known = ", ".join(variable.tag for variable in VARIABLES)
        super().__init__(what=what, known=known)
        if meant:
            self.message = _("« %(what)s » n’est pas une variable. Vouliez-vous dire %(meant)s ?")
            self.values["meant"] = meant.tag


class LoneBrace(Refusal):
    message = _("Une accolade est restée seule. Une variable s’écrit {prénom}.")
    status = 422


def check(text: str) -> None:
    """Raises ``UnknownVariable`` or ``LoneBrace`` for what ``fill`` could only drop."""
    for match in _PLACE.finditer(text):
        if search_key(match[1]) not in _BY_KEY:
            raise UnknownVariable(match[0], nearest(match[1]))
    rest = _PLACE.sub("", text)
    if "{" in rest or "}" in rest:
        raise LoneBrace()


def correct(text: str) -> str:
    """``text`` with what was probably meant for each variable that does not exist."""

    def meant(match: re.Match[str]) -> str:
        found = None if search_key(match[1]) in _BY_KEY else nearest(match[1])
        return f"{{{found.name}{match[0][1 + len(match[1]) :]}" if found else match[0]

    return _PLACE.sub(meant, text)


def absences(texts: Iterable[str], instead: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each variable of ``texts`` that somebody may lack, as it stands there, and what is then
    read."""
    places = {match[0]: match for text in texts for match in _PLACE.finditer(text)}
    found = ((tag, _BY_KEY.get(search_key(match[1])), match[2]) for tag, match in places.items())
    return [
        (tag, one.missing(beside or "", instead))
        for tag, one, beside in found
        if one and not one.always
    ]


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
