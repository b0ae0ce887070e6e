"""What the owner types about sending."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.contacts.services import WrongPhone, read_phone
from apps.core.money import read_euros
from apps.core.phone import show_phone
from apps.messaging.models import Category
from apps.messaging.templates import LONGEST
from apps.shops.models import Shop


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
