"""What an owner says of the shop's sales, for its legal texts."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.legal.models import SaleTerms


class SaleTermsForm(forms.ModelForm):
    class Meta:
        model = SaleTerms
        fields = (
            "mediator",
            "mediator_address",
            "mediator_site",
            "hands_over",
            "days_kept",
            "delivers",
            "delivery_zone",
            "delivery_days",
            "delivery_cost",
            "pays_return",
            "return_address",
            "subscriptions",
            "own_words",
        )
        labels = {
            "mediator": _("Nom du médiateur"),
            "mediator_address": _("Son adresse postale"),
            "mediator_site": _("Son site"),
            "hands_over": _("Retrait en boutique"),
            "days_kept": _("Une commande attend (jours)"),
            "delivers": _("Livraison"),
            "delivery_zone": _("Où vous livrez"),
            "delivery_days": _("Livrée au plus tard sous (jours)"),
            "delivery_cost": _("Frais de livraison"),
            "pays_return": _("Vous payez le retour d’un article"),
            "return_address": _("Adresse de retour"),
            "subscriptions": _("Vous vendez par abonnement (un club, une box)"),
            "own_words": _("Vos conditions particulières"),
        }
        help_texts = {
            "mediator": _("La loi veut que qui vend à des particuliers adhère à l’un d’eux."),
            "delivery_zone": _("Par exemple : France métropolitaine."),
            "delivery_days": _("30 au plus, sauf accord du client."),
            "delivery_cost": _("Par exemple : 9,90 €, offerts dès 150 €."),
            "return_address": _("Vide : l’adresse de la boutique."),
            "own_words": _("Ajoutées à la fin des conditions de vente, telles quelles."),
        }
        widgets = {"own_words": forms.Textarea(attrs={"rows": 4})}

    mediator_site = forms.URLField(
        label=_("Son site"), required=False, max_length=160, assume_scheme="https"
    )

    def clean_delivery_days(self) -> int:
        days = int(self.cleaned_data["delivery_days"])
        if not 1 <= days <= 30:
            raise ValidationError(_("Entre 1 et 30 jours (C. conso. L216-1)."))
        return days

    @property
    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.fields}
