"""What a member does with a box before it is packed: chooses, swaps, skips; in time, or not."""

from datetime import date

import pytest

from apps.catalog.models import Variant
from apps.club import boxes, packing, rounds
from apps.club.box_models import Box, BoxState
from apps.club.models import MemberEvent
from apps.club.story import lines
from apps.core.actor import Actor
from tests.club.boxing import (
    LATER,
    NOW,
    TEAM,
    a_member,
    a_plan,
    a_round,
    bottle,
    box_of,
    content,
)

pytestmark = pytest.mark.usefixtures("shop")
CUSTOMER = Actor("customer", 1)


@pytest.fixture
def cellar(shop):
    """Of two prices and colours."""
    return {
        "morgon": bottle("Morgon", "rouge", 1490),
        "fleurie": bottle("Fleurie", "rouge", 1490, stock=4),
        "macon": bottle("Mâcon", "blanc", 1490),
        "chablis": bottle("Chablis", "blanc", 2200),
    }


@pytest.fixture
def box(cellar):
    """Of a member who chooses."""
    member = a_member(a_plan(chosen_by="customer"))
    a_round(*cellar.values())
    return box_of(member)


def choose(box, now=NOW, by=CUSTOMER, **wanted):
    named = {v.product.name.lower(): v.pk for v in Variant.objects.select_related("product")}
    named["macon"] = named.pop("mâcon")
    return boxes.choose(box.pk, {named[n]: units for n, units in wanted.items()}, by=by, now=now)


# --- chosen ----------------------------------------------------------------------------------


def test_a_member_chooses_and_changes_their_mind(box, cellar):
    choose(box, morgon=2, macon=1)
    assert content(box) == {"Morgon": 2, "Mâcon": 1}
    choose(box, fleurie=3)
    assert content(box) == {"Fleurie": 3}
    held = {v.product.name: v.held for v in Variant.objects.all()}
    assert held == {"Morgon": 0, "Mâcon": 0, "Fleurie": 3, "Chablis": 0}


def test_what_was_chosen_stays_when_choices_close(box, cellar, run_jobs):
    choose(box, fleurie=3)
    rounds.close_choices(box.round_id, by=TEAM, now=LATER)
    run_jobs()
    assert content(box) == {"Fleurie": 3}


@pytest.mark.parametrize("many", [0, 2, 4])
def test_a_choice_is_as_large_as_the_box(box, many):
    with pytest.raises(boxes.NotThatMany, match="compte 3 bouteilles"):
        choose(box, morgon=many)


def test_nobody_takes_a_bottle_more_than_there_is(box, cellar):
    other = a_member(box.member.plan)
    rounds.make(box.round_id, NOW)
    choose(box_of(other), fleurie=3)
    choose(box, fleurie=1, morgon=2)
    with pytest.raises(boxes.filling.BottleShort, match="Fleurie : il n’en reste que 1"):
        choose(box, fleurie=3)
    assert content(box) == {"Fleurie": 1, "Morgon": 2}


def test_what_is_not_offered_is_not_chosen(box):
    with pytest.raises(boxes.NotOffered):
        boxes.choose(box.pk, {bottle("Pomerol").pk: 3}, by=CUSTOMER, now=NOW)


def test_a_colour_the_plan_has_not_is_not_chosen(cellar):
    member = a_member(a_plan(chosen_by="customer", colours=["blanc"]))
    a_round(*cellar.values())
    with pytest.raises(boxes.NotOffered):
        choose(box_of(member), morgon=3)


@pytest.mark.parametrize("late", ["the day has passed", "choices are closed", "packed"])
def test_too_late_is_said_and_the_team_still_may(box, late, run_jobs):
    at = LATER if late == "the day has passed" else NOW
    if late != "the day has passed":
        rounds.close_choices(box.round_id, by=TEAM, now=NOW)
        run_jobs()
    if late == "packed":
        packing.pack(box.pk, by=TEAM, now=NOW)
        with pytest.raises(boxes.TooLate):
            choose(box, at, TEAM, morgon=3)
    else:
        choose(box, at, TEAM, morgon=3)
    with pytest.raises(boxes.TooLate, match="ne se change plus"):
        choose(box, at, morgon=3)


def test_a_choice_may_be_left_to_the_shop(box, run_jobs):
    choose(box, morgon=3)
    boxes.leave_to_shop(box.pk, by=CUSTOMER, now=NOW)
    assert content(box) == {}
    rounds.close_choices(box.round_id, by=TEAM, now=LATER)
    run_jobs()
    assert sum(content(box).values()) == 3


# --- swapped ---------------------------------------------------------------------------------


@pytest.fixture
def composed(cellar):
    """Of a member whose box the shop composes: two Morgon and a Mâcon."""
    member = a_member()
    macon, fleurie, chablis = cellar["macon"], cellar["fleurie"], cellar["chablis"]
    a_round((cellar["morgon"], 2), (macon, 1), fleurie, chablis)
    return box_of(member)


