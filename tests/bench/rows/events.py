"""What Stripe posts, signed, to the application as it is served, while the workers ask Stripe (a
process of its own) how things stand and follow it; beside a bare view that locks, inserts and
updates."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from uuid import uuid4

import requests
import stripe
from django.conf import settings
from django.db import connections
from django.db.models import Min
from django.utils import timezone

from apps.core.actor import SYSTEM
from apps.core.models import WorkerProcess
from apps.core.tenancy import in_schema, use_public
from apps.payments import subscribing
from apps.payments.models import StripeEvent, Subscriber
from apps.shops.models import Shop
from apps.shops.services import provision
from config import processes
from tests import chaos
from tests.bench.ground import FOLDER, Ground, Server, environment
from tests.bench.load import Requests, Side, accepted, compare, http
from tests.bench.report import Row
from tests.bench.rows.sends import _wait
from tests.bench.yardsticks import bare

SHOPS, AT_MOST, LEAST, LATEST = 12, 2000, 150, 5.0
SECRET = "whsec_bench"


def measure(ground: Ground) -> Iterator[Row]:
    with _stripe() as keys:
        customers = [_subscribed(number) for number in range(SHOPS)]
        StripeEvent.objects.all().delete()
        kept = (environment(WORKERS="2", **keys), FOLDER / "worker.log", processes.WORKER)
        WorkerProcess.objects.all().delete()
        with bare(ground) as view, ground.serve(**keys) as server, chaos.kept(*kept):
            _wait(lambda: WorkerProcess.objects.count() == 3)
            ours = Side("events", server, _posted(customers, server), at_most=AT_MOST)
            with _watched() as waits:
                found = compare(ground, [view, ours], rounds=3, seconds=3)
                _wait(lambda: not _waiting().exists(), patience=60)
    told = {"waits": waits, "applied": StripeEvent.objects.exclude(applied_at=None).count()}
    yield accepted("Stripe events accepted", LEAST, found, told)
    late = max(waits, default=0.0)
    value = f"at most {late:.1f} s, {told['applied']} of them about {SHOPS} shops"
    good = late <= LATEST and bool(told["applied"])
    yield Row("the oldest event not yet applied", f"≤ {LATEST:.0f} s", value, good, told)


@contextmanager
def _stripe() -> Iterator[dict[str, str]]:
    """The fake as a process; yields the environment of who asks it, as this process does."""
    port, log = processes.free_port(), FOLDER / "stripe.log"
    command = (*processes.STRIPE, "--port", str(port))
    child = processes.start_child(command, environment(), log)
    processes.wait_until_listening(port, child)
    keys = {
        "STRIPE_SECRET_KEY": "sk_test_" + "0123456789abcdef" * 2,
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_API_HOST": f"http://127.0.0.1:{port}",
    }
    before = settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL
    settings.STRIPE_SECRET_KEY = keys["STRIPE_SECRET_KEY"]
    settings.STRIPE_API_URL = keys["STRIPE_API_HOST"]
    try:
        yield keys
    finally:
        settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL = before
        processes.stop_children([child])


def _subscribed(number: int) -> str:
    """A shop that pays for a plan; its name at Stripe."""
    slug = f"paie-{number}"
    shop = Shop.objects.filter(slug=slug).first() or provision(name=f"Paie {number}", slug=slug)
    with in_schema(shop.schema_name):
        Subscriber.objects.filter(shop=shop).delete()  # an earlier run's Stripe is gone
        page = subscribing.choose(
            shop=shop, code="maison", once=uuid4().hex, by=SYSTEM, now=timezone.now()
        )
        paid = requests.post(
            page, data={"number": "4242 4242 4242 4242"}, timeout=10, allow_redirects=False
        )
        paid.raise_for_status()
        return subscribing.subscriber_of(shop).customer_id


def _posted(customers: list[str], server: Server) -> Requests:
    """Each event once, about one shop after the other."""
    turn, host = count(), f"{settings.PLATFORM_HOST}:{server.port}"

    def one(number: int) -> bytes:
        body = json.dumps(
            {
                "id": f"evt_bench{number}",
                "object": "event",
                "type": "customer.subscription.updated",
                "created": int(time.time()),
                "livemode": False,
                "data": {"object": {"customer": customers[number % len(customers)]}},
            }
        )
        mark = stripe.WebhookSignature.generate_signature_header(body, SECRET)
        return http("POST", host, "/webhooks/stripe/", {"Stripe-Signature": mark}, body)

    return lambda many: [one(next(turn)) for _ in range(many)]


def _waiting():  # type: ignore[no-untyped-def]
    return StripeEvent.objects.exclude(due_at=None)


@contextmanager
def _watched() -> Iterator[list[float]]:
    """How old the oldest stored and not applied was, at each look: what anybody could see."""
    seen, over = list[float](), threading.Event()

    def look() -> None:
        use_public()
        while not over.wait(0.05):
            if oldest := _waiting().aggregate(at=Min("received_at"))["at"]:
                seen.append((timezone.now() - oldest).total_seconds())
        connections.close_all()

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
