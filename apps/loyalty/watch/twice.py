"""One card, stamped twice within minutes: on two phones, or over its rest by a lead's word."""

from datetime import timedelta

from django.utils.translation import gettext_lazy, ngettext

from apps.accounts.models import Membership
from apps.core.roles import Role
from apps.core.tenancy import current_schema
from apps.loyalty.models import Movement, MovementKind, Programme
from apps.loyalty.queries import standing
from apps.loyalty.watch.base import Detector
from apps.review.kinds import Names
from apps.review.models import Case


class TwoPhones(Detector):
    """The later of the two is the line's, whichever arrived first."""

    name, label = "two-phones", gettext_lazy("Deux téléphones")

    def look(self, stamp: Movement, programme: Programme) -> None:
        apart = timedelta(minutes=programme.apart_minutes)
        for one in _beside(stamp, apart):
            if _hand(one) != _hand(stamp):
                later = max(one, stamp, key=lambda line: (line.at, line.pk))
                later.card = stamp.card
                self.note(later, minutes=_minutes(one, stamp))

    def sentence(self, case: Case, names: Names) -> str:
        minutes = case.facts["minutes"]
        told = ngettext(
            "La carte de %(whom)s a été tamponnée sur deux téléphones en %(minutes)d minute, la "
            "seconde fois par %(who)s.",
            "La carte de %(whom)s a été tamponnée sur deux téléphones en %(minutes)d minutes, la "
            "seconde fois par %(who)s.",
            minutes,
        )
        return told % {"whom": names.whom, "who": names.who, "minutes": minutes}


class OverTheRest(Detector):
    """The owner's own word is the rule, and no line; nor is what two phones did."""

    name, label = "over-rest", gettext_lazy("Délai passé outre")

    def look(self, stamp: Movement, programme: Programme) -> None:
        rest = timedelta(minutes=programme.cooldown_minutes)
        before = [one for one in _beside(stamp, rest) if one.at <= stamp.at and one.pk != stamp.pk]
        near = [one for one in before if _hand(one) == _hand(stamp)]
        if near and not _is_owner(stamp.actor_id or 0):
            self.note(stamp, minutes=min(_minutes(one, stamp) for one in near))

    def sentence(self, case: Case, names: Names) -> str:
        minutes = case.facts["minutes"]
        told = ngettext(
            "%(who)s a tamponné la carte de %(whom)s sans attendre : %(minutes)d minute après le "
            "tampon d’avant.",
            "%(who)s a tamponné la carte de %(whom)s sans attendre : %(minutes)d minutes après le "
            "tampon d’avant.",
            minutes,
        )
        return told % {"whom": names.whom, "who": names.who, "minutes": minutes}


def _beside(stamp: Movement, apart: timedelta) -> list[Movement]:
    """The card's other stamps, less than ``apart`` away."""
    near = standing(MovementKind.EARN).filter(card=stamp.card_id)
    near = near.filter(at__gt=stamp.at - apart, at__lt=stamp.at + apart).exclude(pk=stamp.pk)
    return list(near)


def _hand(stamp: Movement) -> tuple[str, int | None]:
    """The phone it was done on: one of the shop's, else the person's own."""
    return ("person", stamp.actor_id) if stamp.device is None else ("phone", stamp.device)


def _minutes(one: Movement, other: Movement) -> int:
    return max(1, round(abs(one.at - other.at).total_seconds() / 60))


def _is_owner(user_id: int) -> bool:
    owns = Membership.objects.filter(shop_id=current_schema(), role=Role.OWNER, user_id=user_id)
    return owns.exists()
