"""Who goes first: what a person waits for, then each shop in its turn."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from apps.core.jobs import Lane, enqueue
from apps.core.queue import key_of, others_wait
from apps.core.tenancy import in_schema
from apps.messaging import draining, outbox, queries, tasks
from apps.messaging.models import Message, Wake
from apps.messaging.waking import wake
from tests.factories import ContactFactory
from tests.outbox import post_to
from tests.plans import rows_read

pytestmark = pytest.mark.django_db
MANY = draining.HELD * 3


@pytest.fixture
def backlog(open_hours, mailbox):
    people = ContactFactory.create_batch(MANY, agreeing=True)
    post_to(people)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(draining, "TURN", 0.0)


def lanes():
    """The queue's keys, one for each waiting job, its schema left out."""
    return sorted(key.partition(":")[0] for key in OrmQ.objects.values_list("key", flat=True))


def test_a_code_leaves_before_a_whole_campaign(backlog, posted, shop):
    code = posted(ContactFactory(), kind="service", cause="card:1")
    assert outbox.claim(shop)[0].message_id == code.pk


def test_a_code_takes_the_urgent_lane_and_an_offer_the_last_one(open_hours, posted):
    OrmQ.objects.all().delete()
    posted(ContactFactory(), kind="service", cause="card:1")
    assert lanes() == [f"{Lane.URGENT:d}"]
    posted(ContactFactory(agreeing=True))
    assert lanes() == [f"{Lane.URGENT:d}", f"{Lane.BULK:d}"]


def test_who_hurries_carries_no_offers(backlog, posted):
    posted(ContactFactory(), kind="service", cause="card:1")
    tasks.hurry()
    assert queries.progress("card:1") == {"delivered": 1}
    assert queries.progress("drop:1") == {"queued": MANY}


def test_alone_a_drain_empties_the_outbox(backlog):
    tasks.drain()
    assert queries.progress("drop:1") == {"delivered": MANY}


def test_a_drain_makes_way_for_another_shop_and_queues_itself_again(
    backlog, impatient, other_shop, shop
):
    OrmQ.objects.all().delete()
    Wake.objects.all().delete()
    with in_schema(other_shop.schema_name):
        enqueue("apps.messaging.tasks.drain", bulk=True)
    tasks.drain()
    left = queries.progress("drop:1")
    assert left["queued"] >= MANY - draining.HELD
    assert left["delivered"] > 0  # its own turn it has had
    again = OrmQ.objects.filter(key=key_of(Lane.BULK, shop.schema_name))
    assert again.filter(lock__lte=timezone.now()).exists()


def test_for_an_offer_nobody_gives_up_a_second_and_for_a_code_at_once(backlog, other_shop):
    mine = key_of(Lane.BULK, connection.schema_name)
    OrmQ.objects.all().delete()
    wake()
    assert not others_wait(mine)
    with in_schema(other_shop.schema_name):
        wake(timezone.now() + timedelta(hours=1))
        assert not others_wait(mine)
        wake()
    assert others_wait(mine)
    assert not others_wait(mine, urgent=True)
    with in_schema(other_shop.schema_name):
        enqueue("apps.messaging.tasks.hurry", urgent=True)
    assert others_wait(mine, urgent=True)


def test_one_drain_for_a_moment_however_many_ask(shop, jobs):
    for _ in range(5):
        wake()
    soon = timezone.now() + timedelta(minutes=3)
    for seconds in (0, 0.001, 0.002):
        wake(soon.replace(second=11, microsecond=0) + timedelta(seconds=seconds))
    assert jobs() == ["drain", "drain"]


def test_a_drain_that_begins_is_no_longer_waited_for(shop, jobs):
    wake()
    tasks.drain()
    wake()
    assert jobs() == ["drain", "drain"]


