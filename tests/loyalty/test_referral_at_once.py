"""The first visit of a friend, many times at the same instant, on committed rows."""

from uuid import uuid4

from apps.loyalty import referring
from apps.loyalty.models import Movement, MovementKind
from apps.loyalty.referral_models import REFERRAL, Referral
from apps.loyalty.services import add_stamp
from apps.shops.services import shop_here
from tests.loyalty.brought import DAY, HELPER, NOW, balances, brings, customer, rule

GIFTS = {"kind": MovementKind.BONUS, "cause": REFERRAL}


def _friend(_):
    rule()
    sponsor = customer()
    return sponsor, brings(shop_here(), sponsor).friend


def test_a_first_visit_stamped_and_heard_many_times_at_once_gives_once(committed):
    ((sponsor, friend),) = committed(_friend, None)

    def visit(_):
        done = add_stamp(card=friend, token=uuid4(), by=HELPER, now=NOW + DAY)
        referring.reward_visit(done.movement.pk, NOW + DAY)

    assert not any(committed(visit, *range(6)))
    assert balances(sponsor, friend) == (2, 7)
    assert Movement.objects.filter(**GIFTS).count() == 2


def test_two_friends_who_bring_each_others_customers_come_at_once(committed):
    """Each one's sponsor is the other's friend of a friend: cards are locked in one order."""

    def ring(_):
        rule()
        first, second = customer(), customer()
        return [brings(shop_here(), sponsor).friend for sponsor in (first, second, first, second)]

    (friends,) = committed(ring, None)

    def visit(friend):
        done = add_stamp(card=friend, token=uuid4(), by=HELPER, now=NOW + DAY)
        referring.reward_visit(done.movement.pk, NOW + DAY)

    assert not any(committed(visit, *friends))
    assert Referral.objects.filter(state="given").count() == 4
    assert sum(balances(*{referral.sponsor for referral in Referral.objects.all()})) == 8
