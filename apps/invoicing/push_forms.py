"""What the owner types to have the books kept elsewhere."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.invoicing.targets import KEY, Target


class ConnectForm(forms.Form):
    """From which day; and the key, where one is typed."""

    key = forms.RegexField(
        r"^[!-~]+$",
        label=_("Clé d’API"),
        min_length=16,
        max_length=200,
        error_messages={
            "min_length": _("Cette clé est trop courte : copiez-la en entier."),
            "invalid": _("Une clé n’a ni espace ni accent : copiez-la telle quelle."),
        },
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    since = forms.DateField(
        label=_("Envoyer ce qui est émis depuis le"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, target: Target, *args: Any, **kwargs: Any) -> None:
        first = {"since": timezone.localdate().replace(month=1, day=1)}
        super().__init__(*args, **{"initial": first, "prefix": target.code, **kwargs})
        if target.way != KEY:
            del self.fields["key"]

    def clean_since(self) -> date:
        since: date = self.cleaned_data["since"]
        if since > timezone.localdate():
            raise forms.ValidationError(_("Choisissez un jour passé, ou aujourd’hui."))
        return since
