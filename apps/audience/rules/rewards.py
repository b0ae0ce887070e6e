"""What their card says."""

from dataclasses import dataclass
from typing import ClassVar

from django.db.models import Case, F, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.audience.rules.base import Asked, Moment, Number, Rule, Words
from apps.loyalty.models import Programme


@dataclass(frozen=True)
class RewardReady(Rule):
    key: ClassVar[str] = "ready"
    label: ClassVar[Words] = _("Récompense à prendre")

    def where(self, at: Moment) -> Q:
        return Q(card__isnull=False, card__rewards_ready__gt=0)

    def said(self) -> str:
        return "avec une récompense à prendre"

    def unsaid(self) -> str:
        return "sans récompense à prendre"


@dataclass(frozen=True)
class NearReward(Rule):
    """At most so many stamps missing, by the shop's rule of the moment."""

    key: ClassVar[str] = "near"
    label: ClassVar[Words] = _("Proches d’une récompense")
    asked: ClassVar[tuple[Asked, ...]] = (
        Number(name="missing", before=_("À"), after=_("tampons ou moins"), most=20, default=2),
    )
    missing: int

    def where(self, at: Moment) -> Q:
        usual = Programme._meta.get_field("goal").default
        missing = Case(When(kind="euros", then=100 * self.missing), default=self.missing)
        chosen = Subquery(Programme.objects.values_list(F("goal") - missing)[:1])
        near = Coalesce(chosen, Value(usual - self.missing))
        return Q(card__isnull=False, card__balance__gte=Greatest(near, Value(0)))

    def said(self) -> str:
        n = self.missing
        near = "à %d tampon d’une récompense", "à %d tampons d’une récompense ou moins"
        return ngettext(*near, n) % n

    def unsaid(self) -> str:
        n = self.missing
        far = "à plus de %d tampon d’une récompense", "à plus de %d tampons d’une récompense"
        return ngettext(*far, n) % n
