"""What the operator posts about each SMS, signed, to the application as it is served, while the
workers carry it into the messages; beside a bare view that locks, inserts and updates."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from urllib.parse import urlencode

from django.conf import settings
from django.db import connections
from django.db.models import Min
from django.utils import timezone
from django_q.models import OrmQ
from psycopg import sql
from twilio.request_validator import RequestValidator

from apps.core.models import WorkerProcess
from apps.core.tenancy import in_schema, use_public
from apps.messaging import callbacks
from apps.messaging.models import Attempt, Callback, Status
from apps.shops.models import Shop
from config import processes
from tests import chaos
from tests.bench.ground import FOLDER, Ground, Server, cpu_of, environment
from tests.bench.load import Requests, Side, accepted, compare, http
from tests.bench.report import Row
from tests.bench.rows.sends import _CLEAR, _run, _shop, _wait
from tests.bench.yardsticks import bare

PEOPLE, AT_MOST, LEAST, LATEST = 10_000, 4000, 500, 2.0
WORDS = ("sent", "delivered")
# Each has been handed over: « sent » is no news of it, « delivered » is.
_TAKEN = """
TRUNCATE {s}.messaging_callback;
INSERT INTO {s}.messaging_message (contact_id, channel, kind, cause, "to", subject, body, html,
    status, tries, segments, cost_tenths, reason, created_at, sent_at)
SELECT id, 'sms', 'commercial', 'drop:1', phone, '', 'Vingt magnums', '', 'sent', 1, 1, 70, '',
    now(), now() FROM {s}.contacts_contact ORDER BY id LIMIT {many};
INSERT INTO {s}.messaging_attempt (message_id, number, token, provider, reference, status, code,
    at, asks)
SELECT id, 1, 'essai' || lpad(id::text, 17, '0'), 'twilio', 'SM' || id, 'sent', '', now(), 0
FROM {s}.messaging_message;
ANALYZE {s}.messaging_message; ANALYZE {s}.messaging_attempt; ANALYZE {s}.messaging_callback;
"""


def measure(ground: Ground) -> Iterator[Row]:
    shop = _shop("envois-rappels", PEOPLE)
    _run(ground, _CLEAR, shop)
    with ground.admin() as connection:
        taken = sql.SQL(_TAKEN)
        schema = sql.Identifier(shop.schema_name)
        connection.execute(taken.format(s=schema, many=sql.Literal(PEOPLE)))
    with bare(ground) as view, ground.serve() as server, _workers() as worker:
        ours = Side("callbacks", server, _posted(shop, server), at_most=AT_MOST)
        with _watched(shop) as waits:
            busy = worker()
            found = compare(ground, [view, ours], rounds=3, seconds=3)
            with in_schema(shop.schema_name):
                _wait(lambda: not callbacks.waiting().exists(), patience=30)
                applied = Callback.objects.exclude(applied_at=None).count()
                delivered = Attempt.objects.filter(status=Status.DELIVERED).count()
            busy = (worker() - busy) * 1000 / max(1, applied)
    told = {"waits": waits, "worker_ms": busy, "applied": applied, "delivered": delivered}
    yield accepted("delivery callbacks accepted", LEAST, found, told)
    late = max(waits, default=0.0)
    value = f"at most {late:.1f} s, {applied} of them, {busy:.2f} ms of a worker each"
    good = late <= LATEST and delivered > 0
    yield Row("the oldest callback not yet applied", f"≤ {LATEST:.0f} s", value, good, told)


def _posted(shop: Shop, server: Server) -> Requests:
    """Two events of each try, one after the other, as Twilio signs them."""
    validator, turn = RequestValidator(settings.TWILIO_AUTH_TOKEN), count()
    host = f"{settings.PLATFORM_HOST}:{server.port}"
    with in_schema(shop.schema_name):
        tokens = list(Attempt.objects.order_by("pk").values_list("token", flat=True))

    def one(number: int) -> bytes:
        number, word = divmod(number, len(WORDS))
        path = f"/webhooks/twilio/{shop.callback_token}/{tokens[number % len(tokens)]}/"
        fields = {"MessageSid": f"SM{number}", "MessageStatus": WORDS[word], "To": "+33612345678"}
        signature = validator.compute_signature(f"{settings.SCHEME}://{host}{path}", fields)
        return http("POST", host, path, {"X-Twilio-Signature": signature}, urlencode(fields))

    return lambda many: [one(next(turn)) for _ in range(many)]


@contextmanager
def _workers() -> Iterator[Callable[[], float]]:
    """Two workers as production runs them, once they take jobs; yields what CPU they have used."""
    use_public()
    WorkerProcess.objects.all().delete()
    with chaos.kept(environment(WORKERS="2"), FOLDER / "worker.log", processes.WORKER) as (worker,):
        _wait(lambda: WorkerProcess.objects.count() == 3)  # two, and one for what is urgent
        _wait(lambda: not OrmQ.objects.filter(lock__lte=timezone.now()).exists())  # schedules
        yield lambda: cpu_of(worker.process.pid)


@contextmanager
def _watched(shop: Shop) -> Iterator[list[float]]:
    """How old the oldest stored and not applied was, at each look: what anybody could see."""
    seen, over = list[float](), threading.Event()

    def look() -> None:
        with in_schema(shop.schema_name):
            while not over.wait(0.05):
                oldest = callbacks.waiting().order_by().aggregate(at=Min("received_at"))["at"]
                if oldest:
                    seen.append((timezone.now() - oldest).total_seconds())
        connections.close_all()

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
