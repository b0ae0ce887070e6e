"""What the team types about invoices, and the sentence for each slip."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from stdnum import iban as ibans
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError as NotANumber
from stdnum.fr import siren as sirens
from stdnum.fr import tva

from apps.catalog.models import Variant
from apps.core.fields import EurosField
from apps.core.filters import Filter
from apps.core.money import read_euros
from apps.invoicing.models import Invoice, Method, Terms
from apps.invoicing.reckoning import THOUSAND, WHOLE, plain_quantity
from apps.invoicing.vat import rates_in, show_rate, territory_of
from apps.invoicing.words import COUNTRIES, Address, Buyer, InvoiceWords, LineWords, Operation
from apps.invoicing.writing import known_article, rate_of
from apps.shops.models import Shop

MOST_LINES = 60
MOST_UNITS = 100_000
_NOT_A_SIREN = _("Ce n’est pas un SIREN : neuf chiffres, sans faute de frappe.")
_NOT_A_VAT_NUMBER = _("Ce numéro de TVA n’existe pas. Exemple : FR 44 732 829 320.")


def plain_euros(cents: int) -> str:
    """As a field shows what may be typed again."""
    return f"{cents // 100},{cents % 100:02d}"


def _text(label: Any, most: int, *, required: bool = True, **attrs: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", **attrs})
    return forms.CharField(label=label, max_length=most, required=required, widget=widget)


class QuantityField(forms.CharField):
    """``3``, ``1,5``, ``0,350``: thousandths."""

    def __init__(self, **more: Any) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off"}
        super().__init__(max_length=12, widget=forms.TextInput(attrs=attrs), **more)

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        if not typed:
            return None
        try:
            exact = Decimal("".join(typed.split()).replace(",", ".")) * THOUSAND
        except InvalidOperation as error:
            raise ValidationError(_("Une quantité s’écrit en chiffres : 3, ou 1,5.")) from error
        if not exact.is_finite() or exact != int(exact):
            raise ValidationError(_("Trois chiffres après la virgule au plus : 0,350."))
        if not 0 < exact <= MOST_UNITS * THOUSAND:
            raise ValidationError(_("Cette quantité n’est pas possible."))
        return int(exact)


class DiscountField(forms.CharField):
    """``10 %`` of the line, or ``5,00`` euros: a share and an amount, one of which is zero."""

    def __init__(self, **more: Any) -> None:
        attrs = {"autocomplete": "off", "placeholder": "10 % ou 5,00"}
        super().__init__(max_length=12, widget=forms.TextInput(attrs=attrs), **more)

    def clean(self, value: Any) -> Any:
        typed = super().clean(value).strip()
        if not typed:
            return 0, 0
        try:
            number = read_euros(typed.removesuffix("%"))  # hundredths, of a euro or of a percent
        except ValueError as error:
            raise ValidationError(_("Une remise s’écrit 10 %, ou 5,00.")) from error
        share = typed.endswith("%")
        if number < 0 or (share and number > WHOLE):
            raise ValidationError(_("Cette remise n’est pas possible."))
        return (number, 0) if share else (0, number)


class InvoiceForm(forms.Form):
    """An invoice without its lines."""

    token = forms.UUIDField(widget=forms.HiddenInput, required=False)
    is_business = forms.TypedChoiceField(
        label=_("À qui"),
        choices=[("", _("Un particulier")), ("1", _("Une entreprise"))],
        coerce=bool,
        required=False,
        widget=forms.RadioSelect,
    )
    name = _text(_("Nom ou raison sociale"), 120)
    street = _text(_("Adresse"), 120)
    postal_code = _text(_("Code postal"), 12)
    city = _text(_("Ville"), 80)
    country = forms.ChoiceField(label=_("Pays"), choices=list(COUNTRIES.items()), initial="FR")
    siren = _text(_("SIREN"), 14, required=False, inputmode="numeric", placeholder="732 829 320")
    vat_number = _text(_("Numéro de TVA"), 20, required=False, placeholder="FR 44 732 829 320")
    taxed = forms.TypedChoiceField(
        label=_("Les prix ci-dessous sont"),
        choices=[("1", _("TTC, TVA comprise")), ("", _("HT, sans la TVA"))],
        coerce=bool,
        required=False,
        initial="1",
    )
    operation = forms.ChoiceField(label=_("Nature de l’opération"), choices=Operation.choices)
    supplied_on = forms.DateField(
        label=_("Livrée ou réalisée le"),
        required=False,
        help_text=_("Vide : le jour où la facture est émise."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    delivery_street = _text(_("Adresse de livraison"), 120, required=False)
    delivery_postal_code = _text(_("Code postal"), 12, required=False)
    delivery_city = _text(_("Ville"), 80, required=False)
    note = forms.CharField(
        label=_("Mot sur la facture"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_siren(self) -> str:
        typed = str(self.cleaned_data["siren"])
        if not typed.strip():
            return ""
        try:
            return str(sirens.validate(typed))
        except NotANumber as error:
            raise ValidationError(_NOT_A_SIREN) from error

    def clean_vat_number(self) -> str:
        typed = str(self.cleaned_data["vat_number"])
        if not typed.strip():
            return ""
        try:
            return str(eu_vat.validate(typed))
        except NotANumber as error:
            raise ValidationError(_NOT_A_VAT_NUMBER) from error

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("is_business"):
            french = data.get("country") == "FR"
            if french and not data.get("siren") and "siren" not in self.errors:
                self.add_error(
                    "siren", _("Une facture à une entreprise française porte son SIREN.")
                )
        delivery = [data.get(f"delivery_{name}") for name in ("street", "postal_code", "city")]
        if any(delivery) and not all(delivery):
            self.add_error("delivery_street", _("Une adresse de livraison se donne en entier."))
        if (data.get("postal_code") or "") and data.get("country") == "FR":
            code = data["postal_code"].replace(" ", "")
            if not (code.isdecimal() and len(code) == 5):
                self.add_error("postal_code", _("Un code postal a cinq chiffres, comme 21200."))
            data["postal_code"] = code
        return data

    def words(self, lines: Sequence[LineWords]) -> InvoiceWords:
        """What the form says, once it is valid."""
        data = self.cleaned_data
        business = bool(data["is_business"])
        buyer = Buyer(
            data["name"],
            Address(data["street"], data["postal_code"], data["city"], data["country"]),
            business,
            data["siren"] if business else "",
            data["vat_number"] if business else "",
        )
        elsewhere = Address(
            data["delivery_street"], data["delivery_postal_code"], data["delivery_city"]
        )
        return InvoiceWords(
            buyer=buyer,
            lines=tuple(lines),
            taxed=bool(data["taxed"]),
            operation=data["operation"],
            supplied_on=data["supplied_on"],
            delivery=elsewhere if elsewhere.street else None,
            note=data["note"],
        )

    @staticmethod
    def initial_of(words: InvoiceWords) -> dict[str, Any]:
        buyer, place, delivery = words.buyer, words.buyer.address, words.delivery or Address()
        return {
            "is_business": "1" if buyer.is_business else "",
            "name": buyer.name,
            "street": place.street,
            "postal_code": place.postal_code,
            "city": place.city,
            "country": place.country,
            "siren": buyer.siren,
            "vat_number": buyer.vat_number,
            "taxed": "1" if words.taxed else "",
            "operation": words.operation,
            "supplied_on": words.supplied_on,
            "delivery_street": delivery.street,
            "delivery_postal_code": delivery.postal_code,
            "delivery_city": delivery.city,
            "note": words.note,
        }


class LineForm(forms.Form):
    """A line without a designation is left aside; without a price it takes the catalogue's."""

    label = forms.CharField(
        label=_("Désignation"),
        required=False,
        max_length=160,
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "articles"}),
    )
    quantity = QuantityField(label=_("Quantité"), required=False, initial="1")
    price = EurosField(label=_("Prix unitaire"))
    discount = DiscountField(label=_("Remise"), required=False)
    vat = forms.TypedChoiceField(label=_("TVA"), coerce=int, required=False, empty_value=None)

    def __init__(self, *args: Any, rates: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["vat"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "—"), *rates]
        self.without_vat = not rates

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not data.get("label"):
            if data.get("price") is not None:
                self.add_error("label", _("Que facturez-vous à ce prix ?"))
            return data
        if data.get("quantity") is None and "quantity" not in self.errors:
            self.add_error("quantity", _("Il manque la quantité."))
        if data.get("price") is None and "price" not in self.errors:
            self.add_error("price", _("Il manque le prix."))
        if data.get("vat") is None and not self.without_vat and "vat" not in self.errors:
            self.add_error("vat", _("Choisissez le taux."))
        if not self.errors and self.words.before_discount < data["discount"][1]:
            self.add_error("discount", _("La remise dépasse la ligne."))
        return data

    @property
    def words(self) -> LineWords:
        data = self.cleaned_data
        share, cents = data["discount"]
        rate = 0 if self.without_vat else data["vat"]
        return LineWords(data["label"], data["quantity"], data["price"], rate, share, cents)

    @staticmethod
    def initial_of(line: LineWords) -> dict[str, Any]:
        share = plain_euros(line.discount_share).removesuffix(",00")
        cents = plain_euros(line.discount_cents) if line.discount_cents else ""
        return {
            "label": line.label,
            "quantity": plain_quantity(line.quantity),
            "price": plain_euros(line.unit_cents),
            "discount": f"{share} %" if line.discount_share else cents,
            "vat": line.vat,
        }


