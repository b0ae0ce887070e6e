"""A shop's settings as the owner types them."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from stdnum.exceptions import ValidationError as NotANumber
from stdnum.fr import siren

from apps.core.phone import NotAPhone, parse_phone, show_phone
from apps.shops.models import Region, Shop

# Words the operators refuse as a sender (french-rules §1), compared without case.
GENERIC_SENDERS = frozenset(
    {"INFO", "INFOS", "PROMO", "PROMOS", "SMS", "ALERTE", "ALERTES", "PUB", "SOLDES", "COLIS"}
    | {"CLIENT", "CLIENTS", "SERVICE", "MESSAGE", "MAGASIN", "BOUTIQUE", "OFFRE", "OFFRES"}
    | {"CONTACT", "NEWS", "URGENT"}
)
SENDER = re.compile(r"[A-Za-z0-9]{3,11}")
POSTAL_CODE = re.compile(r"(?:0[1-9]|[1-8]\d|9[0-8])\d{3}")


def read_sender_name(sender: str) -> str:
    """A name that the operators let pass (french-rules §1). Raises ``ValidationError``."""
    if not SENDER.fullmatch(sender) or sender.isdigit():
        raise forms.ValidationError(
            _("De 3 à 11 lettres sans accent ou chiffres, dont une lettre, sans espace.")
        )
    if sender.upper() in GENERIC_SENDERS:
        raise forms.ValidationError(
            _("Les opérateurs refusent ce mot trop général : prenez le nom de la boutique.")
        )
    return sender


class IdentityForm(forms.ModelForm):
    phone = forms.CharField(
        label=_("Téléphone"),
        max_length=20,
        required=False,
        widget=forms.TelInput(attrs={"autocomplete": "tel"}),
    )
    siren = forms.CharField(
        label=_("SIREN"),
        max_length=17,
        required=False,
        help_text=_("Neuf chiffres, sur votre extrait Kbis."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    sells_alcohol = forms.TypedChoiceField(
        label=_("Vendez-vous de l’alcool ?"),
        choices=[("oui", _("Oui")), ("non", _("Non"))],
        coerce=lambda text: text == "oui",
        widget=forms.RadioSelect,
        help_text=_("Si oui, l’âge est demandé et la mention sanitaire s’ajoute aux messages."),
    )

    class Meta:
        model = Shop
        fields = (
            "name",
            "trade",
            "sells_alcohol",
            "street",
            "postal_code",
            "city",
            "region",
            "phone",
            "email",
            "opening_hours",
            "legal_name",
            "siren",
            "publisher",
        )
        widgets = {
            "street": forms.TextInput(attrs={"autocomplete": "street-address"}),
            "postal_code": forms.TextInput(
                attrs={"autocomplete": "postal-code", "inputmode": "numeric"}
            ),
            "city": forms.TextInput(attrs={"autocomplete": "address-level2"}),
            "opening_hours": forms.Textarea(
                attrs={"rows": 3, "placeholder": "Mardi au samedi, 10 h – 19 h"}
            ),
        }
        help_texts = {
            "legal_name": _("Le nom de l’entreprise, s’il diffère de l’enseigne."),
            "publisher": _("La personne qui répond du contenu, pour les mentions légales."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["phone"] = show_phone(self.instance.phone)
        sells = self.instance.sells_alcohol
        self.initial["sells_alcohol"] = None if sells is None else "oui" if sells else "non"

    def clean_postal_code(self) -> str:
        code: str = self.cleaned_data["postal_code"].replace(" ", "")
        if code and not POSTAL_CODE.fullmatch(code):
            raise forms.ValidationError(_("Un code postal a cinq chiffres, comme 21200."))
        return code

    def clean_siren(self) -> str:
        text: str = self.cleaned_data["siren"]
        if not text.strip():
            return ""
        try:
            return str(siren.validate(text))
        except NotANumber as error:
            raise forms.ValidationError(
                _("Ce n’est pas un SIREN : neuf chiffres, sans faute de frappe.")
            ) from error

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("phone"):
            try:
                said["phone"] = parse_phone(said["phone"], said.get("region", Region.FR)).e164
            except NotAPhone:
                self.add_error("phone", _("Ce numéro n’existe pas. Exemple : 03 80 12 34 56."))
        return said


class LookForm(forms.ModelForm):
    class Meta:
        model = Shop
        fields = ("accent",)
        widgets = {"accent": forms.TextInput(attrs={"type": "color"})}
        help_texts = {
            "accent": _("Celle de votre enseigne. Le texte posé dessus reste lisible tout seul.")
        }

    def clean_accent(self) -> str:
        return str(self.cleaned_data["accent"]).lower()


class MailForm(forms.Form):
    mail_from = forms.EmailField(
        label=_("Votre adresse d’envoi"),
        help_text=_("Une adresse de votre propre domaine, comme bonjour@macave.fr."),
        widget=forms.EmailInput(
            attrs={"autocomplete": "email", "placeholder": "bonjour@macave.fr"}
        ),
    )

    def clean_mail_from(self) -> str:
        return str(self.cleaned_data["mail_from"]).lower()


class MessagesForm(forms.ModelForm):
    class Meta:
        model = Shop
        fields = (
            "sms_sender",
            "reply_to",
            "quiet_until",
            "quiet_from",
            "sundays_allowed",
            "cap_days",
        )
        widgets = {
            "quiet_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "quiet_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }
        labels = {
            "sms_sender": _("Nom d’expéditeur des SMS"),
            "reply_to": _("Adresse où arrivent les réponses aux e-mails"),
            "cap_days": _("Jours entre deux messages à une même personne"),
            "sundays_allowed": _("Écrire aussi les dimanches et jours fériés"),
        }
        help_texts = {
            "sms_sender": _("De 3 à 11 lettres ou chiffres, sans espace, comme CAVEMARCHE."),
            "reply_to": _("Vide : les réponses arrivent ici, dans vos messages."),
            "cap_days": _("De 1 à 60. Un message de trop n’est pas perdu : il attend son jour."),
        }

    def clean_sms_sender(self) -> str:
        sender: str = self.cleaned_data["sms_sender"].strip()
        return read_sender_name(sender) if sender else ""

    def clean_cap_days(self) -> int:
        days: int = self.cleaned_data["cap_days"]
        if not 1 <= days <= 60:
            raise forms.ValidationError(_("Entre 1 et 60 jours."))
        return days

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        since, until = said.get("quiet_until"), said.get("quiet_from")
        opens, closes = settings.COMMERCIAL_HOURS
        if since and until and not opens <= since < until <= closes:
            self.add_error(
                "quiet_from",
                _("La loi permet d’écrire de 8 h à 21 h 30 ; vous pouvez réduire, pas élargir."),
            )
        return said


class DomainForm(forms.Form):
    domain = forms.CharField(
        label=_("Votre domaine"),
        max_length=253,
        help_text=_("Par exemple www.macave.fr ou carte.macave.fr."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
