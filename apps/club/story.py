"""A membership's story: what happened, told in the shop's words. Each part of the club adds the
sentences of what it tells."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.club.models import Member, MemberEvent
from apps.core.actor import SYSTEM, Actor
from apps.core.money import show_euros
from apps.core.templatetags.french import de_mois, jour

# What is told, by its kind; places are filled from the line's own words: ``*_cents`` are shown as
# euros, ``*_on`` as days.
SENTENCES: dict[str, str | Promise] = {
    "asked": _("Inscription commencée."),
    "joined": _("Entrée au club : %(price_cents)s par période."),
    "given": _("Cadeau payé : %(price_cents)s pour %(periods)s périodes."),
    "opened": _("Cadeau ouvert."),
    "paid": _("Période du %(from_on)s payée : %(price_cents)s."),
    "failed": _("Paiement de %(price_cents)s refusé."),
    "late": _("Paiement en retard."),
    "recovered": _("Paiement rattrapé."),
    "paused": _("Abonnement en pause."),
    "resumed": _("Abonnement repris."),
    "leaving": _("Résiliation, avec effet le %(to_on)s."),
    "stays": _("Résiliation reprise : l’abonnement continue."),
    "ended": _("Abonnement terminé."),
    "abandoned": _("Inscription abandonnée avant le paiement."),
    "invoiced": _("Facture %(number)s émise."),
    "cancelled": _("Résiliation demandée, avec effet le %(to_on)s ; accusé de réception envoyé."),
    "took_back": _("Résiliation retirée par le membre."),
    "called_off": _("Résiliation annulée par la boutique."),
    "renounced": _("Rétractation demandée ; accusé de réception envoyé."),
    "bottles_back": _("Bouteilles revenues : le remboursement peut partir."),
    "given_back": _("%(price_cents)s remboursés, avoir émis."),
    "wrote_soft": _("Refusé par la banque pour cette fois. Écrit par %(by_way)s."),
    "wrote_hard": _("La carte est à remplacer. Écrit par %(by_way)s."),
    "wrote_confirm": _("La banque demande une confirmation. Écrit par %(by_way)s."),
    "wrote_debit": _("Prélèvement rejeté par la banque. Écrit par %(by_way)s."),
    "wrote_reminder1": _("Première relance par %(by_way)s."),
    "wrote_reminder2": _("Deuxième relance par %(by_way)s."),
    "wrote_suspended": _("Délai passé : box mises de côté. Écrit par %(by_way)s."),
    "unreachable": _("Ni e-mail ni mobile : à appeler."),
    "renewal_told": _("Prévenu par e-mail de la reconduction du %(to_on)s."),
    "renewed": _("Contrat reconduit jusqu’au %(to_on)s."),
    "unbound": _("Terme passé sans avis : le contrat se quitte désormais à tout moment."),
    "price_told": _("Nouveau prix proposé : %(price_cents)s à partir du %(from_on)s."),
    "price_agreed": _("Nouveau prix accepté : %(price_cents)s."),
    "price_refused": _("Nouveau prix refusé : %(price_cents)s."),
    "price_applied": _("Nouveau prix appliqué à partir du %(from_on)s : %(price_cents)s."),
    "moved": _("Adresse changée par le membre."),
    "brought": _("Livraison choisie par le membre : %(price_cents)s par période."),
    "fetched": _("Retrait en boutique choisi par le membre."),
    "means": _("Moyen de paiement changé par le membre."),
    "wished": _("Couleurs à ne pas recevoir changées."),
    "box_chose": _("Box %(month_on)s : bouteilles choisies."),
    "box_swapped": _("Box %(month_on)s : une bouteille échangée."),
    "box_left_to_shop": _("Box %(month_on)s : laissée au choix de la boutique."),
    "box_skipped": _("Box %(month_on)s reportée à la suivante."),
    "box_unskipped": _("Box %(month_on)s : elle aura bien lieu."),
    "box_packed": _("Box %(month_on)s prête."),
    "box_unpacked": _("Box %(month_on)s rouverte."),
    "box_handed": _("Box %(month_on)s remise en boutique."),
    "box_taken_back": _("Box %(month_on)s : remise annulée."),
    "box_shipped": _("Box %(month_on)s expédiée."),
    "box_cancelled": _("Box %(month_on)s annulée."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story as it is read."""

    at: datetime
    said: str
    kind: str


def tell(
    member: Member,
    kind: str,
    *,
    now: datetime,
    about: str = "",
    by: Actor = SYSTEM,
    **words: int | str,
) -> bool:
    """Add a line; ``about`` again is told once. ``words`` are ids, sums, days: nothing of a person.
    False when it was told before."""
    try:
        with transaction.atomic():
            MemberEvent.objects.create(
                member=member,
                at=now,
                kind=kind,
                about=about,
                words=words,
                actor_kind=by.kind,
                actor_id=by.id,
            )
    except IntegrityError:
        if not about:
            raise
        return False
    return True


def lines(member: Member) -> list[Line]:
    """The story, newest first."""
    told = MemberEvent.objects.filter(member=member).order_by("-at", "-pk")
    return [line_of(one) for one in told]


def line_of(one: MemberEvent) -> Line:
    return Line(one.at, _said(one.kind, one.words), one.kind)


def _said(kind: str, words: Mapping[str, Any]) -> str:
    shown = {name: _shown(name, value) for name, value in words.items()}
    return str(SENTENCES[kind]) % shown


def _shown(name: str, value: Any) -> Any:
    if name.endswith("_cents"):
        return show_euros(value)
    if name == "month_on":
        return de_mois(date.fromisoformat(value))
    return jour(date.fromisoformat(value)) if name.endswith("_on") and value else value
