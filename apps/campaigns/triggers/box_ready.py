"""A box of the club waits at the shop."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from apps.campaigns.triggers.kind import Kind, Met, Settings
from apps.club.box_models import Box, BoxState
from apps.club.facts import BoxReady as Ready
from apps.club.models import Handover


class BoxReady(Kind):
    key = "box_ready"
    title = str(_("Box prête"))
    about = str(_("La box du club attend à la boutique : chaque membre l’apprend aussitôt."))
    hears = (Ready,)
    lasts = timedelta(days=21)
    is_service = True
    written = {
        "sms_text": "{prénom|Bonjour}, votre box est prête : elle vous attend chez {boutique}. "
        "Pensez à une pièce d'identité.",
        "email_subject": "Votre box est prête",
        "email_text": "Bonjour {prénom},\n\nVotre box est prête : elle vous attend chez "
        "{boutique}. Pensez à une pièce d’identité.\n\nÀ bientôt,\n{boutique}",
    }

    def met(
        self, settings: Settings, since: datetime, until: datetime, contact_id: int | None = None
    ) -> Iterable[Met]:
        """Once for each box, however often it is packed."""
        found = Box.objects.filter(packed_at__gte=since, packed_at__lte=until)
        found = found.filter(member__handover=Handover.PICKUP)
        if contact_id:
            found = found.filter(member__contact=contact_id)
        person = Coalesce("member__contact__merged_into", "member__contact")
        for pk, whose, at in found.order_by("packed_at", "pk").values_list(
            "pk", person, "packed_at"
        ):
            yield Met(whose, f"box:{pk}", at)

    def holds(self, settings: Settings, met: Met) -> bool:
        """Neither fetched nor opened again since."""
        packed = Box.objects.filter(state=BoxState.PACKED)
        return packed.filter(pk=int(met.occasion.removeprefix("box:"))).exists()

    def said(self, settings: Settings) -> str:
        return "dès qu’une box à retirer est cochée prête"
