"""Somebody has brought a friend."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django import forms
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from apps.campaigns.triggers.kind import Kind, Met, Settings
from apps.loyalty.facts import ReferralGiven
from apps.loyalty.facts import ReferralJoined as Joined
from apps.loyalty.referral_models import Referral, ReferralState

JOINED, GIVEN = "joined", "given"
_STATES = {
    JOINED: (ReferralState.WAITING, ReferralState.GIVEN),
    GIVEN: (ReferralState.GIVEN,),
}


class ReferralJoinedForm(forms.Form):
    when = forms.ChoiceField(
        label=_("À quel moment"),
        choices=[
            (JOINED, _("dès que l’ami a pris sa carte et confirmé son numéro ou son e-mail")),
            (GIVEN, _("à la première visite de l’ami, avec le cadeau")),
        ],
        initial=JOINED,
    )


class ReferralJoined(Kind):
    key = "referral_joined"
    title = str(_("Un ami parrainé"))
    about = str(_("Un merci à qui vous amène un ami : quand il prend sa carte, ou quand il vient."))
    hears = (Joined, ReferralGiven)
    lasts = timedelta(days=14)
    form = ReferralJoinedForm
    written = {
        "sms_text": "{prénom|Bonjour}, merci ! Un ami a pris sa carte chez {boutique} grâce à "
        "vous. Votre cadeau à tous deux arrive à sa première visite. {lien}",
        "email_subject": "Merci de votre parrainage",
        "email_text": "Bonjour {prénom},\n\nUn ami a pris sa carte chez {boutique} grâce à vous : "
        "merci. Votre cadeau à tous deux arrive à sa première visite.\n\n{lien}\n\nÀ bientôt,\n"
        "{boutique}",
    }

    def met(
        self, settings: Settings, since: datetime, until: datetime, contact_id: int | None = None
    ) -> Iterable[Met]:
        """The sponsor, once for each friend; nobody of whom the team is in doubt."""
        when, moment = settings["when"], f"{settings['when']}_at"
        found = Referral.objects.filter(state__in=_STATES[when])
        found = found.filter(**{f"{moment}__gte": since, f"{moment}__lte": until})
        if contact_id:
            found = found.bringing(contact_id)
        sponsor = Coalesce("sponsor__contact__merged_into", "sponsor__contact")
        for pk, person, at in found.order_by(moment, "pk").values_list("pk", sponsor, moment):
            yield Met(person, f"friend:{pk}", at)

    def said(self, settings: Settings) -> str:
        if settings["when"] == JOINED:
            return "dès qu’un ami parrainé a pris sa carte, une fois pour chacun"
        return "à la première visite d’un ami parrainé, une fois pour chacun"
