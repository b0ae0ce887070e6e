"""What somebody types who joins the club, gives it, opens a gift or waits for a place."""

from typing import Any
from uuid import uuid4

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from apps.club.models import ClubPlan, Handover
from apps.club.services.joining import GIFT_PERIODS, Gift, TermsUnsaid, Wish
from apps.contacts.consent import ADULT_SENTENCES, ADULT_WORDING
from apps.contacts.services import WrongPhone, read_phone
from apps.core.phone import Phone
from apps.core.refusal import Refusal
from apps.legal.models import Kind as Text
from apps.legal.queries import in_force
from apps.loyalty.customer_forms import NameForm
from apps.shops.models import Shop


def email_field(label: Any, required: Any) -> forms.EmailField:
    """A mailbox; ``required`` is what is said where it is left out."""
    invalid = _("Cet e-mail n’est pas complet. Exemple : nom@exemple.fr.")
    widget = forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"})
    said = {"required": required, "invalid": invalid}
    return forms.EmailField(label=label, error_messages=said, widget=widget)


class PlaceForm(forms.Form):
    """Where a parcel or an invoice finds somebody."""

    street = forms.CharField(
        label=_("Votre adresse"),
        max_length=120,
        error_messages={"required": _("Donnez le numéro et la rue.")},
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )
    postal_code = forms.CharField(
        label=_("Code postal"),
        validators=[RegexValidator(r"^\d{5}\Z", _("Un code postal a cinq chiffres."))],
        error_messages={"required": _("Donnez votre code postal.")},
        widget=forms.TextInput(attrs={"autocomplete": "postal-code", "inputmode": "numeric"}),
    )
    city = forms.CharField(
        label=_("Ville"),
        max_length=60,
        error_messages={"required": _("Donnez votre ville.")},
        widget=forms.TextInput(attrs={"autocomplete": "address-level2"}),
    )


class AddressForm(NameForm, PlaceForm):
    """Who somebody is, and where they are. ``site`` traps robots."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    site = forms.CharField(required=False)
    last_name = forms.CharField(
        label=_("Votre nom"),
        max_length=60,
        error_messages={"required": _("Dites-nous votre nom.")},
        widget=forms.TextInput(attrs={"autocomplete": "family-name", "autocapitalize": "words"}),
    )
    email = email_field(_("Votre e-mail"), _("Donnez votre e-mail : votre contrat y sera envoyé."))
    phone = forms.CharField(
        label=_("Votre mobile (facultatif)"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )
    adult = forms.BooleanField(required=False, label=ADULT_SENTENCES[ADULT_WORDING])

    def __init__(self, *args: Any, shop: Shop, **kwargs: Any) -> None:
        kwargs["initial"] = {"key": uuid4(), **kwargs.get("initial", {})}
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.shop = shop
        if not shop.sells_alcohol:
            del self.fields["adult"]
        self.read: Phone | None = None

    def clean_phone(self) -> str:
        typed = str(self.cleaned_data["phone"]).strip()
        if typed:
            try:
                self.read = read_phone(typed, self.shop.region)
            except WrongPhone as refusal:
                raise forms.ValidationError(str(refusal)) from refusal
        return typed

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("site"):
            self.add_error(None, _("Ce formulaire n’a pas pu être lu. Touchez encore une fois."))
        return data

    def refuse(self, refusal: Refusal, field: str | None = None) -> int:
        """Say it beside its field; the answer's status."""
        self.add_error(field if field in self.fields else None, str(refusal))
        return refusal.status

    def wish(self, **more: Any) -> Wish:
        data = self.cleaned_data
        same = ("key", "first_name", "last_name", "email", "street", "postal_code", "city")
        return Wish(
            **{name: data[name] for name in same},
            phone=self.read,
            adult=bool(data.get("adult")),
            language=(get_language() or "fr")[:2],
            **more,
        )


class OrderForm(AddressForm):
    """Joining the club: who, how it is handed over, and the place in line that was kept."""

    place = forms.CharField(required=False, widget=forms.HiddenInput, max_length=22)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    terms = forms.BooleanField(
        label=_("J’ai lu et j’accepte les conditions générales de vente."),
        error_messages={"required": TermsUnsaid.message},
    )
    handover = forms.ChoiceField(
        label=_("Comment la recevoir"), choices=Handover.choices, widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, plan: ClubPlan, **kwargs: Any) -> None:
        shown = in_force(Text.SALES)
        first = {"handover": Handover.PICKUP, "version": shown.number if shown else None}
        kwargs["initial"] = {**first, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        if shown is None:
            del self.fields["terms"], self.fields["version"]
        if plan.ship_cents is None:
            del self.fields["handover"]

    def order(self) -> Wish:
        return self.ordered(turn=self.cleaned_data["place"])

    def ordered(self, **more: Any) -> Wish:
        data = self.cleaned_data
        handover = str(data.get("handover") or Handover.PICKUP)
        return self.wish(handover=handover, terms=data.get("version"), **more)


class GiftForm(OrderForm):
    """Giving it to somebody: who, and for how long."""

    gift_name = forms.CharField(
        label=_("Son prénom"),
        max_length=60,
        error_messages={"required": _("Dites à qui vous l’offrez.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "words"}),
    )
    gift_periods = forms.TypedChoiceField(label=_("Pour combien de temps"), coerce=int)
    gift_words = forms.CharField(
        label=_("Votre mot (facultatif)"),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, plan: ClubPlan, **kwargs: Any) -> None:
        super().__init__(*args, plan=plan, **kwargs)
        many = [(n, _("%(months)d mois") % {"months": n * plan.every}) for n in GIFT_PERIODS]
        self.fields["gift_periods"].choices = many  # type: ignore[attr-defined]
        self.initial.setdefault("gift_periods", GIFT_PERIODS[1])

    def order(self) -> Wish:
        data = self.cleaned_data
        gift = Gift(data["gift_periods"], data["gift_name"].strip(), data["gift_words"].strip())
        return self.ordered(gift=gift)


class LineForm(NameForm):
    """A place in the line of a plan that is full."""

    site = forms.CharField(required=False)
    email = email_field(
        _("Votre e-mail"), _("Donnez votre e-mail : nous y écrirons quand une place se libère.")
    )
