"""The shop's rule as the owner types it: in stamps, visits, euros or points, never in cents."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.loyalty.models import Fate, MergeRule, Programme
from apps.loyalty.programme import RULES
from apps.loyalty.rule import BOUNDS, TIERS, Kind, Offer, Tier

STEPS = 3  # further rewards, beside the main one
GIFTS = ("sponsor_gets", "friend_gets")
DAYS = [
    ("1", _("lun.")),
    ("2", _("mar.")),
    ("3", _("mer.")),
    ("4", _("jeu.")),
    ("5", _("ven.")),
    ("6", _("sam.")),
    ("7", _("dim.")),
]
TIMES = [(1, _("Pas d’heures de bonus")), (2, _("Compter double")), (3, _("Compter triple"))]


def _whole(label: Any, least: int, most: int, *, required: bool = True) -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"inputmode": "numeric"})
    return forms.IntegerField(
        label=label, min_value=least, max_value=most, required=required, widget=widget
    )


def _time(label: Any) -> forms.TimeField:
    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    return forms.TimeField(label=label, required=False, widget=widget)


class ProgrammeForm(forms.Form):
    """``agreed`` is the rule whose effect on the cards was shown, ``fate`` what was chosen."""

    kind = forms.ChoiceField(label=_("Ce qui compte"), choices=Kind.choices)
    goal = _whole(_("Ce qu’il faut pour la récompense"), 2, 100_000)
    reward = forms.CharField(
        label=_("Récompense"),
        max_length=80,
        widget=forms.TextInput(attrs={"placeholder": _("Un café offert")}),
    )
    reward_is_alcohol = forms.BooleanField(
        label=_("C’est de l’alcool : vérifier l’âge avant de l’offrir"), required=False
    )
    points_per_euro = _whole(_("Points par euro"), 1, 100, required=False)
    bonus_times = forms.TypedChoiceField(
        label=_("Heures de bonus"), choices=TIMES, coerce=int, required=False, empty_value=None
    )
    bonus_days = forms.MultipleChoiceField(
        label=_("Quels jours"), choices=DAYS, required=False, widget=forms.CheckboxSelectMultiple
    )
    bonus_from = _time(_("De"))
    bonus_until = _time(_("À"))
    reward_days = _whole(_("Une récompense attend (jours)"), 7, 1000, required=False)
    balance_months = _whole(_("Un solde attend (mois sans visite)"), 3, 60, required=False)
    birthday_gift = forms.CharField(
        label=_("Cadeau d’anniversaire"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": _("Un café gourmand")}),
    )
    birthday_is_alcohol = forms.BooleanField(label=_("C’est de l’alcool"), required=False)
    merge_rule = forms.ChoiceField(
        label=_("Deux cartes d’une même personne"), choices=MergeRule.choices, required=False
    )
    referral = forms.BooleanField(label=_("Proposer le parrainage"), required=False)
    sponsor_gets = _whole(_("Pour la personne qui parraine"), 1, 10_000, required=False)
    friend_gets = _whole(_("Pour son ami"), 1, 10_000, required=False)
    cooldown_minutes = _whole(_("Minutes entre deux tampons d’une carte"), 0, 1440)
    helper_hourly_limit = _whole(_("Tampons par heure et par personne"), 1, 1000)
    helper_pace = _whole(_("Cadence d’une personne"), 0, 1000, required=False)
    device_pace = _whole(_("Cadence d’un téléphone"), 0, 1000, required=False)
    apart_minutes = _whole(_("Minutes entre deux téléphones"), 0, 1440, required=False)
    watch_hours = forms.BooleanField(
        label=_("Surveiller les tampons hors des horaires"), required=False
    )
    fate = forms.ChoiceField(choices=Fate.choices, required=False)
    agreed = forms.CharField(max_length=20, required=False)

    def __init__(self, data: Any, *, stored: Programme, chosen: bool, alcohol: bool) -> None:
        super().__init__(data, initial=_typed(stored, chosen))
        self.stored = stored
        for turn in range(1, STEPS + 1):
            label = forms.CharField(label=_("Récompense"), max_length=80, required=False)
            self.fields[f"step{turn}_at"] = _whole(_("Palier"), 1, 100_000, required=False)
            self.fields[f"step{turn}_label"] = label
            self.fields[f"step{turn}_alcohol"] = forms.BooleanField(
                label=_("Alcool"), required=False
            )
        for turn in range(1, len(TIERS) + 1):
            self.fields[f"tier{turn}_name"] = forms.CharField(
                label=_("Nom"), max_length=20, required=False
            )
            self.fields[f"tier{turn}_at"] = _whole(_("Passages en un an"), 1, 1000, required=False)
        if not alcohol:
            for name in [name for name in self.fields if name.endswith("alcohol")]:
                del self.fields[name]

    @property
    def steps(self) -> list[dict[str, forms.BoundField]]:
        """The rows of further rewards, for the page."""
        rows = []
        for turn in range(1, STEPS + 1):
            names = (n for n in ("at", "label", "alcohol") if f"step{turn}_{n}" in self.fields)
            rows.append({name: self[f"step{turn}_{name}"] for name in names})
        return rows

    @property
    def tiers(self) -> list[dict[str, forms.BoundField]]:
        """The rows of tiers, for the page."""
        return [
            {name: self[f"tier{turn}_{name}"] for name in ("name", "at")}
            for turn in range(1, len(TIERS) + 1)
        ]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        kind = Kind(data.get("kind") or self.stored.kind)
        least, most = BOUNDS[kind]
        said = _("De %(least)s à %(most)s.") % {"least": least, "most": f"{most}"}
        if data.get("goal") and not least <= data["goal"] <= most:
            self.add_error("goal", said)
        if (data.get("bonus_times") or 1) > 1 and not data.get("bonus_days"):
            self.add_error("bonus_days", _("Choisissez au moins un jour."))
        since, until = data.get("bonus_from"), data.get("bonus_until")
        if since and until and since >= until:
            self.add_error("bonus_until", _("La fin vient après le début."))
        self._clean_steps(data, kind)
        self._clean_tiers(data)
        for name in GIFTS:
            if data.get("referral") and name in data and not data[name]:
                self.add_error(name, _("Il faut un cadeau pour chacun."))
        return data

    def _clean_tiers(self, data: dict[str, Any]) -> None:
        below = 0
        for turn in range(1, len(TIERS) + 1):
            at = data.get(f"tier{turn}_at")
            if at and not data.get(f"tier{turn}_name"):
                self.add_error(f"tier{turn}_name", _("Donnez-lui un nom."))
            elif at and at <= below:
                self.add_error(f"tier{turn}_at", _("Plus que le palier d’avant."))
            below = at or below

    def _clean_steps(self, data: dict[str, Any], kind: Kind) -> None:
        taken = {data.get("goal")}
        for turn in range(1, STEPS + 1):
            at, label = data.get(f"step{turn}_at"), data.get(f"step{turn}_label")
            if bool(at) != bool(label):
                missing = "label" if at else "at"
                self.add_error(
                    f"step{turn}_{missing}", _("Il faut les deux : le palier et sa récompense.")
                )
            elif at and at in taken:
                self.add_error(f"step{turn}_at", _("Deux récompenses ne peuvent pas s’y trouver."))
            elif at and not kind.is_spent and at > (data.get("goal") or at):
                self.add_error(
                    f"step{turn}_at", _("Avant la récompense principale, qui finit la carte.")
                )
            taken.add(at)

    def rules(self) -> dict[str, Any]:
        """The rule in units, as far as what is typed is right; the stored one fills the gaps."""
        data = self.cleaned_data
        kind = Kind(data.get("kind") or self.stored.kind)
        fallback = self.stored.told(self.stored.goal)
        goal = data.get("goal") or min(max(fallback, BOUNDS[kind][0]), BOUNDS[kind][1])
        offers = [
            Offer(
                data[f"step{turn}_at"] * kind.unit,
                data[f"step{turn}_label"],
                data.get(f"step{turn}_alcohol", False),
            )
            for turn in range(1, STEPS + 1)
            if data.get(f"step{turn}_at") and data.get(f"step{turn}_label")
        ]
        counts = ("cooldown_minutes", "helper_hourly_limit", "points_per_euro")
        kept = (*counts, "helper_pace", "device_pace", "apart_minutes", "reward")
        found = {name: data.get(name) for name in kept}
        return {
            **{name: getattr(self.stored, name) if v is None else v for name, v in found.items()},
            "kind": kind.value,
            "goal": goal * kind.unit,
            "reward": data.get("reward") or self.stored.reward,
            "reward_is_alcohol": data.get("reward_is_alcohol", False),
            "steps": [offer.kept() for offer in sorted(offers)],
            "bonus_times": data.get("bonus_times") or 1,
            "bonus_days": "".join(data.get("bonus_days") or []),
            "bonus_from": data.get("bonus_from"),
            "bonus_until": data.get("bonus_until"),
            "tiers": [tier.kept() for tier in self._tiers(data)],
            "reward_days": data.get("reward_days"),
            "balance_months": data.get("balance_months"),
            "birthday_gift": data.get("birthday_gift") or "",
            "birthday_is_alcohol": data.get("birthday_is_alcohol", False),
            "merge_rule": data.get("merge_rule") or self.stored.merge_rule,
            "watch_hours": data.get("watch_hours", False),
            "referral": data.get("referral", False),
            **{name: (data.get(name) or 1) * kind.unit for name in GIFTS},
        }

    def _tiers(self, data: dict[str, Any]) -> list[Tier]:
        rows = range(1, len(TIERS) + 1)
        typed = [(data.get(f"tier{turn}_at"), data.get(f"tier{turn}_name")) for turn in rows]
        return [Tier(at, name) for at, name in typed if at and name]


def _typed(stored: Programme, chosen: bool) -> dict[str, Any]:
    """The stored rule as its owner would type it."""
    typed: dict[str, Any] = {
        **{name: getattr(stored, name) for name in RULES},
        **{name: stored.told(getattr(stored, name)) or 1 for name in ("goal", *GIFTS)},
        "reward": stored.reward if chosen else "",
        "bonus_days": list(stored.bonus_days),
    }
    for turn, offer in enumerate(stored.further[:STEPS], start=1):
        typed[f"step{turn}_at"] = stored.told(offer.at)
        typed[f"step{turn}_label"] = offer.label
        typed[f"step{turn}_alcohol"] = offer.is_alcohol
    for turn, usual in enumerate(TIERS, start=1):
        typed[f"tier{turn}_name"] = usual.name  # proposed, and off as long as no number stands by
    for turn, tier in enumerate(stored.ladder[: len(TIERS)], start=1):
        typed[f"tier{turn}_name"], typed[f"tier{turn}_at"] = tier.name, tier.at
    return typed
