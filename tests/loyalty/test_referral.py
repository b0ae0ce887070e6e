"""A friend who was brought: both have their gift at the first real visit, and nobody twice."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from apps.core.actor import Actor
from apps.loyalty import referring
from apps.loyalty.merging import lock_people, merge_records
from apps.loyalty.models import Fate, Movement, MovementKind, ProgrammeChange, Reward
from apps.loyalty.programme import set_programme, undo_change
from apps.loyalty.referral_models import REFERRAL, Reason, Referral, ReferralState
from apps.loyalty.same_person import mailbox
from apps.loyalty.services import add_stamp, give_back, redeem
from apps.loyalty.services.refusals import RewardAlreadyGiven
from apps.loyalty.verifying import prove_cards
from apps.review.models import Case
from apps.review.services import find_fine, undo
from tests.loyalty.brought import (
    DAY,
    HELPER,
    NOW,
    balances,
    brings,
    customer,
    rule,
    taps,
    undoes,
    visits,
)

OWNER = Actor("team", 1)


@pytest.fixture(autouse=True)
def _sums_hold(shop):
    yield
    assert prove_cards().wrong == 0


def again(referral):
    return Referral.objects.get(pk=referral.pk)


def doubted():
    """What stands in the list, and why."""
    open_ones = Case.objects.open().filter(kind=referring.LISTED).order_by("pk")
    keys = [case.facts["referral"] for case in open_ones]
    return [
        (referral, referral.doubt) for referral in map(Referral.objects.in_bulk(keys).get, keys)
    ]


def decide(referral, *, grant):
    """The team's tap in the list."""
    case = Case.objects.get(kind=referring.LISTED, key=str(referral.pk))
    tap = find_fine if grant else undo
    return tap(case.pk, by=OWNER, now=NOW + 3 * DAY)


def merged(alias, into, at=NOW + 2 * DAY):
    people = lock_people(alias.contact, into.contact)
    return merge_records(*people, by=OWNER, now=at)


# --- the first real visit -----------------------------------------------------------------


def test_both_have_their_gift_at_the_friends_first_visit_and_not_before(shop):
    rule()
    sponsor = customer()
    referral = brings(shop, sponsor)
    friend = referral.friend
    assert balances(sponsor, friend) == (0, 0)
    done = visits(friend)
    assert balances(sponsor, friend) == (2, 2)
    kept = again(referral)
    assert (kept.state, kept.visit) == (ReferralState.GIVEN, done.movement)
    gifts = Movement.objects.filter(kind=MovementKind.BONUS, cause=REFERRAL).order_by("stamps")
    assert [(line.card, line.stamps) for line in gifts] == [(friend, 1), (sponsor, 2)]
    assert [line.actor_kind for line in gifts] == ["system"] * 2


def test_the_visit_says_so_by_itself_and_later_ones_say_nothing(shop, run_jobs):
    rule()
    sponsor = customer()
    friend = brings(shop, sponsor).friend
    for days in (1, 2):
        add_stamp(card=friend, token=uuid4(), by=HELPER, now=NOW + days * DAY)
        run_jobs()
    assert balances(sponsor, friend) == (2, 3)


def test_the_same_visit_heard_twice_gives_once(shop):
    rule()
    sponsor = customer()
    done = visits(brings(shop, sponsor).friend)
    referring.reward_visit(done.movement.pk, NOW + 2 * DAY)
    assert balances(sponsor, done.card) == (2, 2)


