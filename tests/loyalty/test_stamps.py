"""Stamps, undo and rewards: nothing doubles, nothing is lost, the ledger adds up."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.audit.models import Entry
from apps.contacts.age import IdNotChecked, Minor
from apps.core.actor import Actor
from apps.loyalty.models import Movement, MovementKind, Redemption, Reward
from apps.loyalty.programme import set_programme
from apps.loyalty.services import (
    CardMerged,
    HourlyLimit,
    NotYourStamp,
    RewardAlreadyGiven,
    RewardGone,
    RewardSpent,
    StampedJustNow,
    TokenSpent,
    UndoTooLate,
    add_stamp,
    carry_over,
    redeem,
    undo_stamp,
)
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

HELPER, OTHER = Actor("team", 7), Actor("team", 8)
NOW = timezone.now()


@pytest.fixture
def programme(shop):
    return ProgrammeFactory(goal=3, cooldown_minutes=30, helper_hourly_limit=1000)


@pytest.fixture
def card(programme):
    return CardFactory()


def stamp(card, *, at=NOW, token=None, by=HELPER, **more):
    return add_stamp(card=card, token=token or uuid4(), by=by, now=at, **more)


def stamps(card, count, *, from_=NOW):
    """``count`` stamps an hour apart; the last one's result."""
    for turn in range(count):
        done = stamp(card, at=from_ + timedelta(hours=turn))
    return done


def ledger(card):
    return card.movements.aggregate(sum=Sum("stamps"))["sum"] or 0


def test_a_stamp_is_counted_on_the_card_and_as_a_visit(card):
    done = stamp(card, amount_cents=4_250)
    card.refresh_from_db()
    card.contact.refresh_from_db()
    assert (card.balance, card.last_stamp_at) == (1, NOW)
    assert (card.contact.visits, card.contact.last_visit_at) == (1, NOW)
    assert done.movement.amount_cents == 4_250
    assert Entry.objects.filter(verb="stamp", object_id=card.pk, actor_id=7).count() == 1


def test_a_second_tap_does_not_stamp_twice(card):
    token = uuid4()
    first, again = stamp(card, token=token), stamp(card, token=token, at=NOW + timedelta(hours=2))
    assert (again.movement, again.repeated, first.repeated) == (first.movement, True, False)
    assert again.card.balance == 1
    assert card.movements.count() == 1


def test_a_repeated_winning_tap_shows_the_same_reward(card):
    stamps(card, 2)
    token, at = uuid4(), NOW + timedelta(hours=5)
    won, again = stamp(card, token=token, at=at), stamp(card, token=token, at=at)
    assert won.reward is not None
    assert again.reward == won.reward
    assert Reward.objects.count() == 1


def test_a_token_stands_for_one_card_only(card):
    token = uuid4()
    stamp(card, token=token)
    with pytest.raises(TokenSpent):
        stamp(CardFactory(), token=token)


def test_a_card_rests_between_two_stamps_and_says_for_how_long(card):
    stamp(card)
    with pytest.raises(StampedJustNow) as refusal:
        stamp(card, at=NOW + timedelta(minutes=18))
    assert "il y a 18 min" in str(refusal.value)
    assert "dans 12 min" in str(refusal.value)
    assert stamp(card, at=NOW + timedelta(minutes=30)).card.balance == 2


def test_a_lead_may_stamp_over_the_rest(card):
    stamp(card)
    assert stamp(card, at=NOW + timedelta(minutes=1), over_cooldown=True).card.balance == 2


def test_a_helper_reaches_the_hourly_limit_alone(programme):
    programme.helper_hourly_limit = 2
    programme.save()
    for minutes in (0, 20):
        stamp(CardFactory(), at=NOW + timedelta(minutes=minutes))
    with pytest.raises(HourlyLimit) as refusal:
        stamp(CardFactory(), at=NOW + timedelta(minutes=40))
    assert "dans 20 min" in str(refusal.value)
    assert stamp(CardFactory(), at=NOW + timedelta(minutes=40), by=OTHER).card.balance == 1
    assert stamp(CardFactory(), at=NOW + timedelta(minutes=61)).card.balance == 1


