"""Words for the figures: the greeting, the changes, and at most three things to do next."""

from dataclasses import dataclass

from django.utils.translation import ngettext

from apps.analytics.mornings import ABSENT_DAYS, LOST_DAYS, REGULAR_VISITS
from apps.analytics.queries import Home
from apps.core.templatetags.french import nombre

ACTIONS = 3


@dataclass(frozen=True, slots=True)
class Change:
    """How a figure moved; ``tone`` is ``up``, ``down`` or ``muted``."""

    text: str
    tone: str = "muted"


@dataclass(frozen=True, slots=True)
class Action:
    title: str
    detail: str
    link: str
    label: str


def greeting(home: Home, name: str) -> str:
    """How the week goes so far, against the same days of the four weeks before."""
    if not home.people and not home.has_visits:
        return f"Bienvenue {name}".strip() + "."
    return f"Bonjour {name}".strip() + _of_the_week(home)


def _of_the_week(home: Home) -> str:
    if not home.has_visits:
        return ", tout est prêt pour les premiers tampons."
    if not home.usual_week:
        return ", les premiers tampons arrivent." if home.this_week else "."
    if max(home.this_week, home.usual_week) < 5:
        return ", la semaine commence."
    ratio = home.this_week / home.usual_week
    for least, said in ((1.1, "une belle semaine"), (0.75, "une semaine régulière")):
        if ratio >= least:
            return f", {said}."
    return ", une semaine plus calme."


def active_change(home: Home) -> Change:
    if not home.active_before:
        return Change("les 30 derniers jours")
    percent = round(100 * (home.active - home.active_before) / home.active_before)
    if percent == 0:
        return Change("comme le mois d’avant")
    sign, tone = ("+", "up") if percent > 0 else ("−", "down")
    return Change(f"{sign} {nombre(abs(percent))} % sur un mois", tone)


def share(part: int, whole: int) -> int | None:
    """A percentage of at least ten people, or None: below, a figure would only mislead."""
    return round(100 * part / whole) if whole >= 10 else None


def returning_change(home: Home) -> Change:
    now = share(home.returned, home.seen)
    before = share(home.returned_before, home.seen_before)
    if now is None:
        return Change("se calcule après 90 jours de visites")
    if before is None or now == before:
        return Change("comme le mois d’avant" if before is not None else f"sur {home.seen} clients")
    points = abs(now - before)
    sign, tone = ("+", "up") if now > before else ("−", "down")
    return Change(ngettext("%s %d point", "%s %d points", points) % (sign, points), tone)


def risk_change(home: Home) -> Change:
    if home.newly_at_risk:
        return Change(f"+ {nombre(home.newly_at_risk)} cette semaine", "down")
    return Change("aucun nouveau cette semaine", "up" if home.at_risk else "muted")


def redeemed_change(home: Home) -> Change:
    difference = home.redeemed - home.redeemed_before
    if not home.redeemed_before:
        return Change("depuis le 1er du mois")
    if not difference:
        return Change("comme le mois dernier à cette date")
    sign, tone = ("+", "up") if difference > 0 else ("−", "muted")
    return Change(f"{sign} {nombre(abs(difference))} sur le mois dernier", tone)


def actions(home: Home) -> list[Action]:
    """At most three, the one that hurts most first, each with its number and its link."""
    found = []
    if n := home.alerts:
        title = ngettext("%s alerte d’envoi à lire", "%s alertes d’envoi à lire", n) % nombre(n)
        detail = "Un numéro refusé, un forfait épuisé : à régler avant le prochain message."
        found.append(Action(title, detail, "/gestion/messages/envois/", "Voir"))
    if n := home.boxes - home.boxes_ready:
        title, ready = f"Box du club : {nombre(n)} à préparer", home.boxes_ready
        detail = ngettext("%s prête sur", "%s prêtes sur", ready) % nombre(ready)
        detail = f"{detail} {nombre(home.boxes)}"
        found.append(Action(title, detail, "/gestion/club/box/", "Préparer"))
    if n := home.at_risk:
        title = ngettext(
            "%(n)s habitué absent depuis %(days)d jours",
            "%(n)s habitués absents depuis %(days)d jours",
            n,
        ) % {"n": nombre(n), "days": ABSENT_DAYS}
        rhythm = home.rhythm_days
        detail = f"Leur rythme était de {rhythm} jours." if rhythm > 1 else ""
        link = (
            f"/gestion/messages/nouveau/?unseen={ABSENT_DAYS}&seen={LOST_DAYS}"
            f"&visits={REGULAR_VISITS}"
        )
        found.append(Action(title, detail, link, "Leur écrire"))
    if n := home.ready_people:
        title = ngettext(
            "%s client a une récompense à prendre", "%s clients ont une récompense à prendre", n
        ) % nombre(n)
        link = "/gestion/messages/nouveau/?ready=1"
        found.append(Action(title, "Un mot suffit souvent à les faire revenir.", link, "Prévenir"))
    if n := home.pending:
        title = ngettext(
            "%s client n’a pas confirmé son accord", "%s clients n’ont pas confirmé leur accord", n
        ) % nombre(n)
        detail = "Proposez-leur de toucher le lien du premier message à leur prochain passage."
        found.append(Action(title, detail, "/gestion/clients/?accord=pending", "Voir la liste"))
    return found[:ACTIONS]
