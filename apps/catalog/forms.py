"""What the team types about products and stock, and the sentence for each slip."""

from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.catalog.details import (
    ALCOHOL,
    DETAILS,
    LONGEST,
    VAT,
    Detail,
    Kind,
    WrongDetail,
    clean,
    is_ean,
)
from apps.catalog.models import MoveCause, Product, Variant
from apps.catalog.services.products import ProductWords, VariantWords
from apps.core.fields import EurosField
from apps.core.filters import Filter

MOST_VARIANTS = 40
MOST_UNITS = 100_000


class CatalogueFilter(Filter):
    narrows = ("q", "kind", "stock", "shelf")

    q = forms.CharField(required=False, max_length=100)
    kind = forms.ChoiceField(label=_("Sorte"), required=False)
    stock = forms.ChoiceField(
        label=_("Stock"),
        required=False,
        choices=[("", _("Tous")), ("out", _("épuisé")), ("low", _("3 ou moins"))],
    )
    shelf = forms.ChoiceField(
        label=_("Rayon"),
        required=False,
        choices=[("", _("en vente")), ("archived", _("retirés"))],
    )

    def __init__(self, *args: Any, kinds: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [(kind.value, kind.label) for kind in Kind if kind.value in kinds]
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("Toutes")), *known]


def _field_of(detail: Detail) -> forms.Field:
    label = str(detail.label)
    if detail.choices:
        choices = [("", "—"), *detail.choices.items()]
        return forms.ChoiceField(label=label, required=False, choices=choices)
    attrs = {"autocomplete": "off", **({"inputmode": "numeric"} if detail.year else {})}
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(label=label, required=False, max_length=LONGEST, widget=widget)


class ProductForm(forms.Form):
    """A product without its variants; the details asked are those of its kind."""

    name = forms.CharField(
        label=_("Nom"),
        max_length=120,
        error_messages={"required": _("Donnez un nom à ce produit.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=_("Sorte"), choices=Kind.choices)
    description = forms.CharField(
        label=_("Description"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    is_alcohol = forms.BooleanField(label=_("Contient de l’alcool"), required=False)
    vat = forms.TypedChoiceField(label=_("TVA"), choices=list(VAT.items()), coerce=int)

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shown_kind = kind
        for detail in DETAILS[kind]:
            self.fields[f"fact-{detail.name}"] = _field_of(detail)

    @staticmethod
    def initial_of(product: Product) -> dict[str, Any]:
        plain = {name: getattr(product, name) for name in ("name", "kind", "description", "vat")}
        facts = {f"fact-{name}": value for name, value in product.facts.items()}
        return {**plain, "is_alcohol": product.is_alcohol, **facts}

    @property
    def is_always_alcohol(self) -> bool:
        """Nobody asks whether wine is."""
        return self.shown_kind in ALCOHOL

    @property
    def facts(self) -> list[forms.BoundField]:
        return [self[f"fact-{detail.name}"] for detail in DETAILS[self.shown_kind]]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for detail in DETAILS[self.shown_kind]:
            field = f"fact-{detail.name}"
            try:
                clean(self.shown_kind, {detail.name: data.get(field, "")}, timezone.localdate())
            except WrongDetail as refusal:
                self.add_error(field, str(refusal))
        return data

    def words(self, variants: list[VariantWords]) -> ProductWords:
        """What the form says, once it is valid."""
        data = self.cleaned_data
        facts = {name.removeprefix("fact-"): data[name] for name in data if name[:5] == "fact-"}
        return ProductWords(
            name=data["name"],
            kind=data["kind"],
            variants=variants,
            facts=facts,
            description=data["description"],
            is_alcohol=data["is_alcohol"],
            vat=data["vat"],
        )


class VariantForm(forms.Form):
    """One line of the table of formats; a line without a price is left aside."""

    pk = forms.IntegerField(required=False, widget=forms.HiddenInput)
    label = forms.CharField(
        label=_("Format, taille"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "75 cl, Magnum, 42"}),
    )
    price = EurosField(label=_("Prix TTC"))
    sku = forms.CharField(
        label=_("Référence"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    ean = forms.CharField(
        label=_("Code-barres"),
        required=False,
        max_length=14,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    is_counted = forms.BooleanField(label=_("Stock suivi"), required=False, initial=True)

    def clean_ean(self) -> str:
        typed = "".join(self.cleaned_data["ean"].split())
        if typed and not is_ean(typed):
            raise ValidationError(_("Ce code-barres a un chiffre de travers."))
        return typed

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        said = any(data.get(name) for name in ("label", "sku", "ean"))
        if said and data.get("price") is None and "price" not in self.errors:
            self.add_error("price", _("Il manque le prix."))
        return data

    @staticmethod
    def initial_of(variant: Variant) -> dict[str, Any]:
        euros = f"{variant.price_cents // 100},{variant.price_cents % 100:02d}"
        told = {name: getattr(variant, name) for name in ("pk", "label", "sku", "ean")}
        return {**told, "is_counted": variant.is_counted, "price": euros}


class VariantLines(forms.BaseFormSet):
    """The table of formats."""

    def words(self) -> list[VariantWords]:
        """The lines that have a price, once the table is valid."""
        told = [form.cleaned_data for form in self.forms]
        return [
            VariantWords(
                price_cents=line["price"],
                label=line["label"],
                sku=line["sku"],
                ean=line["ean"],
                is_counted=line["is_counted"],
                pk=line["pk"],
            )
            for line in told
            if line.get("price") is not None
        ]


VariantTable: type[VariantLines] = forms.formset_factory(  # type: ignore[assignment]
    VariantForm, formset=VariantLines, extra=0, max_num=MOST_VARIANTS, absolute_max=MOST_VARIANTS
)


class StockForm(forms.Form):
    """A delivery, a loss, a return, or what was counted on the shelf."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    cause = forms.ChoiceField(
        label=_("Mouvement"),
        choices=[
            (MoveCause.RECEIPT.value, _("Réception : +")),
            (MoveCause.COUNT.value, _("Inventaire : =")),
            (MoveCause.LOSS.value, _("Casse, perte : −")),
            (MoveCause.RETURN.value, _("Retour client : +")),
        ],
    )
    units = forms.IntegerField(
        label=_("Quantité"),
        min_value=0,
        max_value=MOST_UNITS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={
            "required": _("Indiquez une quantité."),
            "invalid": _("Une quantité s’écrit en chiffres : 12."),
            "min_value": _("Une quantité s’écrit sans signe : le mouvement dit le sens."),
            "max_value": _("C’est plus qu’une boutique ne peut tenir."),
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"token": uuid4()})
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("units") == 0 and data.get("cause") != MoveCause.COUNT:
            self.add_error("units", _("Un mouvement de zéro n’en est pas un."))
        return data

    @property
    def sentence(self) -> str:
        return next(str(error) for errors in self.errors.values() for error in errors)
