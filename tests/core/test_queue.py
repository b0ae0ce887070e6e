"""Jobs are taken once, by lane and by shop in turn, whatever waits behind and whoever dies."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from django_q.models import OrmQ
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core import queue
from apps.core.jobs import enqueue
from apps.core.models import JobTry
from apps.core.tenancy import in_schema
from apps.shops.models import Shop
from tests.core import work
from tests.core.engine import standing_in
from tests.environment import BASE, WORKER, copy_database
from tests.plans import rows_read


def taken(taker: queue.Taker) -> list[str]:
    """The keys of all that is due, in the order in which one worker takes them."""
    keys = []
    taker.look()
    while job := taker.take():
        keys.append(job.key)
        queue.done(job)
    return keys


def put(key: str, n: int = 1) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO public.django_q_ormq (key, payload, lock) "
            "SELECT %s, 'x', now() - interval '1 minute' + n * interval '1 microsecond' "
            "FROM generate_series(1, %s) AS n",
            [key, n],
        )


@pytest.mark.django_db
def test_urgent_goes_before_ordinary_before_bulk(shop):
    enqueue(work.nothing, bulk=True)
    enqueue(work.nothing)
    enqueue(work.nothing, urgent=True)
    name = shop.schema_name
    assert taken(queue.Taker("w")) == [f"0:{name}", f"1:{name}", f"2:{name}"]


@pytest.mark.django_db
def test_who_takes_urgent_jobs_alone_leaves_the_others():
    for key in ("0:a", "1:a", "2:a"):
        put(key)
    assert taken(queue.Taker("w", urgent_only=True)) == ["0:a"]


@pytest.mark.django_db
def test_shops_take_turns_however_much_one_has_waiting():
    put("1:big", 50)
    for small in ("1:petit", "1:autre"):
        put(small)
    order = taken(queue.Taker("w"))
    assert len(order) == 52
    assert {"1:petit", "1:autre"} <= set(order[:3])


@pytest.mark.django_db
def test_looking_again_skips_nobodys_turn():
    """Each look may serve a single job: the next one goes on behind who was served."""
    taker, order = queue.Taker("w"), []
    for key in ("1:a", "1:b", "1:c"):
        put(key, 4)
    for _ in range(6):
        taker.look()
        order.append(taker.take().key)
    assert Counter(order) == {"1:a": 2, "1:b": 2, "1:c": 2}


@pytest.mark.django_db
def test_a_job_for_later_waits_for_its_hour(shop):
    enqueue(work.nothing, at=timezone.now() + timedelta(hours=1), urgent=True)
    assert taken(queue.Taker("w")) == []
    OrmQ.objects.update(lock=timezone.now())
    assert len(taken(queue.Taker("w"))) == 1


@pytest.mark.django_db
def test_a_job_in_hand_is_nobody_elses_until_its_lease_ends():
    put("1:a")
    first, second = queue.Taker("one"), queue.Taker("two")
    first.look()
    job = first.take()
    second.look()
    assert second.take() is None
    OrmQ.objects.update(lock=timezone.now())
    second.look()
    again = second.take()
    assert (again.id, again.tries) == (job.id, 2)
    queue.failed(job.id, "one", "LookupError")
    assert JobTry.objects.get(job_id=job.id).worker == "two", "who lost it says nothing of it"


@pytest.mark.django_db
def test_a_job_put_back_counts_no_try():
    put("1:a")
    taker = queue.Taker("w")
    taker.look()
    job = taker.take()
    queue.put_back(["w"])
    held = JobTry.objects.get(job_id=job.id)
    assert (held.tries, held.worker) == (0, "")
    assert OrmQ.objects.get(pk=job.id).lock <= timezone.now()


@pytest.mark.django_db
def test_tries_of_jobs_taken_out_by_hand_are_forgotten():
    put("1:a", 2)
    taker = queue.Taker("w")
    taker.look()
    gone, kept = taker.take(), taker.take()
    OrmQ.objects.filter(pk=gone.id).delete()
    queue.forget_tries()
    assert list(JobTry.objects.values_list("job_id", flat=True)) == [kept.id]


@pytest.mark.django_db
@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("012"), st.sampled_from("abcdé_"), st.integers(1, 4))))
def test_whatever_is_queued_is_taken_once_and_never_a_lower_lane_first(queued):
    OrmQ.objects.all().delete()
    wanted: Counter[str] = Counter()
    for lane, shop, n in queued:
        put(f"{lane}:{shop}", n)
        wanted[f"{lane}:{shop}"] += n
    order = taken(queue.Taker("w"))
    assert Counter(order) == wanted
    assert [key[0] for key in order] == sorted(key[0] for key in order)
    assert not OrmQ.objects.exists()
    assert not JobTry.objects.exists()


@pytest.fixture
def committed(django_db_blocker: Any) -> Iterator[None]:
    """A database of the test's own in which everything stays."""
    name = f"comptoir_test_queue_{WORKER or 'main'}"
    copy_database(BASE, name)
    with django_db_blocker.unblock(), standing_in(name):
        yield


def test_many_workers_some_dying_take_every_job_and_none_twice_at_once(committed):
    """Each thread is a worker; one in five takes dies in the middle and is settled by the next."""
    jobs = [f"1:shop_{number % 7}" for number in range(140)]
    for key in jobs:
        put(key)

    def worker(number: int) -> list[tuple[str, int, int]]:
        dice, ended, life = random.Random(number), [], 0
        try:
            while True:
                taker = queue.Taker(f"{number}-{life}")
                taker.look()
                job = taker.take()
                if job is None:
                    if not OrmQ.objects.exists():
                        return ended
                    _wake_the_resting()
                elif dice.random() < 0.2 and job.tries < queue.TRIES:
                    queue.lost(taker.worker, "signal 9")
                    life += 1
                else:
                    ended.append((job.key, job.id, job.tries))
                    queue.done(job)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        ended = [one for found in pool.map(worker, range(4)) for one in found]
    assert len({job for _, job, _ in ended}) == len(ended) == len(jobs)
    assert any(tries > 1 for *_, tries in ended), "nobody died: nothing was shown"
    assert not JobTry.objects.exists()


@transaction.atomic
def _wake_the_resting() -> None:
    """Jobs whose worker died are due at once: the test does not wait for their rest.

    Held first and looked at again: one that was taken meanwhile is somebody's.
    """
    resting = JobTry.objects.filter(worker="")
    rows = OrmQ.objects.filter(pk__in=list(resting.values_list("job_id", flat=True)))
    held = [row.pk for row in rows.select_for_update(skip_locked=True)]
    still = list(resting.filter(job_id__in=held).values_list("job_id", flat=True))
    OrmQ.objects.filter(pk__in=still).update(lock=timezone.now())


def test_a_claim_reads_a_few_rows_of_two_hundred_thousand(committed):
    put("1:big", 200_000)
    put("1:small")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE public.django_q_ormq")
    for statement in (queue._RING, queue._TAKE):
        values = {"key": "1:big", "lease": queue.LEASE, "worker": "w"}
        assert rows_read(statement, values) < 20, statement
    taker = queue.Taker("w")
    taker.look()
    assert "1:small" in {taker.take().key for _ in range(2)}


@pytest.mark.django_db
def test_a_job_is_written_in_one_statement(shop, django_assert_num_queries):
    with in_schema(shop.schema_name):
        Shop.objects.exists()  # the connection stands in the shop now
        with django_assert_num_queries(2):  # the job rides before what is asked next
            enqueue(work.nothing, 7, urgent=True)
            assert OrmQ.objects.filter(key=f"0:{shop.schema_name}").exists()
