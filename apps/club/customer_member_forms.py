"""What a member types on their pages, and the sentence for each slip."""

from typing import Any
from uuid import uuid4

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.club.customer_forms import PlaceForm, email_field
from apps.club.models import Handover, Member
from apps.club.services.keeping import LONGEST_REST
from apps.contacts.models import Channel
from apps.contacts.services import WrongPhone, read_phone
from apps.core.templatetags.french import prix_rond
from apps.invoicing.words import Address
from apps.loyalty.rule import months_later
from apps.shops.models import Shop


class PlainForm(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class FindForm(PlainForm):
    """Where the link of a page is sent: a mobile, or an e-mail."""

    to = forms.CharField(
        label=_("Votre e-mail ou votre mobile"),
        max_length=254,
        error_messages={"required": _("Donnez l’e-mail ou le mobile de votre abonnement.")},
        widget=forms.TextInput(attrs={"autocomplete": "email"}),
    )

    def __init__(self, *args: Any, shop: Shop, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shop, self.channel = shop, Channel.EMAIL

    def clean_to(self) -> str:
        typed = str(self.cleaned_data["to"]).strip()
        if "@" in typed:
            return str(email_field("", "").clean(typed))
        self.channel = Channel.SMS
        try:
            return read_phone(typed, self.shop.region).e164
        except WrongPhone as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class CodeForm(PlainForm):
    code = forms.CharField(
        label=_("Le code à six chiffres"),
        max_length=20,
        error_messages={"required": _("Tapez le code que vous avez reçu.")},
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "num"}
        ),
    )


class WordForm(PlainForm):
    """Who leaves, and which contract: no account, nothing else (D215-1)."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Votre prénom et votre nom"),
        max_length=120,
        error_messages={"required": _("Donnez votre prénom et votre nom.")},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = email_field(_("Votre e-mail, où part l’accusé de réception"), _("Donnez votre e-mail."))
    reference = forms.CharField(
        label=_("La référence de votre contrat"),
        help_text=_("Elle est dans chaque e-mail du club, et ressemble à C00012-7KQ4."),
        max_length=30,
        error_messages={"required": _("Donnez la référence de votre contrat.")},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "class": "num"}
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"key": uuid4(), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)


class CancelForm(WordForm):
    wanted_on = forms.DateField(
        label=_("Date de fin souhaitée, si vous en voulez une"),
        help_text=_("Sinon, dès que votre contrat le permet."),
        required=False,
        error_messages={"invalid": _("Écrivez la date comme 24/05/2027.")},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean_wanted_on(self) -> Any:
        wanted, today = self.cleaned_data["wanted_on"], timezone.localdate()
        if wanted and wanted < today:
            raise forms.ValidationError(_("Choisissez une date à venir."))
        if wanted and wanted > months_later(today, 24):
            raise forms.ValidationError(_("Choisissez une date dans les deux ans."))
        return wanted


class AddressForm(PlainForm, PlaceForm):
    """Where boxes go, and how."""

    handover = forms.ChoiceField(label=_("Vos box"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, member: Member, **kwargs: Any) -> None:
        fields = ("handover", "street", "postal_code", "city")
        kwargs["initial"] = {name: getattr(member, name) for name in fields}
        super().__init__(*args, **kwargs)
        self.fields["handover"].choices = list(_handovers(member))  # type: ignore[attr-defined]
        if len(self.fields["handover"].choices) == 1:  # type: ignore[attr-defined]
            del self.fields["handover"]

    def address(self) -> Address:
        data = self.cleaned_data
        return Address(data["street"], data["postal_code"], data["city"])


def _handovers(member: Member) -> Any:
    yield Handover.PICKUP.value, _("Je les retire à la boutique")
    brought = member.handover == Handover.SHIPPING
    cents = member.ship_cents if brought else member.plan.ship_cents
    if member.is_gift and not brought:
        return
    if cents is not None:
        price = prix_rond(cents)
        said = _("On me les livre : %(price)s par période") if cents else _("On me les livre")
        yield Handover.SHIPPING.value, said % {"price": price}


class RestForm(PlainForm):
    periods = forms.IntegerField(min_value=1, max_value=LONGEST_REST)
