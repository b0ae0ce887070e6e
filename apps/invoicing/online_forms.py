"""How much of an online payment goes back."""

from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.core.fields import EurosField
from apps.core.money import show_euros
from apps.invoicing.forms import plain_euros
from apps.payments.refunding import REASONS


class RefundForm(forms.Form):
    """How much, and why; ``left`` is the most."""

    once = forms.UUIDField(widget=forms.HiddenInput)
    amount = EurosField(label=_("Montant à rembourser"), required=True)
    reason = forms.ChoiceField(label=_("Pourquoi"), choices=list(REASONS.items()))

    def __init__(self, *args: Any, left: int, **kwargs: Any) -> None:
        self.left = left
        first = {"once": uuid4(), "amount": plain_euros(left)}
        super().__init__(*args, **{"initial": first, **kwargs})

    def clean_amount(self) -> int:
        cents = int(self.cleaned_data["amount"])
        if not 0 < cents <= self.left:
            most = show_euros(self.left)
            raise ValidationError(_("Entre un centime et %(most)s.") % {"most": most})
        return cents
