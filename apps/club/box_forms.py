"""What the team types of rounds and parcels."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from apps.club.box_models import BoxRule, Round
from apps.club.carriers import CARRIERS
from apps.core.refusal import Refusal
from apps.loyalty.rule import months_later

MONTHS_AHEAD = 3
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def number(typed: str) -> int:
    """A key or a count from a page's own fields; 0 for what is none."""
    return int(typed) if typed.isdecimal() and len(typed) < 19 else 0


def bottles(typed: QueryDict, counted: str = "units") -> list[tuple[int, int]]:
    """The rows of a page that counts bottles: a variant's key, and how many of it."""
    rows = zip(typed.getlist("variant"), typed.getlist(counted), strict=False)
    return [(number(variant), number(many)) for variant, many in rows]


class DaysForm(forms.ModelForm):  # type: ignore[type-arg]
    """Until when members choose, and from when their boxes are ready."""

    class Meta:
        model = Round
        fields = ("choose_until", "ready_on")
        widgets = {"choose_until": _DAY, "ready_on": _DAY}

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        until, ready = found.get("choose_until"), found.get("ready_on")
        if until and ready and ready < until:
            self.add_error("ready_on", _("Elles sont prêtes après que chacun a choisi."))
        return found


class OpenForm(DaysForm):
    """The round of a month that has none yet."""

    month = forms.TypedChoiceField(label=_("Mois"), coerce=date.fromisoformat)

    field_order = ("month", "choose_until", "ready_on")

    def __init__(self, *args: Any, today: date, rule: BoxRule, **kwargs: Any) -> None:
        until = today + timedelta(days=rule.choose_days)
        ready = until + timedelta(days=rule.pack_days)
        kwargs.setdefault("initial", {"choose_until": until, "ready_on": ready})
        super().__init__(*args, **kwargs)
        first = today.replace(day=1)
        ahead = [months_later(first, many) for many in range(MONTHS_AHEAD + 1)]
        taken = set(Round.objects.filter(month__gte=first).values_list("month", flat=True))
        self.free = [month for month in ahead if month not in taken]
        month = self.fields["month"]
        assert isinstance(month, forms.TypedChoiceField)
        month.choices = [(m.isoformat(), date_format(m, "F Y").capitalize()) for m in self.free]


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = BoxRule
        fields = ("skips_a_year", "opens_on", "choose_days", "pack_days")
        help_texts = {"opens_on": _("De 1 à 28. Vide : vous ouvrez chaque mois vous-même.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = {"skips_a_year": (0, 12), "opens_on": (1, 28), "choose_days": (0, 28)}
        for name, field in self.fields.items():
            assert isinstance(field, forms.IntegerField)
            least, field.max_value = most.get(name, (0, 28))
            field.min_value = least
            bounds = {"min": least, "max": field.max_value, "inputmode": "numeric"}
            field.widget.attrs.update(bounds)

    def clean_opens_on(self) -> int | None:
        day: int | None = self.cleaned_data["opens_on"]
        if day is not None and not 1 <= day <= 28:
            raise forms.ValidationError(_("Un jour que tous les mois ont : de 1 à 28."))
        return day


class ParcelForm(forms.Form):
    carrier = forms.ChoiceField(
        label=_("Transporteur"), choices=[(key, one.name) for key, one in CARRIERS.items()]
    )
    tracking = forms.CharField(
        label=_("Numéro de suivi"),
        max_length=200,
        required=False,
        help_text=_("Pour un autre transporteur : l’adresse de suivi, en https."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if carrier := CARRIERS.get(found.get("carrier", "")):
            try:
                found["tracking"] = carrier.read(found.get("tracking", ""))
            except Refusal as refusal:
                self.add_error("tracking", str(refusal))
        return found
