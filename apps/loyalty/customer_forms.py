"""What a visitor types on the shop's public pages, and the sentence for each slip."""

import re
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from apps.contacts import channels
from apps.contacts.consent import ADULT_SENTENCES, ADULT_WORDING, SENTENCES, WORDING
from apps.contacts.models import BY_THEMSELVES, Source
from apps.contacts.services import WrongPhone, read_phone
from apps.core.phone import Phone
from apps.loyalty.first_touch import Touch
from apps.loyalty.joining import NoAddress, Wish
from apps.shops.models import Shop

# Letters, spaces, hyphens, apostrophes, « J. » : a name, and no address or link.
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ '’-]|\.(?= |\Z))*\Z")

NOT_A_NAME = _("Écrivez votre prénom avec des lettres.")
_MISSING = {
    "phone": _("Pour recevoir nos nouvelles %(by)s, donnez votre mobile."),
    "email": _("Pour recevoir nos nouvelles %(by)s, donnez votre e-mail."),
}


class NameForm(forms.Form):
    """A person's first name: given, or corrected."""

    first_name = forms.CharField(
        label=_("Votre prénom"),
        max_length=60,
        error_messages={"required": _("Dites-nous votre prénom.")},
        widget=forms.TextInput(attrs={"autocomplete": "given-name", "autocapitalize": "words"}),
    )

    def clean_first_name(self) -> str:
        name = " ".join(self.cleaned_data["first_name"].split())
        if not _NAME.match(name):
            raise forms.ValidationError(NOT_A_NAME)
        return name


class StrangerForm(NameForm):
    """Somebody without a link of their own: a first name, and the mobile that will get one.
    ``site`` is a trap for robots."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    site = forms.CharField(required=False)
    phone = forms.CharField(
        label=_("Votre mobile"),
        max_length=30,
        error_messages={"required": _("Donnez votre mobile : le lien y sera envoyé.")},
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )


class JoinForm(StrangerForm):
    """A first name, and a mobile number or an e-mail.

    ``via`` is what the code that was scanned said of where it stands; the poster's says nothing.
    """

    via = forms.CharField(required=False, widget=forms.HiddenInput)
    email = forms.EmailField(
        label=_("Votre e-mail"),
        required=False,
        error_messages={"invalid": _("Cet e-mail n’est pas complet. Exemple : nom@exemple.fr.")},
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
    adult = forms.BooleanField(required=False)
    birth_date = forms.DateField(
        label=_("ou votre date de naissance"),
        required=False,
        error_messages={"invalid": _("Écrivez la date comme 24/05/1990.")},
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "bday"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, shop: Shop, **kwargs: Any) -> None:
        kwargs["initial"] = {"key": uuid4(), **kwargs.get("initial", {})}
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.shop = shop
        self.fields["phone"].required = False
        self.ways = [way for way in channels.offered(shop) if way.typed]
        for way in self.ways:
            label = SENTENCES[WORDING] % {"shop": shop.name, "by": way.by}
            self.fields[f"accord_{way.name}"] = forms.BooleanField(required=False, label=label)
        self.fields["adult"].label = ADULT_SENTENCES[ADULT_WORDING]
        if not shop.sells_alcohol:
            del self.fields["adult"], self.fields["birth_date"]
        self.read: Phone | None = None

    @property
    def accords(self) -> list[forms.BoundField]:
        """The boxes of what the shop may send."""
        return [self[f"accord_{way.name}"] for way in self.ways]

    def clean_via(self) -> str:
        via = self.cleaned_data["via"]
        return via if via in BY_THEMSELVES else Source.POSTER

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
        given = {"phone": bool(self.read and self.read.mobile), "email": bool(data["email"])}
        for way in self.ways:
            if data.get(f"accord_{way.name}") and not given[way.address]:
                self.add_error(f"accord_{way.name}", _MISSING[way.address] % {"by": way.by})

    def wish(self, touch: Touch | None = None) -> Wish:
        data = self.cleaned_data
        return Wish(
            key=data["key"],
            first_name=data["first_name"],
            phone=self.read,
            email=data["email"],
            agreed=frozenset(way.name for way in self.ways if data[f"accord_{way.name}"]),
            birth_date=data.get("birth_date"),
            adult=data.get("adult", False),
            language=(get_language() or "fr")[:2],
            source=Source.FRIEND if touch else data["via"],
            touch=touch,
        )
