"""The filters of the list, and the steps of an import."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.audience.criteria import Criteria
from apps.audience.models import ConsentOrigin
from apps.audience.queries import worn_tags
from apps.audience.reading import FIELDS, Layout
from apps.contacts.channels import offered
from apps.contacts.models import ConsentState
from apps.shops.models import Shop


class ListFilter(forms.Form):
    """Read from the address bar: what is unreadable is left out, never an error page."""

    q = forms.CharField(required=False, max_length=100)
    tag = forms.ChoiceField(label=_("Étiquette"), required=False)
    channel = forms.ChoiceField(label=_("Joignables"), required=False)
    accord = forms.ChoiceField(
        label=_("Accord"),
        required=False,
        choices=[
            ("", _("Peu importe")),
            (ConsentState.PENDING.value, _("à confirmer")),
            (ConsentState.WITHDRAWN.value, _("a dit stop")),
        ],
    )
    unseen = forms.ChoiceField(
        label=_("Pas vus depuis"),
        required=False,
        choices=[
            ("", _("Peu importe")),
            ("30", _("30 jours")),
            ("45", _("45 jours")),
            ("90", _("3 mois")),
            ("180", _("6 mois")),
            ("365", _("1 an")),
        ],
    )
    reward = forms.ChoiceField(
        label=_("Récompense"),
        required=False,
        choices=[
            ("", _("Peu importe")),
            ("1", _("à 1 tampon")),
            ("3", _("à 3 tampons ou moins")),
            ("ready", _("à remettre")),
        ],
    )
    sort = forms.ChoiceField(
        label=_("Trier par"),
        required=False,
        choices=[
            ("recent", _("dernière visite")),
            ("name", _("prénom")),
            ("new", _("arrivée récente")),
            ("stamps", _("tampons")),
        ],
    )

    def __init__(self, *args: Any, shop: Shop, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: dict[str, list[tuple[str, Any]]] = {
            "tag": [("", _("Toutes")), *((tag.name, tag.name) for tag in worn_tags())],
            "channel": [("", _("Tous")), *((way.name, way.by) for way in offered(shop))],
        }
        for name, found in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = found
        self.full_clean()

    def said(self, name: str) -> str:
        return str(self.cleaned_data.get(name) or "")

    @property
    def active(self) -> bool:
        return any(
            self.said(name) for name in ("q", "tag", "channel", "accord", "unseen", "reward")
        )

    @property
    def criteria(self) -> Criteria:
        reward = self.said("reward")
        return Criteria(
            tags=(self.said("tag"),) if self.said("tag") else (),
            not_seen_since=int(self.said("unseen")) if self.said("unseen") else None,
            near_reward=int(reward) if reward.isdigit() else None,
            reward_ready=reward == "ready",
        )


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

    tag = forms.CharField(label=_("Étiquette pour tous"), max_length=30, required=False)
    consent_origin = forms.ChoiceField(
        label=_("D’où viennent les accords ?"),
        required=False,
        choices=[("", _("Choisir…")), *ConsentOrigin.choices],
    )

    def __init__(self, *args: Any, width: int, mapping: dict[str, int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        meaning = {column: name for name, column in mapping.items()}
        choices = [("", _("Ne pas importer")), *FIELDS.items()]
        self.columns = [f"column_{n}" for n in range(width)]
        for n, name in enumerate(self.columns):
            self.fields[name] = forms.ChoiceField(
                required=False, choices=choices, initial=meaning.get(n, "")
            )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        seen: set[str] = set()
        for name in self.columns:
            meaning = said.get(name)
            if meaning and meaning in seen:
                twice = _("Une autre colonne est déjà « %(field)s ».") % {"field": FIELDS[meaning]}
                self.add_error(name, twice)
            seen.add(meaning or "")
        return said

    @property
    def mapping(self) -> dict[str, int]:
        return {
            self.cleaned_data[name]: n
            for n, name in enumerate(self.columns)
            if self.cleaned_data.get(name)
        }
