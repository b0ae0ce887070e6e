"""The steps of an import."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.imports.intake import Intake
from apps.imports.reading import Layout
from apps.shops.models import Shop


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("Votre fichier CSV"),
        error_messages={
            "required": _("Choisissez un fichier."),
            "empty": _("Ce fichier est vide."),
        },
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv"}),
    )


class LayoutForm(forms.Form):
    """How the file is to be read, when the guess was wrong."""

    encoding = forms.ChoiceField(
        label=_("Accents"),
        choices=[
            ("utf-8-sig", "UTF-8"),
            ("cp1252", _("Windows (Latin-1)")),
            ("mac_roman", "Mac"),
            ("utf-16", "UTF-16"),
        ],
    )
    separator = forms.ChoiceField(
        label=_("Séparateur"),
        choices=[
            (";", _("Point-virgule")),
            (",", _("Virgule")),
            ("\t", _("Tabulation")),
            ("|", _("Barre |")),
        ],
    )
    header = forms.BooleanField(label=_("La première ligne nomme les colonnes"), required=False)

    @classmethod
    def of(cls, layout: Layout) -> "LayoutForm":
        encoding = "utf-8-sig" if layout.encoding == "utf-8" else layout.encoding
        return cls(
            initial={
                "encoding": encoding,
                "separator": layout.separator,
                "header": layout.header,
            }
        )

    @property
    def layout(self) -> Layout:
        said = self.cleaned_data
        return Layout(said["encoding"], said["separator"], said["header"])


class MappingForm(forms.Form):
    """Which column is what (``column_3`` = ``phone``), and what holds for all lines."""

    def __init__(
        self, *args: Any, intake: Intake, shop: Shop, width: int, mapping: dict[str, int]
    ) -> None:
        super().__init__(*args)
        self.meanings = intake.columns(shop)
        self.asked = intake.options()
        self.fields.update(self.asked)
        meaning = {column: name for name, column in mapping.items()}
        choices = [("", _("Ne pas importer")), *self.meanings.items()]
        self.columns = [f"column_{n}" for n in range(width)]
        for n, name in enumerate(self.columns):
            self.fields[name] = forms.ChoiceField(
                required=False, choices=choices, initial=meaning.get(n, "")
            )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        seen = set[str]()
        for name in self.columns:
            meaning = said.get(name)
            if meaning and meaning in seen:
                words = {"field": self.meanings[meaning]}
                self.add_error(name, _("Une autre colonne est déjà « %(field)s ».") % words)
            seen.add(meaning or "")
        return said

    @property
    def mapping(self) -> dict[str, int]:
        return {
            self.cleaned_data[name]: n
            for n, name in enumerate(self.columns)
            if self.cleaned_data.get(name)
        }

    @property
    def options(self) -> dict[str, Any]:
        """What was said for all lines."""
        return {name: self.cleaned_data[name] for name in self.asked}
