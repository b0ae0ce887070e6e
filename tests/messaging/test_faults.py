"""An operator that misbehaves for an hour, the real adapter, and a clock that the test turns.

Whatever it did, in the end its books hold each number once at most, every message says what the
books say, and a French sentence says why.
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from itertools import pairwise

import pytest

from apps.messaging import draining, outbox
from apps.messaging.models import Attempt, Message, Status
from apps.messaging.providers import provider_of, twilio
from apps.messaging.reasons import say
from config.processes import free_port
from tests.factories import ContactFactory
from tests.messaging.peers import (
    breaks_off,
    hangs_up,
    http_peer,
    says,
    twilio_error,
    twilio_message,
)
from tests.outbox import post_to

pytestmark = pytest.mark.django_db
FRIDAY = datetime(2026, 11, 20, 10, tzinfo=UTC)
MANY = 6
FINAL = {Status.SENT, Status.FAILED, Status.CANCELLED, Status.UNKNOWN}
SILENT = say("no such code at all")  # what is said of what nobody foresaw


class Operator:
    """Takes messages into its books, and answers as ``mood`` says."""

    def __init__(self, peer, settings):
        self.peer, self.settings = peer, settings
        self.now, self.mood, self.books, self.asked = FRIDAY, "well", [], []
        peer.answer = self.answer

    moods = {
        "well": (True, None),
        "429": (False, says(429, twilio_error(20429, 429), Retry_After="900")),
        "503": (False, says(503, twilio_error(20503, 503))),
        "500": (False, says(500, "<html>")),
        "500, and taken": (True, says(500, "<html>")),
        "half an answer": (True, breaks_off),
        "hangs up": (False, hangs_up),
        "hangs up, and taken": (True, hangs_up),
        "no JSON": (True, says(201, "<html>201</html>")),
    }

    def answer(self, handler, call):
        if call.method == "GET":
            found = [sms for sms in self.books if sms["to"] == call.query["To"]]
            says(200, {"messages": found, "next_page_uri": None})(handler, call)
            return
        takes, spoilt = self.moods[self.mood]
        self.asked.append((call.form["To"], self.now))
        made = format_datetime(self.now)
        sms = twilio_message(call, sid=f"SM{len(self.asked):032d}", date_created=made)
        if takes:
            self.books.append(sms)
        (spoilt or says(201, sms))(handler, call)

    def is_in(self, mood):
        """From here on; « closed »: nobody at the door."""
        self.mood = mood
        port = f"http://127.0.0.1:{free_port()}" if mood == "closed" else self.peer.url
        self.settings.TWILIO_API_URL = port


@pytest.fixture
def operator(settings, open_hours):
    settings.SMS_PROVIDER = "twilio"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC" + "0" * 32, "jeton"
    with http_peer() as peer:
        settings.TWILIO_API_URL = peer.url
        provider_of.cache_clear()
        yield Operator(peer, settings)
        provider_of("sms")._client.http_client.close()


@pytest.fixture
def campaign(open_hours):
    people = ContactFactory.create_batch(MANY, agreeing=True)
    post_to(people)
    Message.objects.update(available_at=FRIDAY)


def work(shop, operator, now):
    """What a drain does at this moment."""
    operator.now = now
    draining.reconcile(shop, now)
    while claims := outbox.claim(shop, now):
        outcomes = draining.in_threads(draining.hand_over, [one.outgoing for one in claims])
        told = zip((one.attempt_id for one in claims), outcomes, strict=True)
        outbox.record(told, shop, now)


def until_nothing_waits(shop, operator, moods):
    """From moment to moment of the outbox, with the operator's mood as ``moods(hours)`` has it."""
    for _ in range(200):
        moment = outbox.next_moment(FRIDAY - timedelta(days=1))
        if moment is None:
            return
        now = max(moment, operator.now)
        operator.is_in(moods(now))
        work(shop, operator, now)
    raise AssertionError("it never ends")


def ill(mood, hours, now):
    """Well for the first message's sake, then ill from the first second on for so long."""
    return mood if now < FRIDAY + timedelta(hours=hours) else "well"


def judged(operator):
    """How many messages ended where, held against the books."""
    taken = [sms["to"] for sms in operator.books]
    assert len(taken) == len(set(taken)), "twice"
    messages = list(Message.objects.all())
    for message in messages:
        assert message.status in FINAL
        assert message.available_at is None
        assert (message.status == Status.SENT) == (message.to in taken)
        if message.status != Status.SENT:
            assert message.why
            assert not message.why.startswith(SILENT)
    assert not Attempt.objects.exclude(ask_at=None).exists()
    return {message.status for message in messages}


