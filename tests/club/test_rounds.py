"""A round has one box for each period that is paid, and holds its bottles on the shelves."""

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Sum
from django.utils import timezone

from apps.catalog.models import Reservation, Variant
from apps.club import box_tasks, packing, rounds
from apps.club.box_models import Box, BoxState, Round, Wish
from apps.club.models import Member, Period, State
from apps.core.models import Due
from tests.club.boxing import (
    CHOOSE,
    LATER,
    MONTH,
    NOW,
    READY,
    TEAM,
    a_member,
    a_period,
    a_plan,
    a_round,
    bottle,
    box_of,
    content,
    offer,
)

pytestmark = pytest.mark.usefixtures("shop")


def held_is_what_stands_in_boxes():
    """On every shelf, and never more than there is."""
    for variant in Variant.objects.all():
        standing = Reservation.objects.standing().filter(variant=variant)
        assert variant.held == standing.aggregate(sum=Sum("units", default=0))["sum"]
    assert not Variant.objects.filter(held__gt=F("on_hand")).exists()


# --- who has a box ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "paid", "fate"),
    [
        (State.ACTIVE, True, "to pack"),
        (State.ACTIVE, False, "apart"),
        (State.LATE, True, "apart"),
        (State.LATE, False, "apart"),
        (State.LEAVING, True, "to pack"),
        (State.LEAVING, False, "apart"),
        (State.ENDED, True, "to pack"),
        (State.ENDED, False, "none"),
        (State.PAUSED, True, "none"),
        (State.PAUSED, False, "none"),
        (State.GIVEN, True, "none"),
        (State.JOINING, False, "none"),
    ],
)
def test_who_has_a_box_and_whose_waits(state, paid, fate):
    a_member(state=state, paid=paid)
    a_round((bottle(), 3))
    told = {
        "to pack": Box.objects.to_pack().count(),
        "apart": Box.objects.held_back().count(),
        "none": 1 - Box.objects.count(),
    }
    assert told == {"to pack": 0, "apart": 0, "none": 0} | {fate: 1}


def test_a_period_that_is_called_off_has_none():
    member = a_member()
    Period.objects.filter(member=member).update(state="void")
    a_round((bottle(), 3))
    assert not Box.objects.exists()


def test_a_period_that_begins_next_month_is_not_of_this_round():
    a_member(starts=date(2026, 12, 1))
    a_round((bottle(), 3))
    assert not Box.objects.exists()


def test_a_month_without_a_round_is_owed_in_the_next():
    member = a_member(starts=date(2026, 9, 4))
    a_period(member, starts=date(2026, 10, 4))
    a_round((bottle(), 3))
    assert Box.objects.filter(member=member).count() == 2


def test_who_joins_while_one_may_still_choose_is_of_this_round():
    one = a_round((bottle(), 3))
    member = a_member()
    rounds.make(one.pk, NOW)
    assert content(box_of(member)) == {"Morgon": 3}


def test_once_choices_are_closed_a_first_box_alone_comes_in():
    known = a_member()
    one = a_round((bottle(), 3))
    rounds.close_choices(one.pk, by=TEAM, now=LATER)
    a_period(known, starts=date(2026, 11, 11))  # a second one in the same month
    new = a_member(starts=date(2026, 11, 11))
    rounds.make(one.pk, LATER)
    assert Box.objects.filter(member=known).count() == 1
    assert box_of(new).round == one


def test_once_choices_are_closed_nobody_comes_in_who_would_choose():
    one = a_round((bottle(), 3), plan=a_plan(chosen_by="customer"))
    rounds.close_choices(one.pk, by=TEAM, now=LATER)
    a_member(starts=date(2026, 11, 11))
    rounds.make(one.pk, LATER)
    assert not Box.objects.exists()


def test_making_it_again_makes_nothing_twice():
    for _ in range(5):
        a_member()
    one = a_round((bottle(), 3))
    for _ in range(3):
        rounds.make(one.pk, NOW)
    assert Box.objects.count() == 5
    assert Reservation.objects.count() == 5