def test_one_visit_and_one_friend_are_rewarded_once_by_the_database_itself(shop):
    rule()
    referral = brings(shop, customer())
    done = visits(referral.friend)
    other = brings(shop, customer())
    for wrong in ({"visit": done.movement}, {"friend": referral.friend}, {"state": "given"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Referral.objects.filter(pk=other.pk).update(**wrong)


def test_a_gift_may_fill_a_card(shop):
    rule(goal=3)
    sponsor = customer()
    add_stamp(card=sponsor, token=uuid4(), by=HELPER, now=NOW)
    visits(brings(shop, sponsor).friend)
    assert balances(sponsor) == (0,)
    assert Reward.objects.get().card == sponsor


def test_what_was_promised_is_given_also_after_the_shop_has_stopped(shop):
    programme = rule()
    sponsor = customer()
    friend = brings(shop, sponsor).friend
    programme.referral = False
    programme.save()
    visits(friend)
    assert balances(sponsor, friend) == (2, 2)
    wish = {"phone": "06 98 76 54 32"}
    with pytest.raises(Referral.DoesNotExist):
        brings(shop, sponsor, **wish)


def test_a_promise_of_stamps_is_kept_in_points_once_the_shop_counts_points(shop):
    rule()
    sponsor = customer()
    friend = brings(shop, sponsor).friend
    points = {"kind": "points", "goal": 300, "sponsor_gets": 50, "friend_gets": 20}
    set_programme(by=OWNER, now=NOW + timedelta(hours=1), fate=Fate.ZERO, **points)
    visits(friend, cents=10_00)
    assert balances(sponsor, friend) == (50, 30)


def test_the_gift_waits_for_a_message_nobody_tapped_as_little_as_for_one_they_did(shop):
    rule()
    sponsor = customer()
    referral = brings(shop, sponsor)
    taps(referral)
    assert again(referral).joined_at == NOW
    visits(referral.friend)
    assert balances(sponsor, referral.friend) == (2, 2)


# --- to the letter of the table -----------------------------------------------------------


def test_an_undone_visit_takes_both_gifts_back_and_the_next_one_counts(shop):
    rule()
    sponsor = customer()
    referral = brings(shop, sponsor)
    undoes(visits(referral.friend))
    assert balances(sponsor, referral.friend) == (0, 0)
    assert again(referral).state == ReferralState.WAITING
    visits(referral.friend, NOW + 3 * DAY)
    assert balances(sponsor, referral.friend) == (2, 2)


def test_a_visit_undone_before_it_was_heard_of_gives_nothing(shop, run_jobs):
    rule()
    sponsor = customer()
    friend = brings(shop, sponsor).friend
    done = add_stamp(card=friend, token=uuid4(), by=HELPER, now=NOW)
    undoes(done, NOW)
    referring.reward_visit(done.movement.pk, NOW)
    assert balances(sponsor, friend) == (0, 0)
    add_stamp(card=friend, token=uuid4(), by=HELPER, now=NOW + DAY)
    run_jobs()
    assert balances(sponsor, friend) == (2, 2)


def test_an_undo_breaks_up_the_sponsors_reward_that_is_ready(shop):
    rule(goal=2)
    sponsor = customer()
    done = visits(brings(shop, sponsor).friend)
    undoes(done) if not done.rewards else None
    assert balances(sponsor) == (0,)
    assert not Reward.objects.ready().filter(card=sponsor).exists()


def test_an_undo_lets_go_what_the_sponsor_has_already_fetched(shop):
    rule(goal=2, friend_gets=1, sponsor_gets=2)
    sponsor = customer()
    done = visits(brings(shop, sponsor).friend)
    won = Reward.objects.get(card=sponsor)
    redeem(reward=won, token=uuid4(), by=HELPER, now=NOW + DAY)
    undoes(done)
    assert balances(sponsor) == (0,)
    assert Reward.objects.get(pk=won.pk).taken_back_at is None


def test_an_undo_is_refused_once_the_friend_has_fetched_what_the_gift_won(shop):
    rule(goal=2)
    done = visits(brings(shop, customer()).friend)
    won = Reward.objects.get(card=done.card)
    redeem(reward=won, token=uuid4(), by=HELPER, now=NOW + DAY)
    with pytest.raises(RewardAlreadyGiven):
        undoes(done)


def test_both_bonuses_of_a_first_visit_come_off_with_it(shop):
    rule(bonus_times=2, bonus_days="1234567")
    sponsor = customer()
    done = visits(brings(shop, sponsor).friend)
    assert balances(sponsor, done.card) == (2, 3)
    undoes(done)
    assert balances(sponsor, done.card) == (0, 0)


def test_goods_brought_back_in_part_leave_the_sponsors_gift_and_the_last_part_takes_it(shop):
    rule(kind="points", goal=500, sponsor_gets=50, friend_gets=20)
    sponsor = customer()
    referral = brings(shop, sponsor)
    done = visits(referral.friend, cents=40_00)
    assert balances(sponsor, done.card) == (50, 60)

    def back(cents):
        give_back(
            card=done.card,
            movement=done.movement,
            token=uuid4(),
            by=HELPER,
            now=NOW + 2 * DAY,
            amount_cents=cents,
        )

    back(20_00)
    assert balances(sponsor, done.card) == (50, 30)
    back(20_00)
    referring.visit_gone(done.movement.pk, NOW + 2 * DAY)
    assert balances(sponsor, done.card) == (0, 0)
    assert again(referral).state == ReferralState.RETURNED


def test_a_change_of_the_rule_that_is_taken_back_leaves_the_gifts(shop):
    rule(goal=10)
    sponsor = customer()
    referral = brings(shop, sponsor)
    set_programme(by=OWNER, now=NOW, goal=8, fate=Fate.KEEP)
    visits(referral.friend, NOW + timedelta(hours=1))
    undo_change(change=ProgrammeChange.objects.get(), by=OWNER, now=NOW + timedelta(hours=2))
    assert balances(sponsor, referral.friend) == (2, 2)


# --- whom nobody can bring ----------------------------------------------------------------


def test_who_is_a_customer_already_is_brought_by_nobody(shop):
    rule()
    sponsor, known = customer(), customer(phone="+33612345678")
    referral = brings(shop, sponsor, phone="06 12 34 56 78")
    taps(referral)
    assert again(referral).state == ReferralState.KNOWN
    visits(known)
    assert balances(sponsor, known) == (0, 1)


def test_a_known_number_that_nobody_confirms_brings_nothing_either(shop):
    rule()
    sponsor = customer()
    customer(phone="+33612345678")
    referral = brings(shop, sponsor, phone="06 12 34 56 78")
    visits(referral.friend)
    assert balances(sponsor, referral.friend) == (0, 1)
    assert again(referral).state == ReferralState.KNOWN


def test_who_asks_for_their_card_again_is_still_the_friend_of_the_first_link(shop):
    rule()
    first, second = customer(), customer()
    referral = brings(shop, first, phone="06 12 34 56 78")
    later = brings(shop, second, phone="06 12 34 56 78", followed=NOW, at=NOW + DAY)
    taps(later, NOW + DAY)
    visits(referral.friend, NOW + 2 * DAY)
    assert balances(first, second) == (2, 0)
    assert again(later).state == ReferralState.KNOWN


# --- what somebody must look at -----------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ({"phone": "06 12 34 56 78"}, Reason.ADDRESS),
        ({"email": "Camille.Martin@gmail.com"}, Reason.ADDRESS),
        ({"email": "camille.martin+cave@gmail.com"}, Reason.VARIANT),
        ({"email": "camillemartin@googlemail.com"}, Reason.VARIANT),
        ({"held": (4_711,)}, Reason.DEVICE),
    ],
)
def test_who_looks_like_their_own_friend_is_listed_and_gets_nothing(shop, typed, reason):
    rule()
    sponsor = customer(phone="+33612345678", email="camille.martin@gmail.com")
    referral = brings(shop, sponsor, **typed)
    visits(referral.friend)
    assert balances(sponsor, referral.friend) == (0, 1)
    assert doubted() == [(referral, reason)]