class InvoiceLines(forms.BaseFormSet):
    """The table of lines."""

    def words(self) -> list[LineWords]:
        told = [form for form in self.forms if form.cleaned_data.get("label")]
        return [form.words for form in told]


LineTable: type[InvoiceLines] = forms.formset_factory(  # type: ignore[assignment]
    LineForm, formset=InvoiceLines, extra=0, max_num=MOST_LINES, absolute_max=MOST_LINES
)


def rate_choices(shop: Shop, on: date, *, exempt: bool) -> list[tuple[int, str]]:
    """The rates a line may bear; none where no VAT is charged."""
    if exempt:
        return []
    return [(rate.share, show_rate(rate.share)) for rate in rates_in(territory_of(shop), on)]


def filled(typed: Any, prefix: str, articles: Sequence[Variant], shop: Shop, on: date) -> Any:
    """What was posted, with the catalogue's price and rate where a line names an article and says
    none of its own."""
    known = typed.copy()
    for turn in range(MOST_LINES):
        label, price = (f"{prefix}-{turn}-{name}" for name in ("label", "price"))
        article = known_article(known.get(label, ""), articles)
        if article is None or known.get(price, "").strip():
            continue
        known[price] = plain_euros(article.price_cents)
        rate = f"{prefix}-{turn}-vat"
        known[rate] = known.get(rate) or rate_of(article, shop, on) or ""
    return known


