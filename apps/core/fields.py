"""Form fields that read what French people type."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.core.money import read_euros

MOST_CENTS = 10_000_000  # a hundred thousand euros: more is a slip of the finger


class EurosField(forms.CharField):
    """Euros as French people type them; cents, or None when left empty."""

    def __init__(self, *, required: bool = False, **more: Any) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off", "placeholder": "42,50"}
        widget = forms.TextInput(attrs=attrs)
        super().__init__(required=required, max_length=14, widget=widget, **more)

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        if not typed:
            return None
        try:
            cents = read_euros(typed)
        except ValueError as error:
            raise forms.ValidationError(_("Écrivez le montant comme 42,50.")) from error
        if not 0 <= cents <= MOST_CENTS:
            raise forms.ValidationError(_("Ce montant n’est pas possible. Exemple : 42,50."))
        return cents