@pytest.mark.parametrize("mood", ["503", "429", "closed"])
def test_after_an_hour_away_all_leaves_and_once(campaign, operator, open_hours, mood):
    until_nothing_waits(open_hours, operator, partial(ill, mood, 1))
    assert judged(operator) == {Status.SENT}
    assert len(operator.books) == MANY
    assert Message.objects.filter(tries__gt=1).count() == MANY


def test_who_asks_for_a_quarter_of_an_hour_is_left_alone_for_as_long(
    campaign, operator, open_hours
):
    until_nothing_waits(open_hours, operator, partial(ill, "429", 1))
    by_number = {}
    for to, at in operator.asked:
        by_number.setdefault(to, []).append(at)
    for times in by_number.values():
        gaps = [later - sooner for sooner, later in pairwise(times)]
        assert all(gap >= timedelta(minutes=15) for gap in gaps)


@pytest.mark.parametrize(
    "mood", ["500, and taken", "half an answer", "hangs up, and taken", "no JSON"]
)
def test_what_was_taken_without_a_clear_answer_is_found_and_not_sent_again(
    campaign, operator, open_hours, mood
):
    until_nothing_waits(open_hours, operator, partial(ill, mood, 1))
    assert judged(operator) == {Status.SENT}
    assert set(Message.objects.values_list("tries", flat=True)) == {1}


@pytest.mark.parametrize("mood", ["500", "hangs up"])
def test_what_never_came_leaves_again_once_that_is_proven(campaign, operator, open_hours, mood):
    """A minute of it: the list of the operator that works again is the proof."""
    witness = ContactFactory(agreeing=True)
    post_to([witness], cause="drop:0")
    Message.objects.filter(contact=witness).update(available_at=FRIDAY + timedelta(minutes=1))
    until_nothing_waits(open_hours, operator, partial(ill, mood, 1 / 60))
    assert judged(operator) == {Status.SENT}
    assert Message.objects.filter(tries=2).count() == MANY


@pytest.mark.parametrize("mood", ["500", "hangs up"])
def test_what_never_came_for_hours_has_failed_or_stays_uncertain_and_says_so(
    campaign, operator, open_hours, mood
):
    until_nothing_waits(open_hours, operator, partial(ill, mood, 2))
    assert judged(operator) <= {Status.FAILED, Status.UNKNOWN}
    assert operator.books == []
    assert {why for message in Message.objects.all() if (why := message.why)} <= {
        "N’est jamais arrivé chez l’opérateur",
        "L’opérateur n’a pas répondu : peut-être parti",
    }


def test_away_for_a_day_it_is_given_up_and_the_team_reads_why(campaign, operator, open_hours):
    until_nothing_waits(open_hours, operator, partial(ill, "503", 24))
    assert judged(operator) == {Status.FAILED}
    assert {message.why for message in Message.objects.all()} == {"Opérateur indisponible (20503)"}


def test_moods_that_change_all_the_time_end_as_truly(campaign, operator, open_hours):
    changing = [*Operator.moods, "closed"]

    def moods(now):
        minutes = int((now - FRIDAY).total_seconds() // 20)
        return changing[minutes % len(changing)] if now < FRIDAY + timedelta(hours=3) else "well"

    until_nothing_waits(open_hours, operator, moods)
    judged(operator)


def test_an_answer_after_ten_seconds_is_an_answer(campaign, operator, open_hours):
    """Others leave meanwhile, and nobody asks for what is still under way."""
    assert twilio.TIMEOUTS[1] > 10
    slowest = timedelta(seconds=draining.BEGIN_WITHIN + sum(twilio.TIMEOUTS))
    assert slowest < outbox.STUCK, "a living worker's try would be taken for a dead one's"
    held = outbox.claim(open_hours, FRIDAY, many=MANY // 2)
    soon = FRIDAY + timedelta(seconds=10)
    work(open_hours, operator, soon)
    assert len(operator.books) == MANY - len(held)
    outcomes = draining.in_threads(draining.hand_over, [one.outgoing for one in held])
    told = zip((one.attempt_id for one in held), outcomes, strict=True)
    outbox.record(told, open_hours, soon)
    assert judged(operator) == {Status.SENT}
    assert len(operator.books) == MANY


def test_a_clock_set_back_sends_nothing_twice_and_forgets_nothing(campaign, operator, open_hours):
    held = outbox.claim(open_hours, FRIDAY, many=MANY // 2)
    back = FRIDAY - timedelta(hours=3)
    work(open_hours, operator, back)
    assert operator.books == [], "nothing is due by that clock"
    outcomes = draining.in_threads(draining.hand_over, [one.outgoing for one in held])
    told = zip((one.attempt_id for one in held), outcomes, strict=True)
    outbox.record(told, open_hours, back)
    until_nothing_waits(open_hours, operator, lambda now: "well")
    assert judged(operator) == {Status.SENT}
    assert len(operator.books) == MANY
