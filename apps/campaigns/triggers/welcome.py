"""Somebody joined, and may be written to."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import F, Min
from django.utils.translation import gettext_lazy as _

from apps.campaigns.triggers.kind import Kind, Met, Settings
from apps.contacts.facts import ConsentGiven
from apps.contacts.models import ConsentEvent, ConsentState, Source

NEW = timedelta(days=30)  # who agrees later than that after their first day is no newcomer


class Welcome(Kind):
    key = "welcome"
    title = str(_("Bienvenue"))
    about = str(_("Un mot à qui vient de prendre la carte, dès son accord confirmé."))
    hears = (ConsentGiven,)
    lasts = timedelta(days=7)
    written = {
        "sms_text": "{prénom|Bonjour}, bienvenue chez {boutique} ! Votre carte : {lien}",
        "email_subject": "Bienvenue chez {boutique}",
        "email_text": "Bonjour {prénom},\n\nVotre carte est prête : elle reste dans votre "
        "téléphone, il n’y a rien à imprimer.\n\n{lien}\n\nÀ bientôt,\n{boutique}",
    }

    def met(
        self, settings: Settings, since: datetime, until: datetime, contact_id: int | None = None
    ) -> Iterable[Met]:
        said_yes = ConsentEvent.objects.filter(state=ConsentState.GRANTED)
        if contact_id:
            said_yes = said_yes.filter(contact=contact_id)
        first = (
            said_yes.exclude(source=Source.IMPORT)
            .order_by()
            .values("contact_id", came=F("contact__created_at"))
            .annotate(first=Min("at"))
        )
        new = first.filter(first__gte=since, first__lte=until, first__lt=F("came") + NEW)
        for row in new.order_by("first"):
            yield Met(row["contact_id"], "welcome", row["first"])

    def said(self, settings: Settings) -> str:
        return "dès que la personne a pris sa carte et confirmé son accord"
