"""A code scanned without signal is judged by when that was; late, it is stamped and listed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.counter.models import Gesture
from apps.counter.passes import read_clock, write_clock
from apps.loyalty import live_code
from apps.loyalty.models import Card, Movement
from apps.review.models import Case
from apps.review.queries import cases, lines
from apps.review.services import undo
from tests.counter.test_drain import gesture, millis, states
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_cache")]
HOUR = timedelta(hours=1)


@pytest.fixture
def card(shop):
    ProgrammeFactory(goal=4, cooldown_minutes=30, watch_hours=False)
    return CardFactory(contact=ContactFactory(first_name="Zoé", last_name="Roux"))


def told():
    return [line.sentence for line in lines(cases(decided=False), timezone.now())]


@pytest.mark.parametrize("skew", [timedelta(), 400 * timedelta(days=1), -5 * HOUR])
def test_a_code_that_was_fresh_when_it_was_scanned_is_worth_a_stamp(helper_client, card, skew):
    """Whatever the phone's own clock says: what it lacks to ours is signed."""
    then = timezone.now() - 3 * HOUR
    told_then = gesture(
        at=then - skew, code=live_code.code_of(card.number, then), clock=write_clock(skew)
    )
    assert states(helper_client, told_then, clock=timezone.now() - skew) == ["accepted"]
    assert Movement.objects.get().card == card
    assert told() == []


def test_a_code_that_was_over_goes_to_the_list_and_not_to_the_bin(helper_client, helper, card):
    then = timezone.now() - 3 * HOUR
    code = live_code.code_of(card.number, then - timedelta(minutes=12))
    late = gesture(at=then, code=f"https://cave.exemple.fr/c/{code}/", card=card.pk)
    assert states(helper_client, late, late) == ["accepted", "done"]
    (said,) = told()
    assert said.startswith(f"Sans réseau, {helper.get_short_name()} a tamponné la carte de Zoé")
    assert "un code vieux de 12 minutes" in said
    undo(Case.objects.get().pk, by=Actor("team", helper.pk), now=timezone.now())
    assert Card.objects.get(pk=card.pk).balance == 0


def test_a_letter_that_lies_of_its_clock_makes_no_code_fresh(helper_client, card):
    shown = timezone.now() - 2 * HOUR
    code = live_code.code_of(card.number, shown)
    now = gesture(at=timezone.now(), code=code, clock=write_clock(timedelta()))
    lie = timezone.now() + 2 * HOUR
    assert states(helper_client, now, clock=lie) == ["accepted"]
    assert [case.kind for case in Case.objects.all()] == ["late-code"]


def test_a_code_of_nobody_or_not_of_ours_is_refused_and_to_be_seen_to(helper_client, card):
    code = live_code.code_of(987_654, timezone.now())
    forged = live_code.code_of(card.number, timezone.now())[:-2] + "AA"
    refused = [gesture(code=code), gesture(code=forged, card=card.pk)]
    assert states(helper_client, *refused) == ["refused", "refused"]
    assert not Movement.objects.exists()
    assert Gesture.objects.to_settle().count() == 2


def test_the_neighbours_word_of_a_clock_says_nothing_here(shop, other_shop):
    with in_schema(other_shop.schema_name):
        theirs = write_clock(HOUR)
    assert read_clock(theirs) is None
    assert read_clock(write_clock(HOUR)) == HOUR
    assert read_clock("x") is None


def test_a_phone_is_told_what_its_clock_lacks(helper_client, card):
    slow = timezone.now() - HOUR
    said = helper_client.get("/comptoir/hors-ligne/etat/", {"a": millis(slow)}).json()
    assert abs(read_clock(said["clock"]) - HOUR) < timedelta(seconds=30)
    for odd in ("", "x", "9" * 20):
        assert helper_client.get("/comptoir/hors-ligne/etat/", {"a": odd}).json()["clock"] == ""