def test_the_last_stamp_of_a_card_wins_the_reward_and_starts_a_new_one(card, programme):
    done = stamps(card, 3)
    assert done.reward.label == programme.reward
    assert (done.card.balance, done.card.rewards_ready, ledger(card)) == (0, 1, 0)


def test_a_shop_without_a_programme_stamps_all_the_same(shop):
    card = CardFactory()
    token = uuid4()
    assert stamp(card, token=token).programme.goal == 10
    assert stamp(card, token=token).repeated


def test_an_undo_gives_back_what_stood_before(card):
    earlier = NOW - timedelta(days=9)
    card.contact.last_visit_at = earlier  # as an imported list said
    card.contact.save()
    done = stamp(card)
    undone = undo_stamp(
        movement=done.movement, token=uuid4(), by=HELPER, now=NOW + timedelta(minutes=9)
    )
    contact = type(card.contact).objects.get(pk=card.contact_id)
    assert (undone.card.balance, undone.card.last_stamp_at) == (0, None)
    assert (contact.visits, contact.last_visit_at) == (0, earlier)
    assert stamp(card, at=NOW + timedelta(minutes=10)).card.balance == 1  # no rest to wait for


def test_visits_undone_in_any_order_are_all_forgotten(card):
    first = stamp(card).movement
    second = stamp(card, at=NOW + timedelta(minutes=2), over_cooldown=True).movement
    for movement in (first, second):
        undo_stamp(movement=movement, token=uuid4(), by=HELPER, now=NOW + timedelta(minutes=5))
    contact = type(card.contact).objects.get(pk=card.contact_id)
    assert (contact.visits, contact.last_visit_at) == (0, None)


def test_undone_twice_is_undone_once(card):
    movement = stamp(card).movement
    for _ in range(2):
        undone = undo_stamp(movement=movement, token=uuid4(), by=HELPER, now=NOW)
    assert undone.repeated
    assert (undone.card.balance, ledger(card)) == (0, 0)


def test_an_undo_is_for_its_author_or_a_lead_within_ten_minutes(card):
    movement = stamp(card).movement
    with pytest.raises(UndoTooLate):
        undo_stamp(movement=movement, token=uuid4(), by=HELPER, now=NOW + timedelta(minutes=11))
    with pytest.raises(NotYourStamp):
        undo_stamp(movement=movement, token=uuid4(), by=OTHER, now=NOW)
    assert undo_stamp(movement=movement, token=uuid4(), by=OTHER, now=NOW, lead=True)


def test_an_undo_takes_back_the_reward_that_the_stamp_won(card):
    done = stamps(card, 3)
    undone = undo_stamp(movement=done.movement, token=uuid4(), by=HELPER, now=done.movement.at)
    assert undone.taken_back == [done.reward]
    assert (undone.card.balance, undone.card.rewards_ready, ledger(card)) == (2, 0, 2)
    with pytest.raises(RewardGone):
        redeem(reward=done.reward, token=uuid4(), by=HELPER, now=NOW)
    again = stamp(card, at=done.movement.at)
    assert again.reward is not None


def test_a_stamp_whose_reward_was_given_cannot_be_undone(card):
    done = stamps(card, 3)
    redeem(reward=done.reward, token=uuid4(), by=HELPER, now=done.movement.at)
    with pytest.raises(RewardAlreadyGiven):
        undo_stamp(movement=done.movement, token=uuid4(), by=HELPER, now=done.movement.at)
    assert Movement.objects.filter(kind=MovementKind.UNDO).count() == 0


def test_a_reward_is_given_once(card):
    reward, token = stamps(card, 3).reward, uuid4()
    first = redeem(reward=reward, token=token, by=HELPER, now=NOW)
    again = redeem(reward=reward, token=token, by=HELPER, now=NOW)
    assert (again.redemption, again.repeated) == (first.redemption, True)
    with pytest.raises(RewardSpent):
        redeem(reward=reward, token=uuid4(), by=OTHER, now=NOW)
    card.refresh_from_db()
    assert (card.rewards_ready, Redemption.objects.count()) == (0, 1)


