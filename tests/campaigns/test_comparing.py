"""What chance alone does: the intervals, and what they let one say."""

from math import isclose, sqrt
from statistics import mean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.campaigns.comparing import Comparison, Share, Spent, Takings, brought, said


@st.composite
def shares(draw):
    everybody = draw(st.integers(1, 200_000))
    return Share(draw(st.integers(0, everybody)), everybody)


# Newcombe, Statistics in Medicine 17 (1998), table II, method 10 (without continuity correction).
@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_the_interval_is_the_published_one(one, other, low, high):
    found = Comparison(Share(*one), Share(*other)).interval
    assert found == pytest.approx((low, high), abs=5e-5)


@given(share=shares())
def test_what_was_seen_lies_inside(share):
    low, high = share.interval
    assert 0 <= low <= share.rate <= high <= 1


@given(share=shares(), times=st.integers(2, 50))
def test_more_people_say_more(share, times):
    low, high = share.interval
    less, more = Share(share.some * times, share.all * times).interval
    assert more - less < high - low


@given(one=shares(), other=shares())
def test_the_difference_lies_inside_and_turns_over_with_the_groups(one, other):
    found, turned = Comparison(one, other), Comparison(other, one)
    low, high = found.interval
    assert -1 <= low <= found.difference <= high <= 1
    assert isclose(low, -turned.interval[1], abs_tol=1e-12)
    assert found.concludes == turned.concludes


@given(share=shares())
def test_two_groups_alike_never_let_one_conclude(share):
    assert not Comparison(share, share).concludes


@pytest.mark.parametrize(
    ("one", "other", "sentence"),
    [
        ((90, 900), (30, 100), "Le message a fait venir entre 105 et 268 personnes de moins."),
        ((300, 900), (10, 100), "Le message a fait venir entre 138 et 259 personnes de plus."),
        (
            (10, 90),
            (1, 10),
            "Trop peu de monde pour conclure : le message a pu faire venir jusqu’à 11 personnes "
            "de plus, comme 27 personnes de moins.",
        ),
        ((10, 90), (0, 0), ""),
    ],
)
def test_what_the_owner_reads(one, other, sentence):
    assert said(Comparison(Share(*one), Share(*other))) == sentence


@pytest.mark.parametrize(
    ("share", "read"),
    [((0, 0), "0"), ((0, 9), "0"), ((98, 1000), "9,8"), ((1, 3), "33"), ((3, 3), "100")],
)
def test_a_share_is_read_the_french_way(share, read):
    assert Share(*share).percent == f"{read}\u00a0%"


def spent(*cents):
    return Spent(len(cents), sum(cents), sum(one * one for one in cents))


purchases = st.lists(st.integers(-2_000, 90_000), min_size=30, max_size=80)


@given(one=purchases, other=purchases)
def test_what_a_message_brought_is_welchs_interval_of_the_means(one, other):
    low, high = Takings(spent(*one), spent(*other)).interval
    doubt = 1.959964 * sqrt(variance(one) / len(one) + variance(other) / len(other))
    difference = mean(one) - mean(other)
    assert low == pytest.approx(len(one) * (difference - doubt), abs=1)
    assert high == pytest.approx(len(one) * (difference + doubt), abs=1)


@pytest.mark.parametrize(
    ("one", "other", "sentence"),
    [
        ([3000, 0] * 50, [0] * 40, "Il a rapporté entre 1 205 € et 1 795 € d’achats de plus."),
        ([0] * 40, [3000, 0] * 50, "Il a coûté entre 482 € et 718 € d’achats."),
        (
            [2000, 0] * 40,
            [2000, 0] * 20,
            "Sur les achats, trop peu de monde pour conclure : entre 307 € de moins et 307 € "
            "de plus.",
        ),
        (
            [2000] * 40,
            [0] * 8,
            "Sur les achats, trop peu de monde pour conclure : il en faut 30 par groupe.",
        ),
        ([0] * 40, [0] * 40, ""),
        ([2000] * 40, [], ""),
    ],
)
def test_what_the_owner_reads_of_the_money(one, other, sentence):
    said = brought(Takings(spent(*one), spent(*other)))
    assert said.replace("\u00a0", " ").replace("\u202f", " ") == sentence
