"""« Léa a tamponné 14 cartes en 5 minutes » : more than a counter serves, by one person or on one
of the shop's phones. One line a day for each, which grows with the rush."""

from typing import ClassVar

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.loyalty.models import Movement, MovementKind, Programme
from apps.loyalty.queries import standing
from apps.loyalty.services.watching import PACE
from apps.loyalty.watch.base import Detector
from apps.review.kinds import Names
from apps.review.models import Case
from apps.review.services import gather


class Pace(Detector):
    """``limit`` names the programme's setting: so many stamps within ``PACE``, 0 for off;
    ``whose`` the ledger's column by which they are one rush."""

    limit: ClassVar[str]
    whose: ClassVar[str]

    def look(self, stamp: Movement, programme: Programme) -> None:
        limit, whose = getattr(programme, self.limit), getattr(stamp, self.whose)
        if not limit or whose is None:
            return
        theirs = Q(actor_kind=stamp.actor_kind, **{self.whose: whose})
        around = (stamp.at - PACE, stamp.at + PACE)
        near = standing(MovementKind.EARN).filter(theirs, at__range=around)
        full = [
            many for many in _windows(list(near.order_by("at", "pk")), stamp) if len(many) >= limit
        ]
        if not full:
            return
        found = {one.pk: one for many in full for one in many}
        gather(
            self.name,
            f"{whose}:{timezone.localdate(stamp.at)}",
            found,
            at=max(one.at for one in found.values()),
            actor_id=stamp.actor_id if self.whose == "actor_id" else None,
            device=stamp.device if self.whose == "device" else None,
            most=max(len(many) for many in full),
            cards=max(len({one.card_id for one in many}) for many in full),
        )

    def said(self, case: Case, who: str) -> str:
        told = _("%(who)s a donné %(most)d tampons en %(minutes)d minutes, sur %(cards)d cartes.")
        if case.facts["cards"] == case.facts["most"]:
            told = _("%(who)s a tamponné %(most)d cartes en %(minutes)d minutes.")
        return told % {**case.facts, "who": who, "minutes": PACE.total_seconds() // 60}


def _windows(near: list[Movement], stamp: Movement) -> list[list[Movement]]:
    """Of the stamps around this one, in order, those that ``PACE`` holds together with it."""
    windows = (
        [one for one in near[at:] if one.at - first.at <= PACE] for at, first in enumerate(near)
    )
    return [many for many in windows if any(one.pk == stamp.pk for one in many)]


class HelperPace(Pace):
    name, label = "helper-pace", gettext_lazy("Cadence d’une personne")
    limit, whose = "helper_pace", "actor_id"

    def sentence(self, case: Case, names: Names) -> str:
        return self.said(case, names.who)


class DevicePace(Pace):
    name, label = "device-pace", gettext_lazy("Cadence d’un téléphone")
    limit, whose = "device_pace", "device"

    def sentence(self, case: Case, names: Names) -> str:
        return self.said(case, _("« %(phone)s »") % {"phone": names.phone})
