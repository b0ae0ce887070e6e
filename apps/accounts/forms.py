"""What people of the team type, and what is said back in French."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Device, Invitation, Membership, User
from apps.accounts.pins import check_choice
from apps.core.refusal import Refusal
from apps.core.roles import Role
from apps.shops.models import Shop, slug_rule


class SignUpForm(forms.Form):
    """What allauth's sign-up asks beside e-mail and password."""

    field_order = ("name", "email", "password1")
    name = forms.CharField(
        label=_("Prénom et nom"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    def signup(self, request: Any, user: User) -> None:
        user.name = self.cleaned_data["name"].strip()
        user.save(update_fields=["name"])


class NewShopForm(forms.ModelForm):
    slug = forms.CharField(
        label=_("Adresse de la boutique"),
        max_length=40,
        required=False,
        validators=[slug_rule],
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    class Meta:
        model = Shop
        fields = ("name", "slug", "trade")
        labels = {"name": _("Nom de la boutique"), "trade": _("Métier")}
        widgets = {
            "name": forms.TextInput(
                attrs={"autocomplete": "organization", "placeholder": "Cave du Marché"}
            )
        }

    def clean_slug(self) -> str:
        return self.cleaned_data["slug"].strip().lower()


class InvitationForm(forms.ModelForm):
    class Meta:
        model = Invitation
        fields = ("email", "role")
        labels = {"email": _("Adresse e-mail"), "role": _("Rôle")}
        widgets = {
            "email": forms.EmailInput(
                attrs={"autocomplete": "off", "placeholder": "prenom@exemple.fr"}
            )
        }

    def __init__(self, *args: Any, roles: list[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(
            label=_("Rôle"), choices=[(role.value, role.label) for role in roles]
        )


class NameForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name",)
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}


class DeviceForm(forms.ModelForm):
    class Meta:
        model = Device
        fields = ("name",)
        widgets = {
            "name": forms.TextInput(
                attrs={"autocomplete": "off", "placeholder": "Téléphone du comptoir"}
            )
        }


class PairingForm(forms.Form):
    code = forms.CharField(
        label=_("Code du téléphone"),
        max_length=20,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "placeholder": "ABCD 2345",
            }
        ),
    )


class PinForm(forms.Form):
    digits = forms.CharField(
        label=_("Code de 4 à 6 chiffres"),
        max_length=6,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )

    def clean_digits(self) -> str:
        digits: str = self.cleaned_data["digits"]
        try:
            check_choice(digits)
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return digits


class HandOverForm(forms.Form):
    """Ceding the shop: to whom, the shop's name typed, and a proof that it is really you."""

    to: "forms.ModelChoiceField[Membership]" = forms.ModelChoiceField(
        label=_("Nouvelle personne propriétaire"), queryset=Membership.objects.none()
    )
    name = forms.CharField(
        label=_("Nom de la boutique, tel qu’il est écrit"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    proof = forms.CharField(label=_("Mot de passe"), strip=True)

    def __init__(self, *args: Any, shop: Shop, members: Any, by_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shop = shop
        chosen = self.fields["to"]
        chosen.queryset = members  # type: ignore[attr-defined]
        chosen.label_from_instance = lambda member: str(member.user)  # type: ignore[attr-defined]
        if by_code:
            self.fields["proof"].label = _("Code de votre application, ou code de secours")
            self.fields["proof"].widget = forms.TextInput(
                attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}
            )
        else:
            self.fields["proof"].widget = forms.PasswordInput(
                attrs={"autocomplete": "current-password"}
            )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if name.casefold() != self.shop.name.casefold():
            raise forms.ValidationError(_("Recopiez le nom de la boutique : « %s ».") % self.shop)
        return name
