"""What a visitor types on the shop's public pages, and the sentence for each slip."""

import re
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from apps.contacts.consent import ADULT_SENTENCES, ADULT_WORDING, SENTENCES, WORDING
from apps.contacts.models import Channel
from apps.contacts.services import WrongPhone, read_phone
from apps.core.phone import Phone
from apps.loyalty.joining import NoAddress, Wish
from apps.shops.models import Shop

# Letters, spaces, hyphens, apostrophes, « J. » : a name, and no address or link.
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ '’-]|\.(?= |\Z))*\Z")

NOT_A_NAME = _("Écrivez votre prénom avec des lettres.")


def clean_first_name(typed: str) -> str:
    name = " ".join(typed.split())
    if not _NAME.match(name):
        raise forms.ValidationError(NOT_A_NAME)
    return name


class JoinForm(forms.Form):
    """A first name, and a mobile number or an e-mail. ``site`` is a trap for robots."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    site = forms.CharField(required=False)
    first_name = forms.CharField(
        label=_("Votre prénom"),
        max_length=60,
        error_messages={"required": _("Dites-nous votre prénom.")},
        widget=forms.TextInput(attrs={"autocomplete": "given-name", "autocapitalize": "words"}),
    )
    phone = forms.CharField(
        label=_("Votre mobile"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )
    email = forms.EmailField(
        label=_("Votre e-mail"),
        required=False,
        error_messages={"invalid": _("Cet e-mail n’est pas complet. Exemple : nom@exemple.fr.")},
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
    sms = forms.BooleanField(required=False)
    mail = forms.BooleanField(required=False)
    adult = forms.BooleanField(required=False)
    birth_date = forms.DateField(
        label=_("ou votre date de naissance"),
        required=False,
        error_messages={"invalid": _("Écrivez la date comme 24/05/1990.")},
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "bday"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, shop: Shop, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"key": uuid4()})
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.shop = shop
        place = {"shop": shop.name}
        self.fields["sms"].label = SENTENCES[WORDING][Channel.SMS] % place
        self.fields["mail"].label = SENTENCES[WORDING][Channel.EMAIL] % place
        self.fields["adult"].label = ADULT_SENTENCES[ADULT_WORDING]
        if not shop.sells_alcohol:
            del self.fields["adult"], self.fields["birth_date"]
        self.read: Phone | None = None

    def clean_first_name(self) -> str:
        return clean_first_name(self.cleaned_data["first_name"])

    def clean_phone(self) -> str:
        typed = self.cleaned_data["phone"].strip()
        if typed:
            try:
                self.read = read_phone(typed, self.shop.region)
            except WrongPhone as refusal:
                raise forms.ValidationError(str(refusal)) from refusal
        return str(typed)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("site"):
            self.add_error(None, _("Ce formulaire n’a pas pu être lu. Touchez encore une fois."))
        if "phone" in data and "email" in data:
            self._check_addresses(data)
        return data

    def _check_addresses(self, data: dict[str, Any]) -> None:
        if not data["phone"] and not data["email"]:
            self.add_error("phone", str(NoAddress()))
            return
        if self.read and not self.read.mobile and not data["email"]:
            self.add_error(
                "phone",
                _("Ce numéro fixe ne reçoit pas de SMS : donnez un mobile, ou votre e-mail."),
            )
        if data.get("sms") and not (self.read and self.read.mobile):
            self.add_error("sms", _("Pour recevoir des SMS, donnez votre mobile."))
        if data.get("mail") and not data["email"]:
            self.add_error("mail", _("Pour recevoir des e-mails, donnez votre e-mail."))

    def wish(self) -> Wish:
        data = self.cleaned_data
        ticked = {Channel.SMS.value: data["sms"], Channel.EMAIL.value: data["mail"]}
        return Wish(
            key=data["key"],
            first_name=data["first_name"],
            phone=self.read,
            email=data["email"],
            agreed=frozenset(channel for channel, yes in ticked.items() if yes),
            birth_date=data.get("birth_date"),
            adult=data.get("adult", False),
            language=(get_language() or "fr")[:2],
        )


class NameForm(forms.Form):
    """A person corrects their first name."""

    first_name = forms.CharField(
        label=_("Votre prénom"),
        max_length=60,
        error_messages={"required": _("Dites-nous votre prénom.")},
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )

    def clean_first_name(self) -> str:
        return clean_first_name(self.cleaned_data["first_name"])
