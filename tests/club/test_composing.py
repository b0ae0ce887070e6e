"""A box is full as long as there are bottles, and never holds what its member refuses."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.club.composing import Bottle, allowed, compose

MORGON = Bottle(1, "rouge", 1490, usual=2)
MACON = Bottle(2, "blanc", 1250, usual=1)
FLEURIE = Bottle(3, "rouge", 1650)
CHABLIS = Bottle(4, "blanc", 2200)
SELECTION = [MORGON, MACON, FLEURIE, CHABLIS]


def plenty(*offered):
    return {one.variant_id: 100 for one in offered}


def test_the_shop_s_choice_is_the_box():
    assert compose(SELECTION, 3, plenty(*SELECTION)) == Counter({1: 2, 2: 1})


def test_what_is_gone_is_replaced_by_its_own_colour():
    left = plenty(*SELECTION) | {1: 1}
    assert compose(SELECTION, 3, left) == Counter({1: 1, 2: 1, 3: 1})


def test_what_the_member_refuses_is_replaced_too():
    offered = allowed(SELECTION, [], ["blanc"])
    assert compose(offered, 3, plenty(*SELECTION)) == Counter({1: 2, 3: 1})


def test_a_plan_of_one_colour_has_no_other():
    assert allowed(SELECTION, ["blanc"], []) == [MACON, CHABLIS]


def test_what_the_shop_does_not_count_is_never_short():
    assert compose([MORGON], 6, {1: None}) == Counter({1: 6})


bottles = st.lists(
    st.builds(
        Bottle,
        variant_id=st.integers(1, 6),
        colour=st.sampled_from(["rouge", "blanc", "rose"]),
        price_cents=st.sampled_from([990, 1490, 2200]),
        usual=st.integers(0, 4),
    ),
    max_size=6,
    unique_by=lambda one: one.variant_id,
)
shelves = st.dictionaries(st.integers(1, 6), st.none() | st.integers(0, 5))


@settings(max_examples=150)
@given(
    bottles, st.integers(1, 12), shelves, st.sets(st.sampled_from(["rouge", "blanc"]), max_size=2)
)
def test_a_box_is_as_full_as_the_shelves_let_it_and_holds_nothing_refused(
    selection, many, left, refused
):
    offered = allowed(selection, [], refused)
    box = compose(offered, many, left)
    there = [left.get(one.variant_id, 0) for one in offered]
    most = many if None in there else min(many, sum(units or 0 for units in there))
    assert box.total() == most
    assert all(left[pk] is None or units <= left[pk] for pk, units in box.items())
    assert set(box) <= {one.variant_id for one in offered if one.colour not in refused}
