"""Somebody who may have brought themselves: the gifts wait for the team's word."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.actor import Actor
from apps.loyalty import referring
from apps.loyalty.referral_models import Reason, ReferralState
from apps.review.kinds import Kind, Names, Words
from apps.review.models import Case, Decision

_TOLD = {
    ReferralState.GIVEN: gettext_lazy("Parrainage accordé : les deux ont leur cadeau."),
    ReferralState.WAITING: gettext_lazy(
        "Parrainage accordé : les deux auront leur cadeau à la première visite."
    ),
    ReferralState.REFUSED: gettext_lazy("Parrainage écarté : personne ne garde de cadeau."),
    ReferralState.RETURNED: gettext_lazy("La visite a été reprise : il n’y a plus de cadeau."),
}
_DECIDED = {Decision.FINE: gettext_lazy("Accordé"), Decision.UNDONE: gettext_lazy("Écarté")}


class Brought(Kind):
    name, label = referring.LISTED, gettext_lazy("Parrainage")
    fine = gettext_lazy("Accorder")

    def sentence(self, case: Case, names: Names) -> str:
        told = _("%(whom)s, par le lien de la carte n° %(sponsor)d. %(reason)s")
        reason = Reason(case.facts["reason"]).label
        return told % {"whom": names.whom, "sponsor": case.facts["sponsor"], "reason": reason}

    def accept(self, case: Case, *, by: Actor, now: datetime) -> str:
        return self._decide(case, grant=True, by=by, now=now)

    def undoing(self, case: Case, now: datetime) -> Words:
        return _("Écarter")

    def undo(self, case: Case, *, by: Actor, now: datetime) -> str:
        return self._decide(case, grant=False, by=by, now=now)

    def decision(self, case: Case) -> Words:
        return _DECIDED[Decision(case.decision)] if case.decision else ""

    def _decide(self, case: Case, *, grant: bool, by: Actor, now: datetime) -> str:
        decided = referring.decide(case.facts["referral"], grant=grant, by=by, now=now)
        return str(_TOLD[ReferralState(decided.state)])

    def address(self, case: Case) -> str:
        return reverse("counter-card", args=[case.facts["card"]])
