"""What the team types about the club, and the sentence for each slip."""

import re
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.catalog.details import WINE_COLOURS
from apps.club.models import ChosenBy, ClubPlan, Every, State
from apps.club.services.planning import PlanWords
from apps.club.services.repricing import NOTICE
from apps.core.fields import EurosField
from apps.core.filters import Filter
from apps.invoicing.vat import rates_in, show_rate, territory_of
from apps.payments.selling import NotEuros, NothingToPay
from apps.shops.models import Shop

_OTHER_MONEY = re.compile(r"[$£¥]|\b(?:usd|gbp|chf|jpy|cad|dollars?|livres?)\b", re.IGNORECASE)
TERMS = (("", _("Sans engagement")), (3, _("3 mois")), (6, _("6 mois")), (12, _("12 mois")))


class PriceField(EurosField):
    """What is paid: euros, above zero."""

    def clean(self, value: Any) -> Any:
        if _OTHER_MONEY.search(str(value or "")):
            raise forms.ValidationError(str(NotEuros.message))
        cents = super().clean(value)
        if cents == 0:
            raise forms.ValidationError(str(NothingToPay.message))
        return cents


class PlanForm(forms.Form):
    """A plan as the team writes it."""

    name = forms.CharField(label=_("Nom"), max_length=60)
    words = forms.CharField(
        label=_("En quelques lignes"),
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Ce que l’on reçoit, d’où cela vient, ce qui change d’une fois à l’autre."),
    )
    price_cents = PriceField(label=_("Prix d’une période, TVA comprise"), required=True)
    every = forms.TypedChoiceField(label=_("Rythme"), choices=Every.choices, coerce=int)
    bottles = forms.IntegerField(
        label=_("Bouteilles par période"), min_value=1, max_value=60, initial=3
    )
    colours = forms.MultipleChoiceField(
        label=_("Couleurs"),
        choices=tuple(WINE_COLOURS.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    chosen_by = forms.ChoiceField(
        label=_("Qui choisit"), choices=ChosenBy.choices, widget=forms.RadioSelect
    )
    places = forms.IntegerField(
        label=_("Nombre de places"),
        min_value=1,
        max_value=100_000,
        required=False,
        help_text=_("Vide : autant que l’on veut. Complet, une liste d’attente s’ouvre."),
    )
    term_months = forms.TypedChoiceField(
        label=_("Durée"),
        choices=TERMS,
        required=False,
        coerce=int,
        empty_value=None,
        help_text=_(
            "Une durée convenue se renouvelle si personne ne dit rien : la loi demande alors une "
            "lettre avant chaque échéance. Comptoir l’écrit."
        ),
    )
    ships = forms.BooleanField(label=_("Livrer à domicile aussi"), required=False)
    ship_cents = EurosField(
        label=_("Livraison d’une période"), help_text=_("0 : offerte, comprise dans le prix.")
    )
    vat = forms.TypedChoiceField(label=_("TVA"), coerce=int)
    is_giftable = forms.BooleanField(label=_("Peut s’offrir"), required=False, initial=True)

    def __init__(self, *args: Any, shop: Shop, today: date, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        rates = [rate.share for rate in rates_in(territory_of(shop), today)] or [0]
        self.fields["vat"].choices = [(share, show_rate(share)) for share in rates]  # type: ignore[attr-defined]
        self.initial.setdefault("chosen_by", ChosenBy.SHOP)

    @classmethod
    def initial_of(cls, plan: ClubPlan) -> dict[str, Any]:
        same = ("name", "words", "every", "bottles", "colours", "chosen_by", "places", "vat")
        euros = {
            name: f"{cents / 100:.2f}".replace(".", ",")
            for name in ("price_cents", "ship_cents")
            if (cents := getattr(plan, name)) is not None
        }
        more = {"ships": plan.ship_cents is not None, "term_months": plan.term_months or ""}
        return {
            **{name: getattr(plan, name) for name in same},
            **euros,
            **more,
            "is_giftable": plan.is_giftable,
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("ships") and "ship_cents" in data and data["ship_cents"] is None:
            self.add_error(
                "ship_cents", _("Dites ce que coûte la livraison, ou 0 si elle est offerte.")
            )
        return data

    def words_of(self) -> PlanWords:
        data = dict(self.cleaned_data)
        if not data.pop("ships"):
            data["ship_cents"] = None
        return PlanWords(**data)


class MemberFilter(Filter):
    narrows = ("q", "state", "formule")

    q = forms.CharField(required=False, max_length=100)
    state = forms.ChoiceField(
        label=_("État"), required=False, choices=[("", _("tous")), *State.choices]
    )
    formule = forms.IntegerField(required=False)

    @property
    def plan(self) -> int | None:
        found: int | None = self.told("formule")
        return found


class PriceForm(forms.Form):
    """Another price for who already belongs, and from when on."""

    price_cents = PriceField(label=_("Nouveau prix d’une période, TVA comprise"), required=True)
    applies_on = forms.DateField(
        label=_("À partir du"),
        error_messages={
            "required": _("Choisissez une date."),
            "invalid": _("Écrivez la date comme 24/05/2027."),
        },
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.fields["applies_on"].initial = today + NOTICE + timedelta(days=1)
