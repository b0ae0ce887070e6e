"""The filters of the list."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.audience.criteria import Criteria
from apps.audience.models import Segment
from apps.audience.queries import worn_tags
from apps.audience.rules import Rule
from apps.audience.rules.people import Tags
from apps.audience.rules.rewards import NearReward, RewardReady
from apps.audience.rules.visits import Unseen
from apps.contacts.channels import offered
from apps.contacts.models import ConsentState
from apps.core.filters import Filter
from apps.shops.models import Shop


class ListFilter(Filter):
    narrows = ("q", "segment", "tag", "channel", "accord", "unseen", "reward")

    q = forms.CharField(required=False, max_length=100)
    segment = forms.ModelChoiceField(
        Segment.objects.all(), label=_("Segment"), required=False, empty_label=_("Tous")
    )
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

    @property
    def criteria(self) -> Criteria:
        reward = self.said("reward")
        chosen: list[Rule] = []
        if tag := self.said("tag"):
            chosen.append(Tags("any", (tag,)))
        if days := self.said("unseen"):
            chosen.append(Unseen(int(days)))
        if reward:
            chosen.append(NearReward(int(reward)) if reward.isdigit() else RewardReady())
        return Criteria.of(*chosen)

    @property
    def chosen_segment(self) -> Criteria | None:
        segment = self.told("segment")
        return Criteria.read(segment.criteria) if segment else None
