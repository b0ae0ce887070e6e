"""Many people and one last place, one period told many times: at the same moment."""

from datetime import timedelta

from django.utils import timezone

from apps.club.models import Member, Period
from apps.club.services import billing, joining, planning
from apps.core.actor import SYSTEM
from apps.invoicing.models import Payment


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


def test_a_period_told_many_times_at_once_is_invoiced_once(tills, a_wish):
    def write(_):
        words = planning.PlanWords(name="Découverte", price_cents=3200, bottles=3)
        plan = planning.save_plan(words, by=SYSTEM, now=timezone.now())
        member = joining.seat(a_wish(), plan, timezone.now())
        today = timezone.localdate()
        Period.objects.create(
            member=member,
            paid_as="in_1",
            state="paid",
            paid_at=timezone.now(),
            starts=today,
            ends=today + timedelta(days=30),
            amount_cents=3200,
        )

    tills(write, None)
    found = tills(lambda _: billing.bill("in_1", timezone.now()), *range(6))
    assert len({invoice.pk for invoice in found}) == 1
    assert tills(lambda _: Payment.objects.count(), None) == [1]
