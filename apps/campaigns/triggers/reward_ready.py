"""A card is full: a reward waits."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from apps.campaigns.triggers.kind import Kind, Met, Settings
from apps.loyalty.facts import RewardWon
from apps.loyalty.models import MovementKind, Reward


class RewardReady(Kind):
    key = "reward_ready"
    title = str(_("Récompense prête"))
    about = str(_("La carte est pleine : dites-le, la récompense fait revenir."))
    hears = (RewardWon,)
    lasts = timedelta(days=30)
    written = {
        "sms_text": "{prénom|Bonjour}, votre carte est pleine : votre récompense vous attend "
        "chez {boutique}. {lien}",
        "email_subject": "Votre récompense vous attend",
        "email_text": "Bonjour {prénom},\n\nVotre carte est pleine : votre récompense vous "
        "attend chez {boutique}.\n\n{lien}\n\nÀ bientôt,\n{boutique}",
    }

    def met(
        self, settings: Settings, since: datetime, until: datetime, contact_id: int | None = None
    ) -> Iterable[Met]:
        won = Reward.objects.filter(won_at__gte=since, won_at__lte=until, taken_back_at=None)
        won = won.filter(won_by__kind=MovementKind.REWARD)  # a birthday's gift fills no card
        if contact_id:
            won = won.filter(card__contact=contact_id)
        for pk, person, at in won.order_by("pk").values_list("pk", "card__contact_id", "won_at"):
            yield Met(person, f"reward:{pk}", at)

    def holds(self, settings: Settings, met: Met) -> bool:
        """Neither handed over since nor taken back, on whatever card it stands by now."""
        return Reward.objects.ready().filter(pk=int(met.occasion.removeprefix("reward:"))).exists()

    def said(self, settings: Settings) -> str:
        return "dès que la carte est pleine"