def test_the_database_refuses_a_second_box_for_a_period():
    a_member()
    one = a_round((bottle(), 3))
    box = Box.objects.get()
    other = Round.objects.create(month=date(2026, 12, 1), choose_until=CHOOSE, ready_on=READY)
    for where in (one, other):
        with pytest.raises(IntegrityError), transaction.atomic():
            Box.objects.create(round=where, member=box.member, period=box.period, bottles=3)


def test_a_job_that_died_half_way_goes_on(monkeypatch):
    monkeypatch.setattr(rounds, "BATCH", 2)
    monkeypatch.setattr(rounds, "BUDGET_SECONDS", -1)  # a worker that ends after each batch
    for _ in range(5):
        a_member()
    one = rounds.open_round(MONTH, choose_until=CHOOSE, ready_on=READY, by=TEAM, now=NOW)
    offer(one, (bottle(), 3))
    made = []
    while not rounds.make(one.pk, NOW):
        made.append(Box.objects.count())
    assert made == [2, 4, 5]
    held_is_what_stands_in_boxes()


def test_one_round_a_month():
    a_round()
    with pytest.raises(rounds.RoundExists, match="déjà ouvertes"):
        a_round()


# --- what stands in it -----------------------------------------------------------------------


def test_stock_is_held_and_never_more_than_there_is():
    for _ in range(4):
        a_member()
    white, other = bottle("Mâcon", "blanc", stock=2), bottle("Fleurie", stock=1)
    a_round((bottle(stock=7), 2), (white, 1), other)
    held_is_what_stands_in_boxes()
    filled = [sum(content(box).values()) for box in Box.objects.order_by("pk")]
    assert sum(filled) == 10  # all that there was
    assert filled[:3] == [3, 3, 3]


def test_a_colour_a_member_refuses_is_replaced():
    member = a_member()
    Wish.objects.create(member=member, refused=["blanc"])
    a_round((bottle(), 2), (bottle("Mâcon", "blanc"), 1), bottle("Fleurie"))
    assert content(box_of(member)) == {"Morgon": 2, "Fleurie": 1}


def test_a_selection_that_changes_fills_the_boxes_that_nobody_chose_anew(run_jobs):
    member = a_member()
    one = a_round((bottle(), 3))
    offer(one, (bottle("Fleurie"), 3))
    run_jobs()
    assert content(box_of(member)) == {"Fleurie": 3}
    held_is_what_stands_in_boxes()


def test_a_box_of_a_member_who_chooses_is_empty_until_choices_close(run_jobs):
    member = a_member(a_plan(chosen_by="customer"))
    one = a_round((bottle(), 3))
    assert content(box_of(member)) == {}
    rounds.close_choices(one.pk, by=TEAM, now=LATER)
    run_jobs()
    assert content(box_of(member)) == {"Morgon": 3}


def test_the_shop_s_choice_is_no_larger_than_the_box():
    with pytest.raises(rounds.TooManyUsual, match="4 bouteilles ; la formule en a 3"):
        a_plan() and a_round((bottle(), 4))


def test_what_may_be_offered_is_of_the_plan_s_colours():
    bottle("Mâcon", "blanc"), bottle("Morgon")
    plan = a_plan(colours=["blanc"])
    assert [one.product.name for one in rounds.suitable(plan)] == ["Mâcon"]


# --- its end ---------------------------------------------------------------------------------


def test_a_round_is_not_closed_while_a_box_is_to_be_packed_or_fetched():
    a_member()
    one = a_round((bottle(), 3))
    with pytest.raises(rounds.StillToPack, match="reste 1 box"):
        rounds.close(one.pk, by=TEAM, now=LATER)
    packing.pack(Box.objects.get().pk, by=TEAM, now=LATER)
    with pytest.raises(rounds.StillToPack):
        rounds.close(one.pk, by=TEAM, now=LATER)


