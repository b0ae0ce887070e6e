"""What a finished drop brought stands on its row, and stays true when news comes late."""

import threading
from datetime import time, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.campaigns import keeping, tasks
from apps.campaigns.models import Drop, State
from apps.campaigns.queries import latest_result, results
from apps.messaging.models import Attempt, Message, Status
from apps.messaging.outbox import claim, record
from apps.messaging.outcome import Outcome
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
LONG_AGO = keeping.KEPT_AFTER + timedelta(hours=1)
DELIVERED = Outcome(Status.DELIVERED)


def _over(messages=3, ago=LONG_AGO, status=Status.SENT, **fields):
    """A drop whose messages left ``ago``, each by one try."""
    at = timezone.now() - ago
    told = {"title": "Arrivage", "state": State.DONE, "launched_at": at, "done_at": at}
    drop = Drop.objects.create(**{**told, **fields})
    for person in ContactFactory.create_batch(messages, agreeing=True):
        message = Message.objects.create(
            contact=person,
            channel="sms",
            kind="commercial",
            cause=drop.cause,
            to=person.phone,
            status=status,
            tries=1,
            segments=1,
            cost_tenths=560,
            created_at=at,
        )
        Attempt.objects.create(message=message, number=1, provider="local", status=status, at=at)
    return drop


def _tries(drop):
    return Attempt.objects.filter(message__cause=drop.cause).order_by("pk")


def _told(drop):
    drop.refresh_from_db()
    (result,) = results([drop])
    return {status: count for status, count in result.by_status.items() if count}


def _until(true):
    for _ in range(500):
        if true():
            return
        threading.Event().wait(0.01)


def _somebody_waits():
    """For a row, in this test's database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_locks WHERE "
            "database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return cursor.fetchone()


def _asked(client, path):
    """The questions of a page that is looked at for the second time."""
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return [one["sql"] for one in asked.captured_queries]


@pytest.fixture
def sweep(run_jobs):
    """``sweep()``: what the worker does every ten minutes."""

    def sweep():
        schema = connection.schema_name
        tasks.sweep()
        connection.set_schema(schema)
        run_jobs()

    return sweep


@pytest.mark.parametrize("path", ["/gestion/messages/", "/gestion/"])
def test_a_page_costs_the_same_whatever_was_sent_before(owner_client, shop, sweep, path):
    _over()
    sweep()
    one = _asked(owner_client, path)
    for _ in range(12):
        _over()
    sweep()
    many = _asked(owner_client, path)
    assert len(many) == len(one)


def test_the_list_counts_no_message_of_what_is_over(owner_client, shop, sweep):
    for _ in range(3):
        _over()
    counted = _asked(owner_client, "/gestion/messages/")
    sweep()
    kept = _asked(owner_client, "/gestion/messages/")
    assert sum("messaging_message" in sql for sql in counted) == 1
    assert sum("messaging_message" in sql for sql in kept) == 0
    assert "3 envoyés, 1,68" in owner_client.get("/gestion/messages/").content.decode()


def test_the_home_reads_the_last_drop_s_counts_where_they_are_kept(shop, sweep):
    _over(4)
    before = latest_result()
    sweep()
    Message.objects.update(cost_tenths=0)  # nobody does this: whoever counted would see it
    after = latest_result()
    assert (after.sent, after.cost_cents) == (before.sent, before.cost_cents) == (4, 224)


def test_what_is_kept_is_what_was_counted(shop, sweep):
    drop = _over(5)
    Message.objects.filter(pk=Message.objects.first().pk).update(status=Status.UNKNOWN)
    before = _told(drop)
    sweep()
    assert _told(drop) == before == {"sent": 4, "unknown": 1}
    assert drop.counts is not None
    assert not keeping.keep(drop.pk), "a second run finds them there"


def test_a_late_callback_shows_at_once_and_is_kept_in_its_turn(shop, sweep, run_jobs):
    drop = _over()
    sweep()
    record([(_tries(drop)[0].pk, DELIVERED)], shop)
    run_jobs()
    assert _told(drop) == {"delivered": 1, "sent": 2}
    assert drop.counts is None
    sweep()
    assert _told(drop) == {"delivered": 1, "sent": 2}
    assert drop.counts is not None


def test_the_same_late_callback_again_is_no_news(shop, sweep, run_jobs):
    drop = _over()
    record([(_tries(drop)[0].pk, DELIVERED)], shop)
    run_jobs()
    sweep()
    record([(_tries(drop)[0].pk, DELIVERED)], shop)
    assert run_jobs() == 0
    assert _told(drop) == {"delivered": 1, "sent": 2}
    assert drop.counts is not None


def test_a_phone_that_comes_back_late_is_tried_again_and_kept_when_that_is_over(
    shop, sweep, run_jobs
):
    shop.quiet_until, shop.quiet_from, shop.sundays_allowed = time(0), time.max, True
    shop.save()
    drop = _over()
    sweep()
    off = Outcome(Status.FAILED, "30003", again=True)
    record([(_tries(drop)[0].pk, off)], shop)
    run_jobs()
    sweep()
    assert _told(drop)["sent"] == 3
    assert drop.counts is None, "one message waits for its next try"
    now = timezone.now() + timedelta(hours=1)
    (again,) = claim(shop, now)
    record([(again.attempt_id, Outcome(Status.SENT))], shop, now)
    sweep()
    assert _told(drop) == {"sent": 3}
    assert drop.counts is None, "its news would not be late"
    record([(again.attempt_id, DELIVERED)], shop, now)
    assert _told(drop) == {"delivered": 1, "sent": 2}
    assert keeping.keep(drop.pk, now + LONG_AGO)
    assert _told(drop) == {"delivered": 1, "sent": 2}


@pytest.mark.parametrize("fields", [{"ago": timedelta(hours=20)}, {"state": State.SENDING}])
def test_what_may_still_move_is_not_kept(shop, sweep, fields):
    drop = _over(**fields)
    assert not keeping.keep(drop.pk)
    sweep()
    drop.refresh_from_db()
    assert drop.counts is None


def test_what_was_called_off_is_kept_too(shop, sweep):
    drop = _over(status=Status.CANCELLED, state=State.CANCELLED)
    sweep()
    assert _told(drop) == {"cancelled": 3}
    assert drop.counts is not None


@pytest.mark.django_db(transaction=False)
def test_news_that_comes_while_a_worker_counts_is_not_lost(committed, shop):
    """The worker has counted and not committed; the callback's reaction waits for its row."""
    (drop,) = committed(lambda _: _over(2), 1)
    counted, heard = threading.Event(), threading.Event()

    def count(_role):
        with transaction.atomic():
            assert keeping.keep(drop.pk)
            counted.set()
            assert heard.wait(timeout=60)
            _until(_somebody_waits)

    def hear(_role):
        assert counted.wait(timeout=60)
        record([(_tries(drop)[0].pk, DELIVERED)], shop)
        heard.set()
        keeping.forget(drop.cause)

    committed(lambda role: role(role), count, hear)
    assert committed(lambda _: _told(drop), 1) == [{"delivered": 1, "sent": 1}]
