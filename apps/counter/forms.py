"""What a phone tells of a gesture, and the sentence when it cannot be read."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.core.fields import EurosField
from apps.counter.models import Kind, Lease
from apps.counter.services import Queued

LONGEST = 100  # gestures in one letter

_UNREADABLE = {
    name: _("Ce geste est arrivé incomplet : refaites-le.")
    for name in ("required", "invalid", "invalid_choice", "max_length", "max_value", "min_value")
}


class GestureForm(forms.Form):
    """One gesture of the queue; ``at`` is the phone's own clock, in milliseconds."""

    id = forms.UUIDField(error_messages=_UNREADABLE)
    kind = forms.ChoiceField(choices=Kind.choices, error_messages=_UNREADABLE)
    at = forms.IntegerField(min_value=0, max_value=2**45, error_messages=_UNREADABLE)
    by = forms.CharField(required=False, max_length=300, error_messages=_UNREADABLE)
    clock = forms.CharField(required=False, max_length=300, error_messages=_UNREADABLE)
    card = forms.IntegerField(required=False, error_messages=_UNREADABLE)
    code = forms.CharField(required=False, max_length=300, error_messages=_UNREADABLE)
    reward = forms.IntegerField(required=False, error_messages=_UNREADABLE)
    amount = EurosField()
    phone = forms.CharField(required=False, max_length=30, error_messages=_UNREADABLE)
    first_name = forms.CharField(required=False, max_length=60, error_messages=_UNREADABLE)
    stamp = forms.BooleanField(required=False)
    send_card = forms.BooleanField(required=False)
    id_checked = forms.BooleanField(required=False)

    @property
    def queued(self) -> Queued:
        """What was told; what cannot be read of it is left out, and ``unreadable`` says so."""
        data: dict[str, Any] = self.cleaned_data
        wrong = next((str(one) for many in self.errors.values() for one in many), "")
        return Queued(
            token=data["id"],
            kind=data.get("kind", Kind.STAMP),
            at=datetime.fromtimestamp(data.get("at", 0) / 1000, UTC),
            by=data.get("by", ""),
            clock=data.get("clock", ""),
            card=data.get("card"),
            code=data.get("code", ""),
            reward=data.get("reward"),
            amount_cents=data.get("amount"),
            phone=data.get("phone", ""),
            first_name=data.get("first_name", ""),
            stamp=data.get("stamp", False),
            send_card=data.get("send_card", False),
            id_checked=data.get("id_checked", False),
            unreadable=wrong,
        )


class LetterForm(forms.Form):
    """Who sends, and what its clock says now."""

    device = forms.UUIDField()
    sent_at = forms.IntegerField(min_value=0, max_value=2**45)


class LeaseForm(forms.ModelForm):
    class Meta:
        model = Lease
        fields = ("device", "name")
        error_messages = {
            "name": {"required": _("Donnez un nom à cet appareil : « téléphone du comptoir »…")},
            "device": {"required": _("Cet appareil ne garde rien : ouvrez le comptoir en https.")},
        }
