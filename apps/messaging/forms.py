"""What the owner types about sending."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.contacts.services import WrongPhone, read_phone
from apps.core.money import read_euros
from apps.core.phone import FRENCH_REGIONS, NotAPhone, parse_phone, show_phone
from apps.messaging.accounts import SID, NoToken
from apps.messaging.models import Category
from apps.messaging.templates import LONGEST
from apps.shops.forms import read_sender_name
from apps.shops.models import Shop

SERVICE = re.compile(r"MG[0-9a-f]{32}")
TOKEN = re.compile(r"[0-9A-Za-z]{16,64}")
_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class WhatsAppForm(forms.Form):
    """Whether the shop writes by WhatsApp, and from which number."""

    whatsapp_on = forms.BooleanField(label=_("Écrire par WhatsApp"), required=False)
    whatsapp_number = forms.CharField(
        label=_("Votre numéro WhatsApp"),
        required=False,
        max_length=30,
        help_text=_("Celui que Meta a vérifié pour votre boutique."),
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, shop: Shop, **kwargs: Any) -> None:
        number = show_phone(shop.whatsapp_number)
        initial = {"whatsapp_on": shop.whatsapp_on, "whatsapp_number": number}
        super().__init__(*args, **{"initial": initial, **kwargs})
        self.shop = shop

    def clean_whatsapp_number(self) -> str:
        typed = self.cleaned_data["whatsapp_number"].strip()
        if not typed:
            return ""
        try:
            return read_phone(typed, self.shop.region).e164
        except WrongPhone as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        common = settings.TWILIO_WHATSAPP or settings.SMS_PROVIDER == "local"
        if said.get("whatsapp_on") and said.get("whatsapp_number") == "" and not common:
            self.add_error("whatsapp_number", _("Donnez d’abord le numéro que Meta a vérifié."))
        return said


class TemplateForm(forms.Form):
    """A text for WhatsApp to approve."""

    title = forms.CharField(label=_("Nom, pour vous seul"), max_length=60)
    category = forms.ChoiceField(
        label=_("Ce que c’est"),
        choices=[
            (Category.MARKETING, _("Une offre, une nouvelle (publicité)")),
            (Category.UTILITY, _("Une suite à ce que la personne a fait (service)")),
        ],
    )
    text = forms.CharField(
        label=_("Le texte"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 4})
    )


MOST_EUROS = 100_000


class BudgetForm(forms.Form):
    """A month's budget in euros; empty: none."""

    budget = forms.CharField(
        label=_("Au plus, par mois"),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "placeholder": "50 €"}),
    )

    def clean_budget(self) -> int | None:
        typed = self.cleaned_data["budget"].strip()
        if not typed:
            return None
        try:
            cents = read_euros(typed)
        except ValueError as error:
            raise ValidationError(_("Écrivez un montant en euros, comme 50 ou 49,90.")) from error
        if not 100 <= cents <= MOST_EUROS * 100:
            raise ValidationError(_("De 1 € à 100 000 € ; vide : pas de budget."))
        return cents


class AccountForm(forms.Form):
    account = forms.CharField(
        label=_("Compte (Account SID)"),
        max_length=60,
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "AC…"}),
    )
    token = forms.CharField(
        label=_("Jeton (Auth Token)"),
        max_length=100,
        error_messages={"required": NoToken.message},
        widget=forms.PasswordInput(attrs={**_PLAIN, "autocomplete": "new-password"}),
    )
    sender = forms.CharField(
        label=_("Expéditeur"),
        max_length=60,
        help_text=_(
            "Un numéro du compte, un service de messagerie (MG…) ou un nom de 3 à 11 lettres."
        ),
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "+33 9 39 00 00 00"}),
    )
    price = forms.DecimalField(
        label=_("Ce que Twilio vous facture un segment, en centimes"),
        min_value=0,
        max_value=100,
        decimal_places=1,
        localize=True,
        help_text=_("Pour que vos coûts affichés soient les vôtres."),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, tail: str | None, region: str, **kwargs: Any) -> None:
        """``tail``: the last signs of the token that is kept; None without one."""
        super().__init__(*args, **kwargs)
        self.region = region
        if tail is not None:
            token = self.fields["token"]
            token.required = False
            token.help_text = _("Au coffre : …%(tail)s. Vide, il y reste.") % {"tail": tail}

    def clean_account(self) -> str:
        sid: str = self.cleaned_data["account"].strip()
        if not SID.fullmatch(sid):
            raise forms.ValidationError(_("« AC » suivi de 32 chiffres et lettres de a à f."))
        return sid

    def clean_token(self) -> str:
        token: str = self.cleaned_data["token"].strip()
        if token and not TOKEN.fullmatch(token):
            raise forms.ValidationError(
                _("Un jeton n’a que des chiffres et des lettres : recopiez-le en entier.")
            )
        return token

    def clean_sender(self) -> str:
        typed: str = self.cleaned_data["sender"].strip()
        if SERVICE.fullmatch(typed):
            return typed
        if not re.fullmatch(r"[+0][\d\s.()-]{6,}", typed):
            return read_sender_name(typed)
        try:
            phone = parse_phone(typed, self.region)
        except NotAPhone as error:
            raise forms.ValidationError(_("Ce numéro n’existe pas.")) from error
        if phone.mobile and phone.region in FRENCH_REGIONS:
            raise forms.ValidationError(
                _("Un 06 ou un 07 ne peut pas envoyer de publicité : prenez un 09 ou un nom.")
            )
        return phone.e164

    @property
    def price_tenths(self) -> int:
        """Tenths of a cent."""
        return int(self.cleaned_data["price"] * 10)