def swap(box, cellar, out, into, *, by=CUSTOMER):
    return boxes.swap(box.pk, cellar[out].pk, cellar[into].pk, by=by, now=NOW)


def test_a_bottle_is_swapped_for_one_of_its_price(composed, cellar):
    swap(composed, cellar, "morgon", "fleurie")
    assert content(composed) == {"Morgon": 1, "Mâcon": 1, "Fleurie": 1}


def test_a_swap_for_another_price_is_refused_with_the_difference(composed, cellar):
    with pytest.raises(boxes.OtherPrice, match="7,10\xa0€ de plus"):
        swap(composed, cellar, "morgon", "chablis")
    swap(composed, cellar, "morgon", "chablis", by=TEAM)
    with pytest.raises(boxes.OtherPrice, match="7,10\xa0€ de moins"):
        swap(composed, cellar, "chablis", "fleurie")


def test_a_bottle_that_is_gone_meanwhile_is_not_swapped_again(composed, cellar):
    swap(composed, cellar, "macon", "fleurie")
    with pytest.raises(boxes.NotInTheBox):
        swap(composed, cellar, "macon", "fleurie")


def test_a_selection_that_changes_leaves_a_swapped_box(composed, cellar, run_jobs):
    swap(composed, cellar, "morgon", "fleurie")
    rounds.select(
        composed.round_id,
        composed.member.plan,
        [rounds.OfferWords(cellar["chablis"].pk, 3)],
        words="",
        by=TEAM,
    )
    run_jobs()
    assert content(composed) == {"Morgon": 1, "Mâcon": 1, "Fleurie": 1}


# --- refused colours -------------------------------------------------------------------------


def test_who_refuses_a_colour_has_their_open_box_composed_anew(composed):
    boxes.refuse_colours(composed.member_id, ["blanc"], by=CUSTOMER, now=NOW)
    assert content(composed) == {"Morgon": 2, "Fleurie": 1}


# --- skipped ---------------------------------------------------------------------------------


def test_a_skipped_box_gives_its_bottles_back_and_comes_with_the_next(composed):
    boxes.skip(composed.pk, by=CUSTOMER, now=NOW)
    assert not Variant.objects.filter(held__gt=0).exists()
    assert not Box.objects.standing().exists()
    days = {"choose_until": date(2026, 12, 9), "ready_on": date(2026, 12, 12)}
    december = rounds.open_round(date(2026, 12, 1), **days, by=TEAM, now=LATER)
    rounds.make(december.pk, LATER)
    assert box_of(composed.member).round == december


def test_so_often_a_year_as_the_shop_says(composed):
    rounds.save_rule({"skips_a_year": 1}, by=TEAM, now=NOW)
    boxes.skip(composed.pk, by=CUSTOMER, now=NOW)
    boxes.skip(composed.pk, by=CUSTOMER, now=NOW)  # the same one again
    second = Box.objects.get(pk=composed.pk)
    second.pk, second.skipped_at, second.state = None, None, BoxState.OPEN
    second.round = rounds.open_round(
        date(2026, 12, 1), choose_until=LATER.date(), ready_on=LATER.date(), by=TEAM, now=NOW
    )
    second.save()
    with pytest.raises(boxes.NoSkipLeft, match="déjà passé 1 box"):
        boxes.skip(second.pk, by=CUSTOMER, now=NOW)


def test_a_shop_may_let_nobody_skip(composed):
    rounds.save_rule({"skips_a_year": 0}, by=TEAM, now=NOW)
    with pytest.raises(boxes.NeverSkips):
        boxes.skip(composed.pk, by=CUSTOMER, now=NOW)


def test_a_skip_is_taken_back_in_time(composed):
    boxes.skip(composed.pk, by=CUSTOMER, now=NOW)
    boxes.take_again(composed.pk, by=CUSTOMER, now=NOW)
    assert content(composed) == {"Morgon": 2, "Mâcon": 1}
    assert boxes.skips_left(composed.member, 2026) == 2
    boxes.skip(composed.pk, by=CUSTOMER, now=NOW)
    with pytest.raises(boxes.TooLate):
        boxes.take_again(composed.pk, by=CUSTOMER, now=LATER)


def test_after_the_last_day_nobody_skips(composed):
    with pytest.raises(boxes.TooLate):
        boxes.skip(composed.pk, by=CUSTOMER, now=LATER)


def test_the_story_tells_it_in_words_and_keeps_ids_alone(composed, cellar):
    swap(composed, cellar, "morgon", "fleurie")
    boxes.skip(composed.pk, by=CUSTOMER, now=NOW)
    told = [line.said for line in lines(composed.member)]
    assert "Box de novembre 2026 reportée à la suivante." in told
    assert set(MemberEvent.objects.latest("pk").words) == {"box", "month_on"}
