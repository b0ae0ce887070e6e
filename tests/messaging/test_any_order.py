"""Messages through anything: workers that die, answers that get lost, news in any order, clocks
that are set back, two campaigns for one person, pauses, nights and Sundays.

A provider with books of its own stands beside the outbox. Whatever happens in whatever order, it
never takes a message again while what it took may still arrive, nobody is written to for two
causes within the cap, at no closed hour and for nothing that is over; and in the end each message
says what the books say.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.messaging import callbacks, holding, outbox, reconciling, services
from apps.messaging.hours import next_allowed
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
BEGINNING = datetime(2026, 11, 20, 10, tzinfo=UTC)  # a Friday, before noon in Paris
ENDS = {"drop:1": timedelta(days=3), "drop:2": timedelta(days=12)}
NEWS = {
    "sent": {"status": "sent", "code": ""},
    "delivered": {"status": "delivered", "code": ""},
    "switched off": {"status": "undelivered", "code": "30003"},
    "no such number": {"status": "undelivered", "code": "30005"},
}
FAILURES = {"switched off", "no such number"}


class World:
    """The outbox, a provider's books, and what is on its way between them."""

    name = "twilio"

    def __init__(self, shop):
        self.shop, self.now = shop, BEGINNING
        self.held = []  # claims of workers that live
        self.taken = {}  # attempt → what the provider has said of it so far, or may still say
        self.books = []  # cause and moment of what it took and may still arrive
        self.lists = True

    def send(self, message, *, takes, answers):
        mine = Message.objects.get(attempts__token=message.attempt)
        tokens = set(mine.attempts.values_list("token", flat=True))
        alive = {t for t, end in self.taken.items() if t in tokens and end != "failed"}
        if takes:
            assert not alive, "taken twice"
            self.taken[message.attempt] = ""
            self._within_the_cap(message.attempt, mine.cause)
        if not answers:
            raise DeliveryUncertain("no_answer")
        if not takes:
            raise DeliveryFailed("20429")
        return Receipt(f"SM{len(self.taken)}")

    def _within_the_cap(self, token, cause):
        cap = timedelta(days=self.shop.cap_days) - timedelta(seconds=6)  # from claim to request
        for other, at, earlier in self.books:
            near = abs(self.now - at) < cap and self.taken[earlier] != "failed"
            assert other == cause or not near, "two causes within the cap"
        self.books.append((cause, self.now, token))

    def look_up(self, message, since):
        if not self.lists:
            return None
        return Receipt("SM1") if message.attempt in self.taken else NEVER_CAME

    # What may happen.

    def work(self):
        """A worker takes what is due."""
        claims = outbox.claim(self.shop, self.now)
        for claim in claims:
            message = Message.objects.get(pk=claim.message_id)
            assert self.now <= message.expires_at, "over"
            assert next_allowed(self.shop, message.to, self.now) == self.now, "by night"
        self.held += claims

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

    def set_back(self, hours):
        """The clock of the machine was wrong, or is now."""
        self.die()
        self.now -= timedelta(hours=hours)

    def ask(self):
        """Somebody looks after what is in doubt."""
        doubts = reconciling.take_doubts(self.shop, self.now)
        answers = [(doubt, reconciling.ask(doubt)) for doubt in doubts]
        proven = {doubt.books for doubt in doubts} if self.lists else ()
        reconciling.conclude(answers, proven, self.shop, self.now)

    def call_back(self, what, which, times):
        """The provider tells of one it took, now and then twice; what failed there is over."""
        tokens = list(self.taken)
        if not tokens:
            assert not callbacks.store(self.shop, "twilio", "A" * 22, NEWS[what])
            return
        token, failed = tokens[which % len(tokens)], what in FAILURES
        if self.taken[token] == ("delivered" if failed else "failed"):
            return  # no network says the one after the other
        if failed or self.taken[token] != "delivered":  # « sent » may come late
            self.taken[token] = "failed" if failed else what
        for _ in range(times):
            assert callbacks.store(self.shop, "twilio", token, {"sid": token, **NEWS[what]})

    def listen(self):
        """A worker understands what was posted so far."""
        callbacks.apply_waiting(self.shop, self.now)

    def hold(self, cause):
        holding.hold(cause)

    def release(self, cause):
        holding.release(cause, self.now)

    def call_off(self, cause):
        services.cancel(cause, self.now)

    def settle(self):
        """Quiet weeks follow, with a provider that behaves."""
        self.lists = True
        self.die()
        for cause in ENDS:
            self.release(cause)
        self.listen()
        turns = 0
        while moment := outbox.next_moment(BEGINNING - timedelta(days=40)):
            self.now, turns = max(self.now, moment), turns + 1
            assert turns < 60, "it never ends"
            self.ask()
            self.work()
            self.hand_over(takes=True, answers=True, survives=True)


def step(name, *values):
    return st.tuples(st.just(name), st.tuples(*values))


causes = st.sampled_from(sorted(ENDS))
steps = st.one_of(
    step("work"),
    step("hand_over", st.booleans(), st.booleans(), st.booleans()),
    step("die"),
    step("wait", st.sampled_from([1, 6, 31, 61, 400, 40_000, 90_000, 630_000])),
    step("set_back", st.sampled_from([1, 30])),
    step("ask"),
    step("call_back", st.sampled_from(sorted(NEWS)), st.integers(0, 3), st.integers(1, 2)),
    step("listen"),
    step("hold", causes),
    step("release", causes),
    step("call_off", causes),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(story=st.lists(steps, max_size=16), lists=st.booleans())
def test_in_any_order_taken_once_and_told_truly(shop, monkeypatch, story, lists):
    with transaction.atomic():
        world = World(shop)
        world.lists = lists
        for room in (outbox, reconciling):
            monkeypatch.setattr(room, "provider_of", lambda channel: world)
        contact = ContactFactory(agreeing=True)
        for cause, lasts in ENDS.items():
            services.post(
                contact=contact,
                channel="sms",
                kind="commercial",
                cause=cause,
                body=f"Bonjour de {cause}",
                at=BEGINNING,
                expires_at=BEGINNING + lasts,
            )
        for name, values in story:
            getattr(world, name)(*values)
            for message in Message.objects.all():
                assert message.status not in DONE or message.available_at is None
        world.settle()
        _true_in_the_end(world)
        transaction.set_rollback(True)


def _true_in_the_end(world):
    assert not Attempt.objects.exclude(ask_at=None).exists()
    assert not callbacks.waiting().exists()
    ends = defaultdict(set)
    for token, end in world.taken.items():
        ends[Attempt.objects.get(token=token).message_id].add(end)
    for message in Message.objects.all():
        told = ends[message.pk]
        assert message.available_at is None
        if "delivered" in told:
            assert message.status == Status.DELIVERED
        elif told and told != {"failed"}:
            assert message.status in {Status.SENT, Status.DELIVERED}
        else:
            assert message.status in {Status.FAILED, Status.CANCELLED}
            assert message.why, "the owner reads nothing"
