"""« Léa dit avoir remis une récompense sans réseau » : what a phone handed over and the shop could
no longer give stands in the list « À vérifier »."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.counter.models import Gesture
from apps.review.kinds import Kind, Names
from apps.review.models import Case
from apps.review.services import note


class LostHandOver(Kind):
    """Of two hand-overs the one that came second; nothing was given, so nothing is undone."""

    name, label = "lost-hand-over", gettext_lazy("Remise hors ligne")

    def sentence(self, case: Case, names: Names) -> str:
        told = _("%(who)s dit avoir remis une récompense à %(whom)s, sans réseau. %(why)s")
        return told % {"who": names.who, "whom": names.whom, "why": case.facts["why"]}

    def address(self, case: Case) -> str:
        return reverse("counter-card", args=[case.facts["card"]])


def note_lost(gesture: Gesture, device: int | None) -> None:
    """A line for a hand-over that was refused; the same one again adds nothing."""
    assert gesture.card is not None
    note(
        LostHandOver.name,
        gesture.pk,
        at=gesture.at,
        contact=gesture.card.contact,
        actor_id=gesture.actor_id,
        device=device,
        card=gesture.card.pk,
        why=gesture.refusal,
    )
