"""Somebody came so often that they have reached a tier."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from apps.campaigns.triggers.kind import Kind, Met, Settings
from apps.loyalty.facts import TierReached as Reached
from apps.loyalty.models import Card


class TierReached(Kind):
    key = "tier_reached"
    title = str(_("Nouveau palier de fidélité"))
    about = str(_("Un mot à qui devient un habitué : chaque palier une seule fois."))
    hears = (Reached,)
    lasts = timedelta(days=14)
    written = {
        "sms_text": "{prénom|Bonjour}, vous comptez désormais parmi les plus fidèles de "
        "{boutique}. Merci ! Votre carte : {lien}",
        "email_subject": "Merci de votre fidélité",
        "email_text": "Bonjour {prénom},\n\nVous venez si souvent que vous voilà parmi les plus "
        "fidèles de {boutique}. Toute l’équipe vous en remercie.\n\n{lien}\n\nÀ bientôt,\n"
        "{boutique}",
    }

    def met(
        self, settings: Settings, since: datetime, until: datetime, contact_id: int | None = None
    ) -> Iterable[Met]:
        cards = Card.objects.filter(tier__gt=0, tier_at__gte=since, tier_at__lte=until)
        if contact_id:
            cards = cards.filter(contact=contact_id)
        found = cards.order_by("tier_at", "pk").values_list("contact_id", "tier", "tier_at")
        for person, tier, at in found:
            assert at is not None
            yield Met(person, f"tier:{tier}", at)

    def holds(self, settings: Settings, met: Met) -> bool:
        """They are still of that tier, or of a higher one."""
        tier = int(met.occasion.removeprefix("tier:"))
        return Card.objects.filter(contact=met.contact_id, tier__gte=tier).exists()

    def said(self, settings: Settings) -> str:
        return "dès qu’un palier est atteint, une fois pour chacun"
