"""What is typed for a message that leaves by itself: its words, its hour, its kind's settings."""

from datetime import time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from apps.campaigns.automatic import WRITTEN
from apps.campaigns.forms import TEXTS, WordsForm
from apps.campaigns.lots import VARIABLES as OF_A_LOT
from apps.campaigns.models import Trigger
from apps.campaigns.triggers import KINDS
from apps.campaigns.writing import VARIABLES, uses

AT_HAND = tuple(variable for variable in VARIABLES if variable.name not in OF_A_LOT)


class TriggerForm(WordsForm):
    """The words, for whom among those who meet it, and the hour of one that goes by the clock."""

    class Meta:
        model = Trigger
        fields = tuple(name for name in WRITTEN if name != "further")
        widgets = {
            **TEXTS,
            "hour": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "offer": forms.TextInput(attrs={"placeholder": "5 € de remise dès 40 € d’achat"}),
            "offer_days": forms.NumberInput(attrs={"inputmode": "numeric", "min": 1, "max": 365}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["offer"].widget.attrs["aria-describedby"] = "offer-aide offer-erreur"
        if not KINDS[self.instance.kind].by_clock:
            del self.fields["hour"]
        segment: Any = self.fields["segment"]
        if segment.queryset.exists():
            segment.empty_label = _("tous les clients")
        else:
            del self.fields["segment"]

    def _check(self, name: str, text: str) -> None:
        super()._check(name, text)
        if any(uses(text, one) for one in OF_A_LOT):
            raise ValidationError(_("Un produit se réserve seulement dans un Daily Drop."))

    def clean_offer_days(self) -> int | None:
        days: int | None = self.cleaned_data["offer_days"]
        if days is not None and not 1 <= days <= 365:
            raise ValidationError(_("De 1 à 365 jours, ou rien : le code vaut alors sans fin."))
        return days

    def clean_hour(self) -> time:
        hour: time = self.cleaned_data["hour"]
        opens, closes = self.shop.quiet_until, self.shop.quiet_from
        if opens < closes and not opens <= hour < closes:
            raise ValidationError(
                _("Les messages sont permis de %(opens)s à %(closes)s."),
                params={"opens": f"{opens:%H:%M}", "closes": f"{closes:%H:%M}"},
            )
        return hour


def settings_form(trigger: Trigger, data: QueryDict | None = None) -> forms.Form:
    """The form of the trigger's own kind, as it stands or as it was typed."""
    return KINDS[trigger.kind].form(data, initial=trigger.settings, prefix="reglage")
