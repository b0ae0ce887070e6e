"""Stamps while the shop is closed, by its own words of its hours; who has said none, hears none.
One line a day for each person."""

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.loyalty.models import Movement, Programme
from apps.loyalty.services.watching import is_shut
from apps.loyalty.watch.base import Detector
from apps.review.kinds import Names
from apps.review.models import Case
from apps.review.services import gather


class OutsideHours(Detector):
    name, label = "outside-hours", gettext_lazy("Hors horaires")

    def look(self, stamp: Movement, programme: Programme) -> None:
        if programme.watch_hours and is_shut(stamp.at):
            gather(
                self.name,
                f"{stamp.actor_id}:{timezone.localdate(stamp.at)}",
                [stamp.pk],
                at=stamp.at,
                actor_id=stamp.actor_id,
            )

    def sentence(self, case: Case, names: Names) -> str:
        many = len(case.facts["stamps"])
        told = _("%(who)s a tamponné une carte à %(hour)s, hors des horaires de la boutique.")
        if many > 1:
            told = _(
                "%(who)s a donné %(many)d tampons hors des horaires de la boutique, le dernier "
                "à %(hour)s."
            )
        hour = timezone.localtime(case.at)
        return told % {"who": names.who, "many": many, "hour": f"{hour:%H} h {hour:%M}"}