# What came in online is noted by what Stripe says, never by hand.
_BY_HAND = [choice for choice in Method.choices if choice[0] != Method.ONLINE]


class PaymentForm(forms.Form):
    """Money that came, or was given back."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    amount = EurosField(label=_("Montant"), required=True)
    method = forms.ChoiceField(label=_("Par"), choices=_BY_HAND, initial=Method.CARD)
    paid_on = forms.DateField(
        label=_("Le"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, owed: int, **kwargs: Any) -> None:
        first = {
            "token": uuid4(),
            "amount": plain_euros(abs(owed)),
            "paid_on": timezone.localdate(),
        }
        super().__init__(*args, **{"initial": first, **kwargs})


class SendForm(forms.Form):
    """To whom an invoice goes by e-mail."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    to = forms.EmailField(
        label=_("À quelle adresse"), widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )


class CreditForm(forms.Form):
    """Of which lines, how many, and why."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    reason = _text(_("Pourquoi"), 200, placeholder="Bouteille bouchonnée, erreur de prix…")

    def __init__(self, invoice: Invoice, taken: dict[int, int], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"initial": {"token": uuid4()}, **kwargs})
        self.left: list[tuple[int, str, int]] = []
        for index, line in enumerate(invoice.record.facts["lines"]):
            if left := line["quantity"] - taken.get(index, 0):
                shown = plain_quantity(left)
                label = f"{line['label']} (sur {shown})"
                self.fields[f"line-{index}"] = QuantityOrNone(label=label, initial=shown)
                self.left.append((index, line["label"], left))

    @property
    def lines(self) -> list[forms.BoundField]:
        return [self[f"line-{index}"] for index, _label, _left in self.left]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for index, _label, left in self.left:
            if (data.get(f"line-{index}") or 0) > left:
                most = plain_quantity(left)
                said = _("Il n’en reste que %(most)s à annuler.") % {"most": most}
                self.add_error(f"line-{index}", said)
        if not self.errors and not any(self.quantities.values()):
            self.add_error(None, _("Choisissez ce que l’avoir annule."))
        return data

    @property
    def quantities(self) -> dict[int, int]:
        return {index: self.cleaned_data[f"line-{index}"] or 0 for index, _l, _m in self.left}


class QuantityOrNone(QuantityField):
    """Empty or zero: nothing of this line."""

    def __init__(self, **more: Any) -> None:
        super().__init__(required=False, **more)

    def clean(self, value: Any) -> Any:
        return 0 if str(value or "").strip() in ("", "0") else super().clean(value)


class TermsForm(forms.ModelForm):
    class Meta:
        model = Terms
        fields = (
            "legal_form",
            "registration",
            "vat_number",
            "is_exempt",
            "exemption",
            "on_debits",
            "days_to_pay",
            "penalty",
            "indemnity_cents",
            "early_discount",
            "iban",
        )
        labels = {
            "is_exempt": _("La boutique est en franchise en base : pas de TVA"),
            "on_debits": _("J’ai opté pour le paiement de la TVA d’après les débits"),
            "days_to_pay": _("Une entreprise me paie sous (jours)"),
        }
        help_texts = {
            "legal_form": _("Par exemple : SARL au capital de 10 000 €, ou EI."),
            "registration": _("Par exemple : RCS Dijon 732 829 320."),
            "days_to_pay": _("60 au plus. Un particulier paie à réception."),
            "early_discount": _("Pour une entreprise qui paie en avance."),
        }

    # Wider than their columns: people type the spaces.
    vat_number = _text(_("Numéro de TVA"), 20, required=False, placeholder="FR 44 732 829 320")
    iban = _text(_("IBAN"), 42, required=False, placeholder="FR76 3000 6000 0112 3456 7890 189")
    indemnity_cents = EurosField(label=_("Indemnité de recouvrement"), required=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["indemnity_cents"] = plain_euros(self.instance.indemnity_cents)

    def clean_vat_number(self) -> str:
        typed = str(self.cleaned_data["vat_number"])
        if not typed.strip():
            return ""
        try:
            return f"FR{tva.validate(typed)}"
        except NotANumber as error:
            raise ValidationError(_NOT_A_VAT_NUMBER) from error

    def clean_iban(self) -> str:
        typed = str(self.cleaned_data["iban"])
        if not typed.strip():
            return ""
        try:
            return str(ibans.validate(typed))
        except NotANumber as error:
            raise ValidationError(_("Cet IBAN a un chiffre de travers.")) from error

    def clean_days_to_pay(self) -> int:
        days = int(self.cleaned_data["days_to_pay"])
        if days > 60:
            raise ValidationError(_("La loi permet 60 jours au plus (C. com. L441-10)."))
        return days


class BillFilter(Filter):
    narrows = ("q", "state")

    q = forms.CharField(required=False, max_length=100)
    state = forms.ChoiceField(
        label=_("État"),
        required=False,
        choices=[
            ("", _("toutes")),
            ("unpaid", _("à payer")),
            ("overdue", _("en retard")),
            ("credit", _("avoirs")),
        ],
    )
