"""« Léa dit avoir remis une récompense sans réseau » : what a phone handed over and the shop could
no longer give stands in the list « À vérifier »."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.counter.models import Gesture
from apps.review.kinds import Kind, Names
from apps.review.models import Case
from apps.review.services import note

# Why it could not be given, by the name of its refusal. Older lines keep the sentence itself.
_WHY = {
    "CardMerged": gettext_lazy("La carte avait été réunie avec une autre."),
    "IdNotChecked": gettext_lazy("Aucune pièce d’identité n’a été notée."),
    "MayNotGive": gettext_lazy("Cet appareil n’avait plus le droit d’offrir sans réseau."),
    "Minor": gettext_lazy("C’est de l’alcool, et la personne a moins de 18 ans."),
    "RewardExpired": gettext_lazy("Son délai était passé."),
    "RewardGone": gettext_lazy("Le tampon qui la donnait avait été annulé."),
    "RewardSpent": gettext_lazy("Elle avait déjà été offerte."),
    "TokenSpent": gettext_lazy("Le même geste avait déjà servi à autre chose."),
}


class LostHandOver(Kind):
    """Of two hand-overs the one that came second; nothing was given, so nothing is undone."""

    name, label = "lost-hand-over", gettext_lazy("Remise hors ligne")

    def sentence(self, case: Case, names: Names) -> str:
        told = _("%(who)s dit avoir remis une récompense à %(whom)s, sans réseau. %(why)s")
        why = case.facts["why"]
        return told % {"who": names.who, "whom": names.whom, "why": _WHY.get(why, why)}

    def address(self, case: Case) -> str:
        return reverse("counter-card", args=[case.facts["card"]])


def note_lost(gesture: Gesture, device: int | None, why: str) -> None:
    """A line for a hand-over that was refused, by the name of its refusal; the same one again adds
    nothing."""
    assert gesture.card is not None
    note(
        LostHandOver.name,
        gesture.pk,
        at=gesture.at,
        contact=gesture.card.contact,
        actor_id=gesture.actor_id,
        device=device,
        card=gesture.card.pk,
        why=why,
    )
