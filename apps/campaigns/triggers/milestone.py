"""The n-th visit, or the n-th reward."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.campaigns.triggers.kind import Kind, Met, Settings, whole
from apps.core.templatetags.french import nombre
from apps.loyalty.facts import StampAdded
from apps.loyalty.models import MovementKind
from apps.loyalty.queries import nth

VISITS, REWARDS = "visits", "rewards"
_LINES = {VISITS: MovementKind.EARN, REWARDS: MovementKind.REWARD}


class MilestoneForm(forms.Form):
    what = forms.ChoiceField(
        label=_("Ce qui compte"),
        choices=[(VISITS, _("les visites")), (REWARDS, _("les récompenses gagnées"))],
        initial=VISITS,
    )
    number = whole(_("La combientième"), 10, 1, 1000)


class Milestone(Kind):
    key = "milestone"
    title = str(_("Cap franchi"))
    about = str(_("Un merci à la dixième visite, à la troisième récompense."))
    hears = (StampAdded,)
    lasts = timedelta(days=14)
    form = MilestoneForm
    written = {
        "sms_text": "{prénom|Bonjour}, merci de votre fidélité ! Toute l'équipe de {boutique} "
        "est heureuse de vous compter parmi ses habitués.",
        "email_subject": "Merci de votre fidélité",
        "email_text": "Bonjour {prénom},\n\nVous voilà parmi nos habitués, et nous en sommes "
        "heureux. Merci.\n\nÀ bientôt,\n{boutique}",
    }

    def met(
        self, settings: Settings, since: datetime, until: datetime, contact_id: int | None = None
    ) -> Iterable[Met]:
        what, number = settings["what"], settings["number"]
        found = nth(_LINES[what], number, contact_id).filter(at__gte=since, at__lte=until)
        for pk, at in found.order_by("at", "pk").values_list("card__contact_id", "at"):
            yield Met(pk, f"{what}:{number}", at)

    def said(self, settings: Settings) -> str:
        n = settings["number"]
        ordinal = "1re" if n == 1 else f"{nombre(n)}e"
        return f"à la {ordinal} {'visite' if settings['what'] == VISITS else 'récompense gagnée'}"
