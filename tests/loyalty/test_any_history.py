"""Whatever happens to cards, in whatever order: balances are sums, never below nothing, and the
rewards are those that the ledger tells of."""

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.loyalty import nights, referring
from apps.loyalty.merging import lock_people, merge_records
from apps.loyalty.models import Card, Fate, Movement, MovementKind, ProgrammeChange, Reward
from apps.loyalty.programme import set_programme, undo_change
from apps.loyalty.referral_models import Referral, ReferralState
from apps.loyalty.rule import Kind, Offer, Tier
from apps.loyalty.services import add_stamp, buy, give_back, redeem, the_programme, undo_stamp
from apps.loyalty.services.taking_back import stands
from apps.loyalty.verifying import prove_cards
from tests.factories import CardFactory, ProgrammeFactory

OWNER = Actor("team", 1)
NOW = datetime(2026, 1, 5, 12, tzinfo=ZoneInfo("Europe/Paris"))
GOALS = {Kind.STAMPS: 4, Kind.VISITS: 4, Kind.EUROS: 60_00, Kind.POINTS: 60}
GESTURES = ("earn", "earn", "earn", "undo", "give_back", "redeem", "buy", "merge", "change", "back")


class History:
    """Two or three cards and what is done to them."""

    def __init__(self, kind):
        goal = GOALS[kind]
        self.now = NOW
        ProgrammeFactory(
            kind=kind,
            goal=goal,
            steps=[Offer(goal // 2, "En chemin").kept()],
            tiers=[Tier(3, "Ami").kept()],
            bonus_times=2,
            bonus_days="17",
            reward_days=9,
            balance_months=3,
            cooldown_minutes=0,
            helper_hourly_limit=1000,
        )
        self.cards = [CardFactory() for _one in range(3)]
        for sponsor, friend in zip(self.cards, self.cards[1:], strict=False):
            gets = {"sponsor_gets": goal // 2, "friend_gets": goal // 4}
            Referral.objects.create(sponsor=sponsor, friend=friend, followed_at=NOW, **gets)

    def card(self, choice):
        living = Card.objects.filter(contact__merged_into=None).order_by("pk")
        return living[choice % len(living)]

    def do(self, gesture, choice, cents, hours):
        self.now += timedelta(hours=hours)
        common = {"token": uuid4(), "by": OWNER, "now": self.now}
        getattr(self, gesture)(choice, cents, common)

    def earn(self, choice, cents, common):
        card = self.card(choice)
        done = add_stamp(card=card, amount_cents=cents, over_cooldown=True, **common)
        referring.reward_visit(done.movement.pk, self.now)

    def _earned(self, choice):
        lines = Movement.objects.filter(kind=MovementKind.EARN).order_by("-pk")
        return lines[choice % len(lines)] if lines else None

    def undo(self, choice, cents, common):
        if line := self._earned(choice % 3):
            undo_stamp(movement=line, lead=True, **common)
            referring.visit_gone(line.pk, self.now)

    def give_back(self, choice, cents, common):
        if line := self._earned(choice):
            card = Card.objects.get(contact=line.card.contact.merged_into or line.card.contact)
            give_back(
                card=card, movement=line, amount_cents=cents if choice % 2 else None, **common
            )
            if not stands(line):
                referring.visit_gone(line.pk, self.now)

    def redeem(self, choice, cents, common):
        won = Reward.objects.order_by("pk")
        if won:
            redeem(reward=won[choice % len(won)], **common)

    def buy(self, choice, cents, common):
        buy(card=self.card(choice), offer=the_programme().offers[0], **common)

    def merge(self, choice, cents, common):
        alias, into = self.card(choice), self.card(choice + 1)
        if alias != into:
            people = lock_people(alias.contact, into.contact)
            merge_records(*people, by=OWNER, now=self.now)

    def change(self, choice, cents, common):
        rule = the_programme()
        goal = min(max(rule.goal + (choice % 3 - 1) * rule.counts.unit, 3), 20 * rule.counts.unit)
        fate = list(Fate)[choice % 3]
        set_programme(by=OWNER, now=self.now, fate=fate, goal=goal, steps=[])

    def back(self, choice, cents, common):
        if change := ProgrammeChange.objects.order_by("-pk").first():
            undo_change(change=change, by=OWNER, now=self.now)

    def night(self, choice, cents, common):
        nights.run(self.now + timedelta(days=choice * 3))

    def holds(self):
        assert prove_cards().first == []
        for line in Movement.objects.filter(kind=MovementKind.UNDO).select_related("undoes"):
            assert line.stamps == -line.undoes.stamps
        for reward in Reward.objects.select_related("won_by").exclude(taken_back_at=None):
            assert not hasattr(reward, "redemption")
            back = Movement.objects.filter(undoes=reward.won_by).exists()
            gone = reward.won_by.followed_by.filter(kind=MovementKind.EXPIRE).exists()
            assert back != gone
        for referral in Referral.objects.filter(state=ReferralState.GIVEN):
            assert stands(referral.visit)
            assert not referral.gift.followed_by.exists()
        merged = Card.objects.exclude(contact__merged_into=None)
        assert not merged.exclude(balance=0, rewards_ready=0).exists()


STEP = st.tuples(
    st.sampled_from((*GESTURES, "night")),
    st.integers(0, 20),
    st.integers(1, 90_00),
    st.integers(0, 40),
)


@pytest.mark.parametrize("kind", list(Kind))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, min_size=8, max_size=22))
def test_balances_are_sums_and_rewards_consistent_after_any_history(shop, kind, steps):
    with transaction.atomic(), timezone.override(NOW.tzinfo):
        history = History(kind)
        for step in steps:
            with suppress(Refusal):
                history.do(*step)
            history.holds()
        transaction.set_rollback(True)
