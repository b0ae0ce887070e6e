"""A word when a tier is reached, and before what was gained is over."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.campaigns import tasks
from apps.campaigns.triggers import KINDS
from apps.core.actor import Actor
from apps.loyalty.models import Card, Reward
from apps.loyalty.referral_models import Referral, ReferralState
from apps.loyalty.rule import Tier
from apps.loyalty.services import add_stamp, redeem, undo_stamp
from tests.factories import CardFactory, ProgrammeFactory
from tests.loyalty import brought

TEAM = Actor("team", 1)
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _paris(shop):
    with timezone.override(shop.zone):
        yield


def rule(**more):
    ProgrammeFactory(**{"goal": 2, "cooldown_minutes": 0, **more})


def stamp(card, at=NOW):
    return add_stamp(card=card, token=uuid4(), by=TEAM, now=at)


def met(kind, since, until=None, **settings):
    return list(KINDS[kind].met(settings, since, until or since + DAY))


def test_who_reaches_a_tier_is_met_at_that_moment_and_while_it_lasts(shop):
    rule(goal=9, tiers=[Tier(2, "Ami").kept()])
    card, kind = CardFactory(), KINDS["tier_reached"]
    stamp(card, NOW - DAY)
    done = stamp(card)
    (one,) = met("tier_reached", NOW, NOW)
    assert (one.contact_id, one.occasion, one.at) == (card.contact_id, "tier:1", NOW)
    assert kind.holds({}, one)
    tasks.heard_tier(card.pk, 1)
    undo_stamp(movement=done.movement, token=uuid4(), by=TEAM, now=NOW)
    assert not kind.holds({}, one)
    tasks.heard_tier(card.pk, 1)


def test_a_reward_is_announced_so_many_days_before_its_end_while_it_waits(shop):
    rule(reward_days=30)
    card = CardFactory()
    reward = [stamp(card) for _turn in range(2)][-1].reward
    ahead = reward.expires_at - 10 * DAY
    (one,) = met("reward_expiring", ahead, days_before=10)
    assert (one.contact_id, one.occasion, one.at) == (card.contact_id, f"reward:{reward.pk}", ahead)
    assert met("reward_expiring", ahead + DAY, days_before=10) == []
    redeem(reward=Reward.objects.get(), token=uuid4(), by=TEAM, now=NOW)
    assert not KINDS["reward_expiring"].holds({"days_before": 10}, one)


def test_a_balance_is_announced_before_it_is_over_and_a_visit_gives_it_time(shop):
    rule(goal=9, balance_months=6)
    card = CardFactory()
    stamp(card)
    end = timezone.make_aware(datetime(2027, 5, 25)) - 10 * DAY
    (one,) = met("reward_expiring", end - DAY, end + DAY, days_before=10)
    assert (one.contact_id, one.occasion, one.at) == (card.contact_id, "balance:2027-05-25", end)
    stamp(card, NOW + 30 * DAY)
    assert not KINDS["reward_expiring"].holds({"days_before": 10}, one)
    assert Card.objects.get().balance == 2


def told_of(referral, when):
    (one,) = met("referral_joined", NOW - DAY, NOW + 3 * DAY, when=when)
    assert (one.contact_id, one.occasion) == (referral.sponsor.contact_id, f"friend:{referral.pk}")
    return one


def test_who_brings_a_friend_is_met_when_the_friend_has_confirmed(shop, run_jobs):
    brought.rule()
    sponsor = brought.customer()
    referral = brought.brings(shop, sponsor, at=NOW)
    assert met("referral_joined", NOW - DAY, NOW + DAY, when="joined") == []
    brought.taps(referral, NOW)
    one = told_of(referral, "joined")
    assert met("referral_joined", NOW - DAY, NOW + DAY, when="given") == []
    run_jobs()
    Referral.objects.update(state=ReferralState.REFUSED)
    assert not KINDS["referral_joined"].holds({"when": "joined"}, one)


def test_or_when_the_friend_has_come_and_while_the_visit_stands(shop, run_jobs):
    brought.rule()
    referral = brought.brings(shop, brought.customer(), at=NOW)
    done = brought.visits(referral.friend)
    one = told_of(referral, "given")
    run_jobs()
    brought.undoes(done)
    assert not KINDS["referral_joined"].holds({"when": "given"}, one)


def test_who_may_have_brought_themselves_is_not_thanked(shop):
    brought.rule()
    referral = brought.brings(shop, brought.customer(), held=(1,), at=NOW)
    brought.taps(referral, NOW)
    brought.visits(referral.friend)
    for when in ("joined", "given"):
        assert met("referral_joined", NOW - DAY, NOW + 3 * DAY, when=when) == []
