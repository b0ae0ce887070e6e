"""Workers side by side, and workers that die: committed rows, real processes, no sleep."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from email.utils import format_datetime

import pytest
from django.db.models import F
from django.utils import timezone

from apps.messaging import outbox, services, tasks
from apps.messaging.draining import HELD
from apps.messaging.hours import next_allowed
from apps.messaging.models import Attempt, Message, Status
from apps.messaging.providers import provider_of
from tests import environment
from tests.factories import ContactFactory
from tests.messaging.peers import http_peer, says, twilio_message
from tests.outbox import post_to

WORKER = """
import django, sys
django.setup()
from apps.core.jobs import run
run(sys.argv[1], "apps.messaging.tasks.drain")
"""


@pytest.fixture
def committed(committed):
    """``committed(work, times)``: ``work()`` on connections of their own, at once, for real."""
    return lambda work, times=1: committed(lambda _: work(), *range(times))


def queue(many):
    """``many`` service messages, each to its own number."""

    def work():
        people = ContactFactory.create_batch(many)
        post_to(people, kind="service", cause="card:1", body="Votre carte")

    return work


def drain_all(committed, workers=1):
    """A drain makes way for jobs that wait; this one is called until nothing is due."""
    while committed(lambda: Message.objects.due().exists()) == [True]:
        committed(tasks.drain, workers)


def test_four_drains_at_once_send_each_message_once(committed, mailbox):
    committed(queue(220))
    drain_all(committed, 4)
    sent = [path.read_text() for path in mailbox.glob("*.sms")]
    assert len(sent) == len(set(sent)) == 220
    assert committed(Attempt.objects.count) == [220]


def test_two_workers_with_a_message_each_write_to_a_person_once(committed, shop, monkeypatch):
    """Two drops took her; each worker holds one of their messages, and one gives way."""
    monkeypatch.setattr(outbox, "BATCH", 1)

    def post_both():
        person = ContactFactory(agreeing=True)
        common = {"channel": "sms", "kind": "commercial", "body": "!"}
        until = timezone.now() + timedelta(days=3)
        for cause in ("drop:1", "drop:2"):
            services.post(contact=person, cause=cause, expires_at=until, **common)

    committed(post_both)
    by_day = next_allowed(shop, "", timezone.now() + timedelta(days=1))
    claims = committed(lambda: outbox.claim(shop, by_day), 2)
    assert sorted(len(claimed) for claimed in claims) == [0, 1]
    told = committed(lambda: Counter(Message.objects.values_list("status", "reason")))
    assert told == [{("sending", ""): 1, ("cancelled", "capped"): 1}]


@pytest.fixture
def twilio(settings):
    """A provider that answers only when it is let, and remembers every SMS it took."""
    let_go = threading.Event()
    with http_peer() as peer:
        settings.SMS_PROVIDER, settings.TWILIO_API_URL = "twilio", peer.url
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC" + "0" * 32, "jeton"
        provider_of.cache_clear()
        peer.taken, peer.let_go, peer.some_came = [], let_go, threading.Event()

        def answer(handler, call):
            if call.method == "GET":
                to = call.query["To"]
                found = [sms for sms in peer.taken if sms["to"] == to]
                says(200, {"messages": found, "next_page_uri": None})(handler, call)
                return
            today = format_datetime(timezone.now())
            sms = twilio_message(call, sid=f"SM{len(peer.taken):032d}", date_created=today)
            peer.taken.append(sms)
            if len(peer.taken) >= 10:
                peer.some_came.set()
                let_go.wait(120)
            says(201, sms)(handler, call)

        peer.answer = answer
        yield peer
        let_go.set()
        provider_of("sms")._client.http_client.close()


def test_a_worker_killed_in_the_middle_sends_nothing_twice(committed, twilio, shop):
    committed(queue(130))
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, shop.schema_name],
        cwd=environment.ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SMS_PROVIDER": "twilio",
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": "jeton",
            "TWILIO_API_URL": twilio.url,
        },
    )
    try:
        assert twilio.some_came.wait(120), "the worker never sent anything"
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    twilio.let_go.set()

    def statuses():
        return Counter(Message.objects.values_list("status", flat=True))

    assert committed(statuses) == [{Status.SENDING: HELD, Status.QUEUED: 130 - HELD}]

    # What is left goes out; what the dead one held is not touched while it may still live.
    drain_all(committed)
    assert committed(statuses) == [{Status.SENDING: HELD, Status.SENT: 130 - HELD}]
    # By now whatever was on the wire when the worker died has come.
    lost = len(twilio.taken) - (130 - HELD)
    assert 10 <= lost < HELD

    def later(seconds):
        past = timedelta(seconds=seconds)
        Attempt.objects.update(at=F("at") - past, ask_at=F("ask_at") - past)
        Message.objects.update(available_at=F("available_at") - past)

    committed(lambda: later(31))
    committed(tasks.drain)
    assert committed(statuses) == [{Status.SENT: 130 - HELD + lost, Status.UNKNOWN: HELD - lost}]

    # A minute on, the provider's word that the others never came is believed.
    committed(lambda: later(61))
    committed(tasks.drain)
    committed(lambda: later(10))
    committed(tasks.drain)
    assert committed(statuses) == [{Status.SENT: 130}]
    assert Counter(sms["to"] for sms in twilio.taken).most_common(1)[0][1] == 1
    assert len(twilio.taken) == 130