def test_alcohol_is_given_against_a_proof_of_age(card, programme):
    programme.reward_is_alcohol = True
    programme.save()
    reward = stamps(card, 3).reward
    with pytest.raises(IdNotChecked):
        redeem(reward=reward, token=uuid4(), by=HELPER, now=NOW)
    card.contact.birth_date = NOW.date() - timedelta(days=17 * 365)
    card.contact.save()
    with pytest.raises(Minor):
        redeem(reward=reward, token=uuid4(), by=HELPER, now=NOW, id_checked=True)
    card.contact.birth_date = None
    card.contact.save()
    given = redeem(reward=reward, token=uuid4(), by=HELPER, now=NOW, id_checked=True)
    assert given.redemption.id_checked


def test_a_merged_card_is_not_stamped(card):
    card.contact.merged_into = ContactFactory()
    card.contact.save()
    with pytest.raises(CardMerged):
        stamp(card)


def test_stamps_brought_along_become_rewards_and_no_visit(card):
    token = uuid4()
    for _ in range(2):
        held = carry_over(
            card=card, stamps=7, kind=MovementKind.IMPORT, token=token, by=HELPER, now=NOW
        )
    assert (held.balance, held.rewards_ready, ledger(card)) == (1, 2, 1)
    assert type(card.contact).objects.get(pk=card.contact_id).visits == 0


def test_a_lowered_goal_is_reached_at_the_next_stamp(card, programme):
    programme.goal = 10
    programme.save()
    stamps(card, 5)
    set_programme(by=HELPER, now=NOW, goal=4)
    done = stamp(card, at=NOW + timedelta(days=1))
    assert (done.reward is not None, done.card.balance) == (True, 2)


def test_the_programme_leaves_a_trail_of_what_changed(programme):
    set_programme(by=HELPER, now=NOW, goal=8)
    set_programme(by=HELPER, now=NOW, goal=8)
    entry = Entry.objects.get(verb="set_programme")
    assert (entry.before["goal"], entry.after["goal"]) == (3, 8)


GESTURES = st.lists(
    st.tuples(st.sampled_from(["stamp", "again", "undo", "redeem"]), st.integers(0, 20)),
    max_size=25,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(gestures=GESTURES)
def test_the_balance_is_the_sum_of_the_ledger_whatever_is_done(programme, gestures):
    card, now, tokens = CardFactory(), NOW, []
    for gesture, choice in gestures:
        now += timedelta(minutes=3)
        earned = list(card.movements.filter(kind=MovementKind.EARN).order_by("pk"))
        won = list(card.rewards.order_by("pk"))
        try:
            if gesture == "stamp":
                tokens.append(uuid4())
                stamp(card, at=now, token=tokens[-1], over_cooldown=True)
            elif gesture == "again" and tokens:
                stamp(card, at=now, token=tokens[choice % len(tokens)])
            elif gesture == "undo" and earned:
                movement = earned[choice % len(earned)]
                undo_stamp(movement=movement, token=uuid4(), by=HELPER, now=now)
            elif gesture == "redeem" and won:
                redeem(reward=won[choice % len(won)], token=uuid4(), by=HELPER, now=now)
        except (UndoTooLate, RewardAlreadyGiven, RewardSpent, RewardGone):
            pass
        card.refresh_from_db()
        standing = card.movements.filter(kind=MovementKind.EARN, undone_by=None)
        kept = card.rewards.filter(taken_back_at=None).count()
        assert card.balance == ledger(card) == standing.count() - 3 * kept
        assert 0 <= card.balance < 3
        assert card.rewards_ready == Reward.objects.ready().filter(card=card).count()
        contact = type(card.contact).objects.get(pk=card.contact_id)
        latest = standing.order_by("-at").first()
        assert contact.visits == standing.count()
        assert contact.last_visit_at == card.last_stamp_at == (latest.at if latest else None)