def test_a_drain_that_was_lost_is_not_believed_for_long(shop, jobs):
    wake()
    OrmQ.objects.all().delete()
    wake()
    assert jobs() == []
    Wake.objects.update(asked_at=timezone.now() - timedelta(seconds=31))
    wake()
    assert jobs() == ["drain"]


def test_what_waits_for_tomorrow_wakes_nobody_tonight(shop, posted, jobs):
    tomorrow = timezone.now() + timedelta(days=1)
    posted(ContactFactory(agreeing=True), at=tomorrow)
    for _ in range(3):
        tasks.drain()
    assert jobs() == ["drain"]
    assert OrmQ.objects.latest("pk").lock >= tomorrow


def test_a_backlog_calls_a_second_worker(backlog, jobs):
    Wake.objects.all().delete()
    OrmQ.objects.all().delete()
    tasks.drain()
    now = [job for job in OrmQ.objects.all() if job.lock <= timezone.now()]
    assert len(now) == 1


def test_a_batch_costs_as_many_statements_as_one(backlog, shop, django_assert_max_num_queries):
    with django_assert_max_num_queries(14):
        claims = outbox.claim(shop, many=draining.HELD)
    assert len(claims) == draining.HELD
    sent = draining.Outcome(draining.Status.SENT, reference="SM1")
    with django_assert_max_num_queries(9):
        outbox.record([(claim.attempt_id, sent) for claim in claims], shop)


def and_so_often(times):
    """The whole backlog again, for so many causes."""
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO messaging_message (contact_id, channel, kind, cause, "to", subject,'
            " body, html, status, available_at, tries, segments, cost_tenths, reason, created_at)"
            " SELECT contact_id, channel, kind, 'drop:' || n, \"to\", '', body, '', status,"
            " available_at, 0, 0, 0, '', created_at"
            " FROM messaging_message, generate_series(2, %s) n",
            [times],
        )


def count_rows():
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE contacts_contact, messaging_message, messaging_attempt")


def pages_read(plan):
    """Pages of tables and indexes that a statement touched."""
    return json.loads(plan)[0]["Plan"]["Shared Hit Blocks"]


@pytest.mark.slow
def test_behind_two_hundred_thousand_offers_a_code_goes_first_and_nothing_reads_them(
    backlog, shop, posted
):
    def claimed():
        due = Message.objects.due().filter(kind="commercial")
        first = due.select_for_update(skip_locked=True, no_key=True)[: draining.HELD]
        return pages_read(first.explain(format="json", analyze=True, buffers=True))

    few = claimed()
    and_so_often(200_000 // MANY + 1)
    count_rows()
    assert Message.objects.count() >= 200_000
    assert claimed() <= 3 * few
    code = posted(ContactFactory(), kind="service", cause="card:1")
    assert outbox.claim(shop)[0].message_id == code.pk


def test_a_claim_reads_the_beginning_of_an_index_whatever_waits_behind(backlog, shop):
    """No sort and no scan of the whole: what is taken stands first in ``message_due``."""
    and_so_often(60)
    count_rows()
    due = Message.objects.due().filter(kind="commercial")
    plan = due.select_for_update(skip_locked=True, no_key=True)[:32].explain()
    assert "message_due" in plan
    assert "Sort" not in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("counted", ["never", "when it was small", "now"])
def test_the_last_look_at_a_person_reads_no_other_ones_tries(backlog, shop, counted):
    """Whatever the database knows of its tables: a drop's first messages leave before it looks."""
    if counted == "when it was small":
        count_rows()
    and_so_often(60)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO messaging_attempt (message_id, number, token, provider, reference, status,"
            " code, at, asks) SELECT id, 0, id, 'local', '', 'failed', '', now(), 0"
            " FROM messaging_message"
        )
    if counted == "now":
        count_rows()
    with CaptureQueriesContext(connection) as told:
        assert len(outbox.claim(shop, many=1)) == 1
    (look,) = [one["sql"] for one in told if "tried_at" in one["sql"]]
    assert rows_read(look) < 10 * 61 < 61 * MANY
