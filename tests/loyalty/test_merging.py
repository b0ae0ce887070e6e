"""Two records become one, and a number changes: nothing gathered is lost."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.core.actor import Actor
from apps.loyalty.merging import lock_people, merge_records
from apps.loyalty.models import Card, MergeRule, Movement
from apps.loyalty.services import add_stamp, redeem
from apps.loyalty.verifying import prove_cards
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

OWNER = Actor("team", 1)
NOW = timezone.now()


def holding(stamps, **person):
    card = CardFactory(contact=ContactFactory(**person))
    for turn in range(stamps):
        now = NOW - timedelta(days=stamps - turn)
        add_stamp(card=card, token=uuid4(), by=OWNER, now=now)
    return card


def merged(alias, into):
    merge_records(*lock_people(alias.contact, into.contact), by=OWNER, now=NOW)
    assert prove_cards().wrong == 0
    return Card.objects.get(pk=into.pk)


@pytest.mark.parametrize(
    ("rule", "held", "expected"),
    [
        (MergeRule.SUM, (3, 4), (7, 0)),
        (MergeRule.SUM, (6, 7), (3, 1)),
        (MergeRule.BETTER, (3, 4), (4, 0)),
        (MergeRule.BETTER, (6, 2), (6, 0)),
        (MergeRule.BETTER, (13, 2), (3, 1)),
    ],
)
def test_the_balance_is_what_the_shops_rule_says(shop, rule, held, expected):
    ProgrammeFactory(goal=10, cooldown_minutes=0, merge_rule=rule)
    card = merged(*map(holding, held))
    assert (card.balance, card.rewards_ready) == expected


def test_both_histories_and_rewards_stay_and_nothing_written_is_rewritten(shop):
    ProgrammeFactory(goal=3, cooldown_minutes=0)
    alias, into = holding(4), holding(2)
    before = {line.pk: (line.card_id, line.stamps) for line in Movement.objects.all()}
    card = merged(alias, into)
    kept = Movement.objects.filter(pk__in=before)
    assert {line.pk: (line.card_id, line.stamps) for line in kept} == before
    assert (card.balance, card.rewards_ready, card.year_visits) == (0, 2, 6)
    for reward in card.rewards.all():
        redeem(reward=reward, token=uuid4(), by=OWNER, now=NOW)
    assert prove_cards().wrong == 0


def test_another_phone_number_keeps_the_card_and_all_that_is_on_it(owner_client, shop):
    ProgrammeFactory(goal=10, cooldown_minutes=0)
    card = holding(12, phone="+33612345684", phone_mobile=True, first_name="Camille")
    before = Card.objects.get(pk=card.pk)
    form = {"first_name": "Camille", "phone": "06 98 76 54 32", "language": "fr", "adult": "on"}
    answer = owner_client.post(f"/gestion/clients/{card.contact_id}/modifier/", form)
    assert answer.status_code == 302
    after = Card.objects.select_related("contact").get(pk=card.pk)
    assert after.contact.phone == "+33698765432"
    assert (after.token, after.number) == (before.token, before.number)
    assert (after.balance, after.rewards_ready, after.year_visits) == (2, 1, 12)
