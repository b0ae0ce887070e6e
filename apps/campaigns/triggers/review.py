"""After a visit: what did they think? Asked of each person once."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.campaigns.triggers.kind import Kind, Met, Settings, whole
from apps.loyalty.facts import StampAdded
from apps.loyalty.models import MovementKind
from apps.loyalty.queries import nth


class ReviewForm(forms.Form):
    visit = whole(_("Après la combientième visite"), 3, 1, 100)
    hours = whole(_("Heures après la visite"), 3, 1, 72)


class Review(Kind):
    key = "review"
    title = str(_("Avis après une visite"))
    about = str(_("Demander un avis quelques heures après une visite, une fois par personne."))
    hears = (StampAdded,)
    lasts = timedelta(days=4)
    form = ReviewForm
    written = {
        "sms_text": "{prénom|Bonjour}, merci de votre visite ! Un mot de vous nous aide beaucoup : "
        "[adresse de votre page d'avis]",
        "email_subject": "Comment était votre visite ?",
        "email_text": "Bonjour {prénom},\n\nMerci de votre visite. Si vous avez une minute, un mot "
        "de vous nous aide beaucoup :\n\n[adresse de votre page d’avis]\n\nÀ bientôt,\n{boutique}",
    }

    def met(
        self, settings: Settings, since: datetime, until: datetime, contact_id: int | None = None
    ) -> Iterable[Met]:
        visits = nth(MovementKind.EARN, settings["visit"], contact_id)
        found = visits.filter(at__gte=since, at__lte=until).order_by("at", "pk")
        for pk, at in found.values_list("card__contact_id", "at"):
            yield Met(pk, "review", at)

    def delay(self, settings: Settings) -> timedelta:
        return timedelta(hours=settings["hours"])

    def said(self, settings: Settings) -> str:
        n, visit = settings["hours"], settings["visit"]
        ordinal = "1re" if visit == 1 else f"{visit}e"
        hours = ngettext("%d heure", "%d heures", n) % n
        return f"{hours} après la {ordinal} visite, une fois par personne"
