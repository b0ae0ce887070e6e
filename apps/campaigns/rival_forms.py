"""What is typed for a drop's second text, and how one of the two is picked."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.campaigns.forms import TEXTS, TextsForm
from apps.campaigns.models import Drop, Pick, Rival
from apps.campaigns.services import RIVAL_WRITTEN
from apps.campaigns.splitting import rival_of

SHARES = [
    (5, _("5 % + 5 %, puis le meilleur aux autres")),
    (10, _("10 % + 10 %, puis le meilleur aux autres")),
    (20, _("20 % + 20 %, puis le meilleur aux autres")),
    (50, _("50 % + 50 %, en une fois")),
]
HOURS = [
    (1, _("1 heure")),
    (2, _("2 heures")),
    (4, _("4 heures")),
    (8, _("8 heures")),
    (24, _("24 heures")),
    (48, _("48 heures")),
]


class RivalForm(TextsForm):
    """The second text, when there is one (``two``)."""

    two = forms.BooleanField(label=_("Comparer deux textes"), required=False)
    share = forms.TypedChoiceField(
        label=_("Qui les lit"), choices=SHARES, coerce=int, required=False
    )
    hours = forms.TypedChoiceField(
        label=_("Choisir après"), choices=HOURS, coerce=int, required=False
    )
    otherwise = forms.ChoiceField(
        label=_("Sans écart sûr, les autres lisent"),
        choices=[(pick.value, pick.label) for pick in (Pick.A, Pick.HALF, Pick.B)],
        required=False,
    )

    class Meta:
        model = Rival
        fields = RIVAL_WRITTEN
        widgets = TEXTS

    def __init__(self, *args: Any, drop: Drop, **kwargs: Any) -> None:
        rival = rival_of(drop)
        super().__init__(*args, instance=rival or Rival(), prefix="b", **kwargs)
        self.fields["two"].initial = rival is not None

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        for name in ("share", "hours", "otherwise"):
            found[name] = found.get(name) or getattr(self.instance, name)
        return found

    @property
    def typed(self) -> dict[str, Any] | None:
        """What is to be kept; nothing where one text is enough."""
        return self.cleaned_data if self.cleaned_data["two"] else None
