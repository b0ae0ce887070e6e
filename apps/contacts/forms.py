"""The shape of what the team types about a person."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts import channels
from apps.contacts.models import Contact, Source
from apps.contacts.services import Identity, WrongPhone, read_phone
from apps.core.phone import Phone, show_phone

post_code = RegexValidator(r"^[0-9]{5}\Z", _("Un code postal a cinq chiffres, par exemple 21200."))


class ContactForm(forms.Form):
    """Everything of a person that the team may correct; ``identity`` is what a service takes."""

    first_name = forms.CharField(label=_("Prénom"), max_length=60, required=False)
    last_name = forms.CharField(label=_("Nom"), max_length=60, required=False)
    phone = forms.CharField(
        label=_("Téléphone"),
        max_length=30,
        required=False,
        help_text=_("Changer le numéro garde la carte ; l’accord SMS est à redemander."),
    )
    email = forms.EmailField(
        label=_("E-mail"),
        required=False,
        help_text=_("Changer l’adresse garde la carte ; l’accord e-mail est à redemander."),
    )
    birth_date = forms.DateField(
        label=_("Date de naissance"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    adult = forms.BooleanField(
        label=_("Déclare avoir au moins 18 ans"),
        required=False,
        help_text=_("À cocher si la personne l’a déclaré ou a montré une pièce d’identité."),
    )
    postal_code = forms.CharField(
        label=_("Code postal"), max_length=5, required=False, validators=[post_code]
    )
    language = forms.ChoiceField(label=_("Langue"), choices=settings.LANGUAGES)
    note = forms.CharField(
        label="Note",  # Django’s own catalogue says « Remarque »
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Goûts, habitudes… La personne peut demander à la lire."),
    )

    def __init__(self, *args: Any, region: str, asks_age: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.region = region
        if not asks_age:
            del self.fields["adult"]
        hints = {
            "first_name": {"autocomplete": "off"},
            "last_name": {"autocomplete": "off"},
            "phone": {"inputmode": "tel", "autocomplete": "off"},
            "email": {"autocomplete": "off"},
            "postal_code": {"inputmode": "numeric", "autocomplete": "off"},
        }
        for name, attributes in hints.items():
            self.fields[name].widget.attrs.update(attributes)

    @staticmethod
    def initial_of(contact: Contact) -> dict[str, Any]:
        names = ("first_name", "last_name", "email", "birth_date", "postal_code", "language")
        return {
            **{name: getattr(contact, name) for name in (*names, "note")},
            "phone": show_phone(contact.phone).replace("\u00a0", " "),
            "adult": bool(contact.adult_declared_at),
        }

    def clean_phone(self) -> Phone | None:
        typed = self.cleaned_data["phone"].strip()
        if not typed:
            return None
        try:
            return read_phone(typed, self.region)
        except WrongPhone as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_birth_date(self) -> date | None:
        born: date | None = self.cleaned_data["birth_date"]
        today = timezone.localdate()
        if (born and not 1900 <= born.year <= today.year) or (born and born > today):
            raise forms.ValidationError(_("Cette date de naissance n’est pas possible."))
        return born

    @property
    def identity(self) -> Identity:
        return Identity(**{"adult": None, **self.cleaned_data})


class ConsentForm(forms.Form):
    """What a person said about a channel, and where the team has it from."""

    channel = forms.ChoiceField(choices=channels.choices)
    act = forms.ChoiceField(choices=[("yes", _("accepte")), ("stop", _("refuse"))])
    source = forms.ChoiceField(
        label=_("D’où le savez-vous ?"),
        choices=[
            (Source.COUNTER.value, _("Dit au comptoir")),
            (Source.PAPER.value, _("Écrit sur un formulaire papier")),
        ],
        error_messages={"required": _("Dites d’où vous tenez cet accord.")},
    )


class TagForm(forms.Form):
    name = forms.CharField(
        label=_("Étiquette"),
        max_length=30,
        error_messages={"required": _("Écrivez le nom de l’étiquette.")},
    )
