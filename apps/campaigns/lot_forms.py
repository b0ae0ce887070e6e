"""What the owner types of a product to reserve, and of those who do."""

from datetime import date, datetime
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.campaigns.lot_models import Lot
from apps.campaigns.lots import WRITTEN, lowest
from apps.contacts.services import WrongPhone, read_phone
from apps.core.fields import EurosField
from apps.core.money import show_euros
from apps.core.phone import Phone
from apps.loyalty.forms import GestureForm

MOST_UNITS, MOST_EACH = 9999, 12
_MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class LotForm(forms.ModelForm):  # type: ignore[type-arg]
    """Beside the drop's own form, and kept as one types."""

    price_cents = EurosField(label=_("Prix"), required=True)
    quantity = forms.IntegerField(label=_("Quantité"), min_value=1, max_value=MOST_UNITS)
    each = forms.IntegerField(label=_("Au plus par personne"), min_value=1, max_value=MOST_EACH)
    remind_at = forms.DateTimeField(
        label=_("Rappel à ceux qui ont réservé"),
        required=False,
        widget=_MOMENT,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )

    class Meta:
        model = Lot
        fields = WRITTEN
        widgets = {
            "words": forms.Textarea(attrs={"rows": 3}),
            "until": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        kwargs.setdefault("prefix", "lot")
        super().__init__(*args, **kwargs)
        self.now = now
        self.initial["price_cents"] = show_euros(self.instance.price_cents).rpartition("\u00a0")[0]
        for name, field in self.fields.items():
            field.widget.attrs["aria-describedby"] = f"lot-{name}-aide lot-{name}-erreur"

    def clean_words(self) -> str:
        lines = [line.strip() for line in str(self.cleaned_data["words"]).splitlines()]
        if len([line for line in lines if line]) > 3:
            raise ValidationError(_("Trois lignes suffisent : elles se lisent sur un téléphone."))
        return "\n".join(filter(None, lines))

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        if until < timezone.localdate(self.now):
            raise ValidationError(_("Ce jour est passé. Choisissez-en un à venir."))
        return until

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        at, until = found.get("remind_at"), found.get("until")
        if at and until and timezone.localdate(at) > until:
            self.add_error("remind_at", _("Le rappel viendrait après le dernier jour."))
        return found

    @property
    def lowest(self) -> int | None:
        """What « au lieu de » would say; None where it may not be said."""
        return lowest(self.instance, self.now)


class QuantityForm(forms.Form):
    quantity = forms.IntegerField(label=_("Quantité"), min_value=1, max_value=MOST_UNITS)


class HandOverForm(GestureForm):
    id_checked = forms.BooleanField(required=False)


class CounterBookingForm(GestureForm):
    """Somebody asks at the counter or by telephone."""

    phone = forms.CharField(
        label=_("Téléphone"),
        max_length=30,
        error_messages={"required": _("Tapez un numéro de téléphone.")},
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "off"}),
    )
    first_name = forms.CharField(
        label=_("Prénom"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "words"}),
    )
    units = forms.IntegerField(
        label=_("Combien"),
        min_value=1,
        max_value=MOST_UNITS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, region: str, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"token": uuid4(), "units": 1})
        super().__init__(*args, **kwargs)
        self.region = region

    def clean_phone(self) -> Phone:
        try:
            return read_phone(self.cleaned_data["phone"], self.region)
        except WrongPhone as refusal:
            raise ValidationError(str(refusal)) from refusal