def test_what_waits_for_its_payment_goes_over_to_the_next_round():
    member = a_member(paid=False)
    one = a_round((bottle(stock=3), 3))
    rounds.close(one.pk, by=TEAM, now=LATER)
    assert Variant.objects.get().available == 3
    Period.objects.update(state="paid", paid_at=LATER)
    days = {"choose_until": date(2026, 12, 10), "ready_on": date(2026, 12, 14)}
    december = rounds.open_round(date(2026, 12, 1), **days, by=TEAM, now=LATER)
    offer(december, Variant.objects.get())
    rounds.make(december.pk, LATER)
    assert box_of(member).round == december


def test_a_closed_round_takes_no_more_boxes():
    one = a_round((bottle(), 3))
    rounds.close(one.pk, by=TEAM, now=LATER)
    a_member()
    assert rounds.make(one.pk, LATER)
    assert not Box.objects.exists()
    with pytest.raises(rounds.RoundOver):
        offer(one, bottle("Fleurie"))


# --- the clock -------------------------------------------------------------------------------


def test_choices_close_by_themselves_the_night_after_their_last_day(run_jobs):
    member = a_member(a_plan(chosen_by="customer"))
    one = a_round((bottle(), 3))
    rounds.run_due(NOW)
    assert Round.objects.get().chosen_at is None
    rounds.run_due(LATER)
    rounds.run_due(LATER)
    run_jobs()
    assert Round.objects.get(pk=one.pk).chosen_at == LATER
    assert content(box_of(member)) == {"Morgon": 3}


def test_a_round_opens_by_itself_on_the_shop_s_day_once(shop, run_jobs):
    a_member()
    rounds.save_rule({"opens_on": 2, "choose_days": 8, "pack_days": 4}, by=TEAM, now=NOW)
    for _ in range(2):
        rounds.run_due(NOW)
    one = Round.objects.get()
    assert (one.month, one.choose_until, one.ready_on) == (MONTH, CHOOSE, READY)
    assert rounds.next_moment(NOW) == rounds.end_of_choice(one)
    run_jobs()
    assert Box.objects.count() == 1


def test_before_its_day_a_round_waits():
    rounds.save_rule({"opens_on": 5}, by=TEAM, now=NOW)
    rounds.run_due(NOW)
    assert not Round.objects.exists()
    assert Due.objects.get(what=rounds.DUE).at == rounds._midnight(date(2026, 11, 5))


def test_a_shop_that_lost_its_next_moment_has_it_again(shop):
    one = a_round((bottle(), 3), now=timezone.now())
    days = {"choose_until": timezone.localdate(), "ready_on": timezone.localdate()}
    rounds.change_days(one.pk, **days, by=TEAM, now=NOW)
    Due.objects.all().delete()
    connection.set_schema_to_public()
    box_tasks.sweep()
    connection.set_tenant(shop)
    assert Due.objects.get(what=rounds.DUE).at > timezone.now()


# --- what the money says ---------------------------------------------------------------------


def test_a_period_that_is_called_off_gives_its_bottles_back(run_jobs):
    member = a_member()
    a_round((bottle(stock=3), 3))
    packing.pack(box_of(member).pk, by=TEAM, now=LATER)
    Period.objects.update(state="void")
    for _ in range(2):
        box_tasks.period_settled(Period.objects.get().pk)
    assert Box.objects.get().state == BoxState.CANCELLED
    variant = Variant.objects.get()
    assert (variant.on_hand, variant.held) == (3, 0)


def test_who_has_left_without_paying_has_no_box():
    member = a_member(paid=False)
    a_round((bottle(stock=3), 3))
    Member.objects.update(state=State.ENDED, ended_at=LATER)
    packing.follow(member.pk, LATER)
    assert Box.objects.get().state == BoxState.CANCELLED
    assert Variant.objects.get().available == 3


def test_who_comes_back_from_a_pause_has_their_box(run_jobs):
    member = a_member(state=State.PAUSED)
    a_round((bottle(), 3))
    assert not Box.objects.exists()
    Member.objects.update(state=State.ACTIVE)
    box_tasks.member_moved(member.pk)
    assert content(box_of(member)) == {"Morgon": 3}
