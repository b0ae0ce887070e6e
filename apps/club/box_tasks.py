"""Work off the request: the boxes of a round, and what the money says of one."""

from django.utils import timezone

from apps.club import labels, packing, rounds
from apps.club.box_models import Box, Round
from apps.club.models import PeriodState
from apps.core import due
from apps.core.jobs import enqueue
from apps.shops.services import every_open_shop


def make(round_id: int) -> None:
    """The boxes that a round is still to have."""
    if not rounds.make(round_id, timezone.now()):
        enqueue(make, round_id)


def fill(round_id: int, after: int = 0) -> None:
    """The shop's choice, in the boxes that it composes."""
    if more := rounds.fill(round_id, after, timezone.now()):
        enqueue(fill, round_id, more)


def draw_labels(round_id: int) -> None:
    labels.make(round_id)


def forget_labels(round_id: int) -> None:
    labels.forget(round_id)


def period_began(period_id: int) -> None:
    """Reaction to ``PeriodBegan``."""
    _make_open()


def period_settled(period_id: int) -> None:
    """Reaction to ``PeriodSettled``: one that nobody is to pay any more has no box."""
    gone = Box.objects.standing().filter(period=period_id, period__state=PeriodState.VOID)
    for pk in gone.values_list("pk", flat=True):
        packing.call_off(pk, now=timezone.now())
    _make_open()


def member_moved(member_id: int) -> None:
    """Reaction to ``MemberMoved``: who came back may be owed a box, who has left is owed none that
    they did not pay for."""
    packing.follow(member_id, timezone.now())
    _make_open()


def _make_open() -> None:
    """What is owed by now, in the rounds that are open; nothing, most of the time."""
    for pk in Round.objects.filter(closed_at=None).order_by("month").values_list("pk", flat=True):
        make(pk)


def run_rounds() -> None:
    """Rounds that open by themselves in this shop, and choices that end."""
    rounds.run_due(timezone.now())


def look_at_the_clock() -> None:
    """Recurring, in public."""
    due.look(rounds.DUE, run_rounds)


def sweep() -> None:
    """Recurring, in public: the net under shops that lost their next moment, as a restored one."""
    for shop in every_open_shop():
        with timezone.override(shop.zone):
            if moment := rounds.next_moment(timezone.now()):
                due.note(rounds.DUE, moment)
