"""The owner changes the programme: asked what becomes of the cards, and back within a day."""

from datetime import time, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.audit.models import Entry
from apps.core.actor import Actor
from apps.loyalty.models import Card, Fate, Movement, ProgrammeChange
from apps.loyalty.programme import (
    ChangeTooOld,
    effects,
    fates,
    last_change,
    set_programme,
    undo_change,
)
from apps.loyalty.rule import Kind
from apps.loyalty.services import add_stamp, give_back, redeem, the_programme, undo_stamp
from apps.loyalty.verifying import prove_cards
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

OWNER = Actor("team", 1, place="office")
NOW = timezone.now()
LATER = NOW + timedelta(hours=2)
EURO = {"kind": "euros", "goal": 100_00}


@pytest.fixture
def programme(shop):
    return ProgrammeFactory(goal=10, cooldown_minutes=0, helper_hourly_limit=1000)


def cards(*balances):
    """Cards whose ledger holds so many stamps."""
    made = [CardFactory() for _one in balances]
    for card, balance in zip(made, balances, strict=True):
        for _turn in range(balance):
            stamp(card, at=NOW - timedelta(days=1))
    return made


def stamp(card, cents=None, at=LATER):
    return add_stamp(card=card, token=uuid4(), by=OWNER, now=at, amount_cents=cents)


def change(**more):
    fate = more.pop("fate", Fate.KEEP)
    set_programme(by=OWNER, now=NOW, fate=fate, **more)


def back(at=LATER + timedelta(hours=1)):
    undo_change(change=ProgrammeChange.objects.latest("pk"), by=OWNER, now=at)


def balances(*of):
    assert prove_cards().wrong == 0
    return [Card.objects.get(pk=card.pk).balance for card in of]


def test_the_effect_is_told_in_numbers_before(programme):
    cards(0, 1, 7, 9)
    wanted = the_programme()
    wanted.goal = 8
    keep, convert, zero = effects(the_programme(), wanted)
    assert (keep.fate, keep.cards, keep.changed, keep.full) == (Fate.KEEP, 3, 0, 1)
    assert (convert.changed, convert.full, convert.empty) == (3, 0, 1)
    assert (zero.changed, zero.empty) == (3, 3)


def test_a_stamp_is_no_euro_so_it_is_not_kept_as_one(programme):
    wanted = the_programme()
    wanted.kind = Kind.EUROS
    assert fates(the_programme(), wanted) == [Fate.CONVERT, Fate.ZERO]
    wanted.kind = Kind.VISITS
    assert fates(the_programme(), wanted) == list(Fate)


@pytest.mark.parametrize(
    ("fate", "expected"),
    [(Fate.KEEP, [0, 3, 9]), (Fate.CONVERT, [0, 2, 7]), (Fate.ZERO, [0, 0, 0])],
)
def test_the_cards_become_what_was_chosen_and_back_again(programme, fate, expected):
    held = cards(0, 3, 9)
    change(goal=8, fate=fate)
    assert balances(*held) == expected
    back()
    assert (balances(*held), the_programme().goal) == ([0, 3, 9], 10)
    assert Entry.objects.filter(verb="undo_programme").exists()


def test_a_correction_says_its_cause_and_its_author(programme):
    cards(5)
    change(**EURO, fate=Fate.CONVERT)
    line = Movement.objects.get(kind="correct")
    cause = ProgrammeChange.objects.get().cause
    assert (line.cause, line.actor_id, line.place, line.stamps) == (cause, 1, "office", 49_95)


def test_what_was_done_since_counts_under_the_old_rule_when_it_is_taken_back(programme):
    quiet, came, undone, returned, winner = held = cards(3, 4, 5, 6, 7)
    change(**EURO, fate=Fate.CONVERT)
    assert balances(*held) == [30_00, 40_00, 50_00, 60_00, 70_00]
    stamp(came, 12_00)
    one = stamp(undone, 9_00)
    undo_stamp(movement=one.movement, token=uuid4(), by=OWNER, now=LATER)
    one = stamp(returned, 30_00)
    give_back(card=returned, movement=one.movement, token=uuid4(), by=OWNER, now=LATER)
    assert stamp(winner, 35_00).reward is not None
    back()
    assert balances(quiet, came, undone, returned, winner) == [3, 5, 5, 6, 8]
    assert Card.objects.get(pk=winner.pk).rewards_ready == 0


def test_a_reward_handed_over_since_stays_handed_over(programme):
    (card,) = cards(9)
    change(**EURO, fate=Fate.CONVERT)
    won = stamp(card, 20_00)
    redeem(reward=won.reward, token=uuid4(), by=OWNER, now=LATER)
    back()
    assert balances(card) == [0]
    kept = Card.objects.get(pk=card.pk)
    assert (kept.rewards_ready, kept.rewards.count()) == (1, 2)


def test_taken_back_twice_is_taken_back_once_and_not_after_a_day_or_another_change(programme):
    (card,) = cards(5)
    change(goal=8, fate=Fate.ZERO)
    first = last_change(LATER)
    for _twice in range(2):
        back()
    assert balances(card) == [5]
    change(goal=6)
    with pytest.raises(ChangeTooOld):
        undo_change(
            change=ProgrammeChange.objects.latest("pk"), by=OWNER, now=NOW + timedelta(hours=25)
        )
    change(goal=7)
    assert first.undone_at is None
    assert last_change(NOW + timedelta(hours=25)) is None


def test_the_rule_comes_back_whole(programme):
    set_programme(
        by=OWNER, now=NOW, bonus_times=2, bonus_days="26", bonus_from=time(14), reward="Un thé"
    )
    change(**EURO, reward="Dix euros", bonus_times=1, bonus_from=None)
    back()
    rule = the_programme()
    assert (rule.kind, rule.bonus_times, rule.bonus_days) == ("stamps", 2, "26")
    assert (rule.bonus_from, rule.reward) == (time(14), "Un thé")


def test_a_card_that_was_merged_away_is_left_alone(programme):
    card, alias = cards(5, 4)
    alias.contact.merged_into = card.contact
    alias.contact.save()
    change(goal=8, fate=Fate.ZERO)
    assert balances(card, alias) == [0, 4]
    back()
    assert balances(card, alias) == [5, 4]


def test_who_joins_meanwhile_keeps_what_they_gather(programme):
    change(**EURO, fate=Fate.CONVERT)
    card = CardFactory(contact=ContactFactory())
    stamp(card, 20_00)
    back()
    assert balances(card) == [1]


def test_a_page_asks_and_takes_back(owner_client, programme):
    (card,) = cards(5)
    form = {
        "kind": "points",
        "goal": 100,
        "reward": "Un repas",
        "points_per_euro": 1,
        "cooldown_minutes": 0,
        "helper_hourly_limit": 60,
        "step1_at": 30,
        "step1_label": "Un café",
    }
    asked = owner_client.post("/gestion/fidelite/", form)
    assert asked.status_code == 422
    assert "Que deviennent les cartes" in asked.content.decode()
    agreed = {**form, "agreed": "points:100", "fate": "keep"}
    assert owner_client.post("/gestion/fidelite/", agreed).status_code == 422
    assert owner_client.post("/gestion/fidelite/", {**agreed, "fate": "convert"}).status_code == 302
    assert balances(card) == [50]
    assert [offer.at for offer in the_programme().offers] == [30, 100]
    change_id = ProgrammeChange.objects.get().pk
    owner_client.post(f"/gestion/fidelite/changement/{change_id}/annuler/")
    assert balances(card) == [5]