def test_a_mailbox_is_the_same_whatever_is_added_to_its_name():
    assert mailbox("A.B+c@Gmail.com") == mailbox("ab@googlemail.com")
    assert mailbox("a.b+c@exemple.fr") == "a.b@exemple.fr" != mailbox("ab@exemple.fr")
    assert mailbox("+33612345678") == "+33612345678"


def test_ones_own_number_confirmed_is_listed_not_dropped(shop):
    rule()
    sponsor = customer(phone="+33612345678")
    referral = brings(shop, sponsor, phone="06 12 34 56 78")
    taps(referral)
    assert doubted() == [(referral, Reason.ADDRESS)]


def test_two_cards_found_to_be_one_persons_are_listed_after_the_gift_too(shop):
    rule()
    sponsor = customer()
    referral = brings(shop, sponsor)
    visits(referral.friend)
    merged(referral.friend, sponsor)
    assert balances(sponsor) == (4,)
    assert doubted() == [(referral, Reason.PERSON)]
    decide(referral, grant=False)
    assert balances(sponsor) == (1,)
    assert again(referral).state == ReferralState.REFUSED


@pytest.mark.parametrize("length", [2, 3])
def test_a_circle_is_listed(shop, length):
    """A brings B, who brings … who brings A under another address."""
    rule()
    first = customer()
    chain, last = [], first
    for _one in range(length):
        referral = brings(shop, last)
        chain.append(referral)
        last = referral.friend
    into, closing = first, chain[-1]
    merged(closing.friend, into)
    assert {reason for _referral, reason in doubted()} == {Reason.CIRCLE}
    assert closing in [referral for referral, _reason in doubted()]


def test_what_is_granted_is_given_if_the_friend_has_come_and_else_when_they_come(shop):
    rule()
    sponsor = customer()
    came = brings(shop, sponsor, held=(1,))
    later = brings(shop, sponsor, held=(1,))
    visits(came.friend)
    for referral in (came, later, came):
        decide(referral, grant=True)
    assert balances(sponsor, came.friend) == (2, 2)
    visits(later.friend, NOW + 3 * DAY)
    assert balances(sponsor, later.friend) == (4, 2)
    case = Case.objects.get(key=str(came.pk))
    assert (case.decided_by, case.decided_at) == (OWNER.id, NOW + 3 * DAY)


def test_what_is_set_aside_gives_nothing_ever(shop):
    rule()
    sponsor = customer()
    referral = brings(shop, sponsor, held=(1,))
    decide(referral, grant=False)
    visits(referral.friend)
    decide(referral, grant=True)
    assert balances(sponsor, referral.friend) == (0, 1)


# --- cards that become one ----------------------------------------------------------------


def test_a_sponsors_gift_comes_to_the_card_they_have_today(shop):
    rule()
    old, new = customer(), customer()
    referral = brings(shop, old)
    merged(old, new, NOW)
    visits(referral.friend)
    assert balances(old, new) == (0, 2)


def test_a_friends_second_record_keeps_who_brought_them(shop):
    rule()
    sponsor = customer()
    referral = brings(shop, sponsor)
    other = customer(created_at=NOW + DAY, phone_proven_at=None)
    merged(referral.friend, other)
    visits(other, NOW + 3 * DAY)
    assert balances(sponsor, other) == (2, 2)
