"""The rule by which one of two texts is picked, in the words the owner reads before sending."""

from collections.abc import Mapping

from django.utils import timezone

from apps.campaigns.comparing import Comparison, Share
from apps.campaigns.models import Drop, Pick, PickedBy, Rival
from apps.campaigns.splitting import rival_of
from apps.campaigns.versus import Measure, measure
from apps.core.templatetags.french import jour, nombre

_BEST = {
    Measure.CLICKS: "celui dont le lien est le plus suivi",
    Measure.CODES: "celui dont le code est le plus utilisé",
}
_USUAL = 0.1  # of ten people who read, one who does what is measured


def rule(drop: Drop, drawn: Mapping[str, int]) -> list[str]:
    """In sentences; ``drawn`` is how many would read A, B, and wait (``estimate``). Without a
    second text there is none."""
    rival = rival_of(drop)
    if rival is None:
        return []
    a, b = drawn.get(Pick.A, 0), drawn.get(Pick.B, 0)
    by = measure(drop)
    if rival.share == 50:
        halves = f"Tirés au sort : {_people(a)} lisent le texte A, {nombre(b)} le texte B."
        return [halves, f"Les résultats les compareront par les {by.label}.", _enough(min(a, b))]
    trial = (
        f"Tirés au sort, {rival.share} % des clients lisent d’abord le texte A et autant le texte "
        f"B : {nombre(a)} et {_people(b)}."
    )
    if by not in _BEST:
        return [trial, "Il manque de quoi choisir : un lien à suivre dans les deux, ou un code."]
    hours = f"{rival.hours} heure{'s' if rival.hours > 1 else ''}"
    choice = (
        f"{hours} après le départ du dernier de ces messages, {_BEST[by]} part aux "
        f"{nombre(drawn.get('', 0))} autres, aux heures permises, si l’écart est trop grand pour "
        "venir du hasard (19 fois sur 20)."
    )
    otherwise = Pick(rival.otherwise).label
    no_sure = f"À égalité, ou avec trop peu de chiffres pour conclure, ils lisent {otherwise}."
    return [trial, choice, no_sure, "Vous pouvez choisir vous-même avant.", _enough(min(a, b))]


def picked(rival: Rival) -> str:
    """What the others read, since when and why; nothing while that is open."""
    if rival.picked_at is None:
        return ""
    at = timezone.localtime(rival.picked_at)
    when, what = f"le {jour(at)} à {at:%H:%M}", Pick(rival.pick).label
    seen = " contre ".join(f"{some} sur {people}" for some, people in rival.seen.values())
    if rival.picked_by == PickedBy.HAND:
        return f"Vous avez choisi {what} {when}."
    if rival.picked_by == PickedBy.FIGURES:
        return f"Choisi {when} sur les chiffres, {seen} : {what}."
    return f"Rien ne permettait de conclure {when}, {seen} : les autres lisent {what}, comme prévu."


def _people(count: int) -> str:
    return f"{nombre(count)} personne{'s' if count > 1 else ''}"


def _enough(people: int) -> str:
    """How great a difference would be one, for so many people on each side."""
    some = round(people * _USUAL)
    found = _least(some, people)
    if found is None:
        return "Avec si peu de monde, aucun écart ne permettra de conclure."
    return f"Pour conclure il faudrait par exemple {nombre(some)} contre {nombre(found)}."


def _least(some: int, people: int) -> int | None:
    """The fewest above ``some`` of ``people`` from which on chance alone is no explanation."""
    low, high = some, people + 1
    while high - low > 1:
        middle = (low + high) // 2
        if Comparison(Share(middle, people), Share(some, people)).concludes:
            high = middle
        else:
            low = middle
    return high if high <= people else None
