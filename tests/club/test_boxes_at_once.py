"""Two people packing, two workers making the same round, a rush on the last bottles."""

from collections import Counter
from uuid import uuid4

from django.db.models import F, Sum

from apps.catalog.models import StockMove, Variant
from apps.club import boxes, packing, rounds
from apps.club.box_models import Box, BoxLine, BoxState
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from tests.club.boxing import LATER, NOW, TEAM, a_member, a_plan, a_round, bottle


def never_more_than_there_is():
    held = BoxLine.objects.filter(reservation__ended_at=None).values("variant")
    sums = dict(held.annotate(sum=Sum("units")).values_list("variant", "sum"))
    shelves = Variant.objects.all()
    assert not shelves.filter(held__gt=F("on_hand")).exists()
    assert {v.pk: v.held for v in shelves if v.held} == sums


def test_four_workers_making_the_same_round_make_each_box_once(committed, monkeypatch):
    monkeypatch.setattr(rounds, "BATCH", 7)

    def unmade(_):
        plan = a_plan()
        one = a_round((bottle(stock=50), 2), (bottle("Mâcon", "blanc", stock=20), 1), plan=plan)
        for _ in range(30):
            a_member(plan)
        return one.pk

    (pk,) = committed(unmade, None)
    done = committed(lambda _: rounds.make(pk, NOW), *range(4))
    assert done == [True] * 4

    def told(_):
        never_more_than_there_is()
        return Box.objects.count(), BoxLine.objects.aggregate(sum=Sum("units"))["sum"]

    assert committed(told, None) == [(30, 70)]


def test_a_round_filled_while_members_choose_promises_nothing_twice(committed):
    def opened(_):
        plan = a_plan(chosen_by="customer")
        last, more = bottle(stock=6), bottle("Fleurie", stock=12)
        one = a_round((last, 3), more, plan=plan)
        for _ in range(6):
            a_member(plan)
        rounds.make(one.pk, NOW)
        mine = list(Box.objects.values_list("pk", flat=True))
        return one.pk, last.pk, mine

    ((one, last, mine),) = committed(opened, None)

    def act(what):
        if what is None:
            rounds.close_choices(one, by=TEAM, now=NOW)
            return rounds.fill(one, 0, NOW)
        return boxes.choose(what, {last: 3}, by=Actor("customer", 1), now=NOW)

    committed(act, None, *mine, None)

    def told(_):
        never_more_than_there_is()
        return BoxLine.objects.aggregate(sum=Sum("units"))["sum"]

    assert committed(told, None) == [18]


def test_two_people_ticking_the_same_boxes_pull_each_bottle_once(committed):
    def opened(_):
        plan = a_plan()
        for _ in range(6):
            a_member(plan)
        a_round((bottle("Mâcon", "blanc", stock=9), 1), (bottle(stock=20), 2))
        return list(Box.objects.order_by("pk").values_list("pk", flat=True))

    (pks,) = committed(opened, None)

    def pack_all(order):
        return [packing.pack(pk, by=TEAM, now=LATER).state for pk in order]

    done = committed(pack_all, pks, pks[::-1], pks)
    assert done == [[BoxState.PACKED] * 6] * 3

    def told(_):
        moves = StockMove.objects.filter(cause="sale").values_list(
            "variant__product__name", "units"
        )
        pulled = Counter()
        for name, units in moves:
            pulled[name] += units
        return pulled, sorted(Variant.objects.values_list("on_hand", "held"))

    assert committed(told, None) == [({"Mâcon": -6, "Morgon": -12}, [(3, 0), (8, 0)])]


def test_ticked_taken_back_and_handed_over_at_once_ends_in_one_way(committed):
    def opened(_):
        a_member()
        a_round((bottle(stock=3), 3))
        box = Box.objects.get()
        packing.pack(box.pk, by=TEAM, now=LATER)
        return box.pk

    (pk,) = committed(opened, None)

    def act(turn):
        if turn % 2:
            return packing.unpack(pk, by=TEAM, now=LATER)
        told = {"gesture": uuid4(), "id_checked": True, "by": TEAM, "now": LATER}
        return packing.hand_over(pk, **told)

    results = committed(act, *range(6))

    def told(_):
        return Box.objects.get().state, Variant.objects.get().on_hand

    (ended,) = committed(told, None)
    assert ended in {(BoxState.HANDED, 0), (BoxState.OPEN, 3)}
    assert sum(isinstance(one, Refusal) for one in results) >= 2


def test_impatient_taps_skip_once(committed):
    def opened(_):
        a_member()
        a_round((bottle(stock=3), 3))
        rounds.save_rule({"skips_a_year": 1}, by=TEAM, now=NOW)
        return Box.objects.get().pk

    (pk,) = committed(opened, None)
    results = committed(lambda _: boxes.skip(pk, by=Actor("customer", 1), now=NOW), *range(5))
    assert not [one for one in results if isinstance(one, Refusal)]
    assert committed(lambda _: Variant.objects.get().held, None) == [0]
