"""What is typed in the composer: who, what and when."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from apps.campaigns.models import Drop
from apps.campaigns.services import WRITTEN
from apps.campaigns.writing import UnknownVariable, check, correct
from apps.contacts.channels import offered
from apps.core.phone import NotAPhone, Phone, parse_phone
from apps.core.refusal import Refusal
from apps.messaging.channels import sending
from apps.messaging.channels.base import Sending
from apps.shops.models import Shop


class WordsField(forms.BoundField):
    """A text with what was probably meant where it names a variable that does not exist."""

    @property
    def correction(self) -> str:
        """The tag to write instead; empty where none comes near."""
        return str(self.form.corrections.get(self.name, ""))  # type: ignore[attr-defined]


CORRECT = "correct:"  # + a field's name: what the button beside its error says


def corrected(data: QueryDict) -> QueryDict:
    """What was typed, with the field that is to be corrected as it was probably meant."""
    name = data.get("act", "").partition(CORRECT)[2]
    if name in data:
        data[name] = correct(data.get(name, ""))
    return data


class TextsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Texts; a variable that does not exist is an error beside its field."""

    bound_field_class = WordsField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.corrections: dict[str, str] = {}
        for name in self.fields.keys() & {"sms_text", "email_subject", "email_text", "fallback"}:
            told = self.add_prefix(name)
            self.fields[name].widget.attrs["aria-describedby"] = f"{told}-aide {told}-erreur"

    def _checked(self, name: str) -> str:
        text = str(self.cleaned_data[name])
        self._check(name, text)
        return text

    def _check(self, name: str, text: str) -> None:
        """Raises ``ValidationError`` for what nobody should read; ``name`` is the text's field."""
        try:
            check(text)
        except UnknownVariable as refusal:
            self.corrections[name] = refusal.meant.tag if refusal.meant else ""
            raise ValidationError(str(refusal)) from refusal
        except Refusal as refusal:
            raise ValidationError(str(refusal)) from refusal

    def clean_sms_text(self) -> str:
        return self._checked("sms_text")

    def clean_email_subject(self) -> str:
        return self._checked("email_subject")

    def clean_email_text(self) -> str:
        return self._checked("email_text")


class WordsForm(TextsForm):
    """The words for every channel that the shop has."""

    def __init__(self, *args: Any, shop: Shop, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shop = shop
        self.typed: dict[str, list[str]] = {}  # the fields of each channel without columns
        for way in offered(shop):
            if f"use_{way.name}" not in self.fields:
                self._add(sending(way.name))

    def _add(self, way: Sending) -> None:
        known = self.instance.further.get(way.name, {})
        used = forms.BooleanField(label=str(way), required=False, initial=known.get("used"))
        self.fields[f"use_{way.name}"] = used
        for what, field in way.fields(self.shop).items():
            field.initial = known.get(what, field.initial)
            field.widget.attrs["aria-describedby"] = f"{way.name}_{what}-erreur"
            self.fields[f"{way.name}_{what}"] = field
        self.typed[way.name] = list(way.fields(self.shop))

    @property
    def further(self) -> list[dict[str, Any]]:
        """The channels without columns, as they are drawn."""
        return [
            {
                "by": sending(name).by,
                "used": self[f"use_{name}"],
                "fields": [self[f"{name}_{what}"] for what in fields],
            }
            for name, fields in self.typed.items()
        ]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        found["further"] = {}
        for name, fields in self.typed.items():
            said = {what: found.get(f"{name}_{what}", "") for what in fields}
            written = sending(name).written(said, self.shop)
            field = f"{name}_{fields[-1]}"
            try:
                self._check(field, written["text"])
            except ValidationError as error:
                self.add_error(field, error)
            found["further"][name] = {**written, "used": bool(found.get(f"use_{name}"))}
        self.instance.further = found["further"]
        return found


TEXTS: dict[str, forms.Widget] = {
    "sms_text": forms.Textarea(attrs={"rows": 4}),
    "email_text": forms.Textarea(attrs={"rows": 8}),
}


COLUMNS = tuple(name for name in WRITTEN if name != "further")
_DAYS = ("offer_until", "relevant_until")


class DropForm(WordsForm):
    """The words, the moment, and which segment: without one the drop's own criteria say who."""

    when = forms.ChoiceField(
        choices=[("now", _("Maintenant")), ("later", _("Programmer"))],
        widget=forms.RadioSelect,
        initial="now",
    )
    send_at = forms.DateTimeField(
        label=_("Jour et heure"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M"],
    )

    class Meta:
        model = Drop
        fields = (*COLUMNS, "segment")
        widgets = {
            **TEXTS,
            "hold_out": forms.NumberInput(
                attrs={"inputmode": "numeric", "min": 0, "max": 20, "step": 5}
            ),
            "segment": forms.RadioSelect,
            "offer": forms.TextInput(attrs={"placeholder": "5 € de remise dès 40 € d’achat"}),
            **{name: forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d") for name in _DAYS},
        }

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        own = _("Choix de ce message") if self.instance.criteria else _("Tous les clients")
        self.fields["segment"].empty_label = own  # type: ignore[attr-defined]
        if self.instance.send_at:
            self.fields["when"].initial = "later"
        self.fields["hold_out"].required = False
        for name in ("offer", "hold_out", "relevant_until"):
            self.fields[name].widget.attrs["aria-describedby"] = f"{name}-aide {name}-erreur"

    def clean_hold_out(self) -> int:
        part = self.cleaned_data["hold_out"]
        if not 0 <= (part or 0) <= 20:
            raise ValidationError(_("De 0 à 20 % : les autres reçoivent votre message."))
        return part or 0

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        if found.get("when") == "now":
            found["send_at"] = None
            self.errors.pop("send_at", None)
        elif found.get("when") == "later" and "send_at" not in self.errors:
            at = found.get("send_at")
            if at is None:
                self.add_error("send_at", _("Choisissez un jour et une heure."))
            elif at <= self.now:
                self.add_error("send_at", _("Cette heure est passée. Choisissez-en une à venir."))
        return found


class TrialForm(forms.Form):
    """The phone that receives a test."""

    phone = forms.CharField(
        label=_("Votre mobile"),
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )

    def __init__(self, *args: Any, region: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.region = region

    def clean_phone(self) -> Phone | None:
        typed = self.cleaned_data["phone"].strip()
        if not typed:
            return None
        try:
            return parse_phone(typed, self.region)
        except NotAPhone as error:
            sentence = _("Ce n’est pas un numéro de téléphone. Exemple : 06 12 34 56 78.")
            raise ValidationError(sentence) from error
