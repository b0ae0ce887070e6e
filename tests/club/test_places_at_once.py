"""Many people, one last place, at the same moment."""

from django.utils import timezone

from apps.club.models import Member
from apps.club.services import joining, planning
from apps.core.actor import SYSTEM


def test_of_many_at_once_as_many_get_in_as_there_are_places(committed, a_wish):
    """The places are counted under the plan's lock: nobody is at Stripe's page for nothing."""

    def write(_):
        words = planning.PlanWords(name="Découverte", price_cents=3200, bottles=3, places=2)
        return planning.save_plan(words, by=SYSTEM, now=timezone.now())

    (plan,) = committed(write, None)
    wishes = [a_wish(f"personne{n}") for n in range(6)]
    found = committed(lambda wish: joining.seat(wish, plan, timezone.now()), *wishes)
    assert len([one for one in found if isinstance(one, Member)]) == 2
    assert len([one for one in found if isinstance(one, joining.Full)]) == 4
