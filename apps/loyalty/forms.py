"""What the team types about cards, and the sentence for each slip."""

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Tag
from apps.contacts.services import WrongPhone, read_phone, tag_named
from apps.core.fields import EurosField
from apps.core.phone import Phone


class GestureForm(forms.Form):
    """The phone's own name for what is being done: sent twice, done once."""

    token = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={
            "required": _("Cette page est incomplète. Rechargez-la, puis recommencez."),
            "invalid": _("Cette page est incomplète. Rechargez-la, puis recommencez."),
        },
    )

    @property
    def sentence(self) -> str:
        """The first error, to be shown where there is no field to stand beside."""
        return next(str(error) for errors in self.errors.values() for error in errors)


class StampForm(GestureForm):
    amount = EurosField(label=_("Montant de l’achat"))
    anyway = forms.BooleanField(required=False)


class RedeemForm(GestureForm):
    id_checked = forms.BooleanField(required=False)


class ReturnForm(GestureForm):
    """Of which visit the goods are, and for how much; nothing typed: all that is left of it."""

    visit = forms.TypedChoiceField(
        coerce=int, error_messages={"required": _("Choisissez le passage concerné.")}
    )
    amount = EurosField(label=_("Montant rendu"))

    def __init__(self, *args: Any, visits: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["visit"].choices = [(pk, str(pk)) for pk in visits]  # type: ignore[attr-defined]


class QuickAddForm(GestureForm):
    """A phone number is enough."""

    phone = forms.CharField(
        label=_("Téléphone"),
        max_length=30,
        error_messages={"required": _("Tapez un numéro de téléphone.")},
        widget=forms.TextInput(
            attrs={"type": "tel", "inputmode": "tel", "autocomplete": "off", "autofocus": True}
        ),
    )
    first_name = forms.CharField(
        label=_("Prénom"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "words"}),
    )
    tags = forms.ModelMultipleChoiceField(Tag.objects.none(), required=False)
    new_tag = forms.CharField(
        label=_("Nouvelle étiquette"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    stamp = forms.BooleanField(label=_("Donner un tampon"), required=False)
    amount = EurosField(label=_("Montant de l’achat"))
    send_card = forms.BooleanField(label=_("Envoyer la carte par SMS"), required=False)

    def __init__(self, *args: Any, region: str, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"token": uuid4(), "stamp": True})
        super().__init__(*args, **kwargs)
        self.region = region
        self.fields["tags"].queryset = Tag.objects.all()  # type: ignore[attr-defined]

    def clean_phone(self) -> Phone:
        try:
            return read_phone(self.cleaned_data["phone"], self.region)
        except WrongPhone as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("amount") and not data.get("stamp"):
            self.add_error("amount", _("Le montant s’enregistre avec le tampon : cochez-le."))
        if data.get("send_card") and "phone" in data and not data["phone"].mobile:
            self.add_error("send_card", _("C’est un numéro fixe : il ne reçoit pas de SMS."))
        return data

    def all_tags(self) -> list[Tag]:
        """The chips that were touched, and the new word; call it once the form is valid."""
        chosen = list(self.cleaned_data["tags"])
        name = self.cleaned_data["new_tag"]
        return [*chosen, tag_named(name)] if name else chosen
