"""Limits counted together, in one statement, in their order."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.ratelimit import Limit, TooMany, allowed, first_over, spend_each

OWN, ALL = Limit("t:own", 2, 60), Limit("t:all", 3, 60)


def test_the_first_limit_that_is_over_is_named(shop):
    told = [first_over((OWN, "a"), (ALL, "")) for _ in range(3)]
    assert told == [None, None, OWN]


def test_whoever_is_over_their_own_limit_takes_nothing_of_everybodys(shop):
    for _ in range(9):
        first_over((OWN, "a"), (ALL, ""))
    assert first_over((OWN, "b"), (ALL, "")) is None
    assert first_over((OWN, "b"), (ALL, "")) == ALL


def test_together_and_alone_they_count_the_same(shop):
    assert all(allowed(OWN, "a") for _ in range(2))
    with pytest.raises(TooMany):
        spend_each((ALL, ""), (OWN, "a"))


def test_a_window_that_ended_begins_anew(shop):
    now = timezone.now()
    assert [first_over((OWN, "a"), now=now) for _ in range(3)][-1] == OWN
    assert first_over((OWN, "a"), now=now + timedelta(seconds=60)) is None
