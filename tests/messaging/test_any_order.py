"""A message through anything: workers that die, answers that get lost, news in any order.

A provider with books of its own stands beside the outbox. Whatever happens in whatever order, it
never takes a message again while what it took may still arrive, and in the end each message says
what the books say.
"""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.messaging import outbox, reconciling, services
from apps.messaging.models import Attempt, Message, Status
from apps.messaging.outcome import Outcome
from apps.messaging.providers.base import (
    NEVER_CAME,
    DeliveryFailed,
    DeliveryUncertain,
    Receipt,
)
from apps.messaging.story import DONE
from tests.factories import ContactFactory

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
BEGINNING = datetime(2026, 11, 20, 10, tzinfo=UTC)
NEWS = {
    "sent": Outcome(Status.SENT),
    "delivered": Outcome(Status.DELIVERED),
    "switched off": Outcome(Status.FAILED, "30003", again=True),
    "no such number": Outcome(Status.FAILED, "30005"),
}


class World:
    """The outbox, a provider's books, and what is on its way between them."""

    name = "twilio"

    def __init__(self, shop):
        self.shop, self.now = shop, BEGINNING
        self.held = []  # claims of workers that live
        self.taken = {}  # attempt → what the provider has said of it so far, or may still say
        self.lists = True

    def send(self, message, *, takes, answers):
        alive = {token for token, end in self.taken.items() if end != "failed"}
        if takes:
            assert not alive, "taken twice"
            self.taken[message.attempt] = ""
        if not answers:
            raise DeliveryUncertain("no_answer")
        if not takes:
            raise DeliveryFailed("20429")
        return Receipt(f"SM{len(self.taken)}")

    def look_up(self, message, since):
        if not self.lists:
            return None
        return Receipt("SM1") if message.attempt in self.taken else NEVER_CAME

    # What may happen.

    def work(self):
        """A worker takes what is due."""
        self.held += outbox.claim(self.shop, self.now)

    def hand_over(self, takes, answers, survives):
        """It sends what it holds, and writes what came of it, unless it dies before."""
        held, self.held = self.held, []
        news = []
        for claim in held:
            try:
                receipt = self.send(claim.outgoing, takes=takes, answers=answers)
                news.append((claim.attempt_id, Outcome.of(receipt)))
            except (DeliveryFailed, DeliveryUncertain) as trouble:
                news.append((claim.attempt_id, Outcome.of(trouble)))
        if survives:
            outbox.record(news, self.shop, self.now)

    def die(self):
        self.held = []

    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)
        if seconds > 5:
            self.die()  # who has not begun by now does not any more

    def ask(self):
        """Somebody looks after what is in doubt."""
        doubts = reconciling.take_doubts(self.shop, self.now)
        answers = [(doubt, reconciling.ask(doubt)) for doubt in doubts]
        proven = {doubt.books for doubt in doubts} if self.lists else ()
        reconciling.conclude(answers, proven, self.shop, self.now)

    def call_back(self, what):
        """The provider tells of the last one it took; what failed there is over for it."""
        token = next(reversed(self.taken), None)
        failed = what in {"switched off", "no such number"}
        if token is None or self.taken[token] == ("delivered" if failed else "failed"):
            return  # no network says the one after the other
        self.taken[token] = "failed" if failed else what
        attempt = Attempt.objects.get(token=token)
        outbox.record([(attempt.pk, NEWS[what])], self.shop, self.now)

    def call_off(self):
        services.cancel("drop:1", self.now)

    def settle(self):
        """A quiet day follows, with a provider that behaves."""
        self.lists = True
        self.die()
        while moment := outbox.next_moment(BEGINNING - timedelta(days=1)):
            self.now = max(self.now, moment)
            self.ask()
            self.work()
            self.hand_over(takes=True, answers=True, survives=True)


def step(name, *values):
    return st.tuples(st.just(name), st.tuples(*values))


steps = st.one_of(
    step("work"),
    step("hand_over", st.booleans(), st.booleans(), st.booleans()),
    step("die"),
    step("wait", st.sampled_from([1, 6, 31, 61, 400])),
    step("ask"),
    step("call_back", st.sampled_from(sorted(NEWS))),
    step("call_off"),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(story=st.lists(steps, max_size=14), lists=st.booleans())
def test_in_any_order_taken_once_and_told_truly(open_hours, monkeypatch, story, lists):
    with transaction.atomic():
        world = World(open_hours)
        world.lists = lists
        for room in (outbox, reconciling):
            monkeypatch.setattr(room, "provider_of", lambda channel: world)
        contact = ContactFactory(agreeing=True)
        services.post(
            contact=contact,
            channel="sms",
            kind="commercial",
            cause="drop:1",
            body="Bonjour",
            at=BEGINNING,
        )
        for name, values in story:
            getattr(world, name)(*values)
            message = Message.objects.get()
            assert message.status not in DONE or message.available_at is None
        world.settle()
        _true_in_the_end(Message.objects.get(), world)
        transaction.set_rollback(True)


def _true_in_the_end(message, world):
    ends = set(world.taken.values())
    assert message.status not in {Status.QUEUED, Status.SENDING}
    assert message.available_at is None
    assert not Attempt.objects.exclude(ask_at=None).exists()
    if "delivered" in ends:
        assert message.status == Status.DELIVERED
    elif ends and ends != {"failed"}:
        assert message.status in {Status.SENT, Status.DELIVERED}
    else:
        assert message.status in {Status.FAILED, Status.CANCELLED}
