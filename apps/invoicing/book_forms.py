"""What the shop's accountant wants otherwise than usual."""

import re
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dates import MONTHS
from django.utils.translation import gettext_lazy as _

from apps.invoicing.books import ACCOUNTS, JOURNALS

USUAL = {what: number for what, (number, _label) in ACCOUNTS.items()} | {j: j for j in JOURNALS}


class AccountsForm(forms.Form):
    """When the books' year ends, their accounts and journals; an account or code that is left
    empty, or is the usual one, is not kept."""

    year_ends = forms.TypedChoiceField(
        label=_("Dernier mois de l’exercice"), coerce=int, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        month = cast(forms.TypedChoiceField, self.fields["year_ends"])
        month.choices = [(number, MONTHS[number].capitalize()) for number in range(1, 13)]
        for what, (number, label) in ACCOUNTS.items():
            self._add(what, label, 12, inputmode="numeric", placeholder=number)
        for code, name in JOURNALS.items():
            self._add(code, f"Journal {name}", 5, placeholder=code)

    def _add(self, name: str, label: Any, most: int, **attrs: str) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "off", **attrs})
        self.fields[name] = forms.CharField(
            label=label, max_length=most, required=False, widget=widget
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for what in ACCOUNTS:
            number = data.get(what)
            if number and not re.fullmatch(r"[0-9]{3}[0-9A-Za-z]*", number):
                self.add_error(what, _("Un compte commence par trois chiffres, comme 707000."))
        for journal in JOURNALS:
            data[journal] = data.get(journal, "").upper()
            if not re.fullmatch(r"[0-9A-Z]*", data[journal]):
                self.add_error(journal, _("Des lettres et des chiffres, comme VE."))
        codes = [data.get(code) or code for code in JOURNALS]
        if len({*codes}) < len(codes):
            raise ValidationError(_("Deux journaux ne portent pas le même code."))
        return data

    @property
    def last_month(self) -> int:
        """Of the books' year; the calendar's, where none was chosen."""
        return int(self.cleaned_data["year_ends"] or 12)

    @property
    def chosen(self) -> dict[str, str]:
        told = self.cleaned_data
        return {name: told[name] for name in USUAL if told[name] not in ("", USUAL[name])}
