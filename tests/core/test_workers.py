"""Workers are killed, frozen, poisoned and stopped; the work is done all the same."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule

from apps.core import queue
from apps.core.models import JobTry, WorkerProcess
from tests.core import work
from tests.core.engine import Engine, PrivateServer, kill, standing_in, state, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engine")]


@pytest.fixture(scope="module")
def _running(django_db_blocker: Any) -> Iterator[Engine]:
    with Engine("engine") as engine:
        with django_db_blocker.unblock(), standing_in(engine.database):
            engine.start()
        yield engine


@pytest.fixture
def engine(_running: Engine, django_db_blocker: Any) -> Iterator[Engine]:
    """Two workers and one for urgent jobs, all idle."""
    with django_db_blocker.unblock(), standing_in(_running.database):
        _running.clear()
        until(lambda: len(_running.workers()) == 3, "three workers")
        yield _running


@pytest.fixture
def fresh(django_db_blocker: Any) -> Iterator[Engine]:
    """A supervisor of the test's own, not started yet."""
    engine = Engine("fresh")
    with django_db_blocker.unblock(), standing_in(engine.database), engine:
        yield engine


def test_every_idle_worker_is_killed_in_turn_and_the_work_goes_on(engine):
    """django-q2's own cluster takes no job any more once its first idle reader is killed."""
    for number, pid in enumerate(engine.workers()):
        kill(pid)
        engine.enqueue(work.say, f"after-{number}")
        until(lambda n=number: engine.said(f"after-{n}") == 1, "the next job")
        until(lambda: len(engine.workers()) == 3, "another in its place")
    until(engine.everything_is_done, "an empty queue")


def test_a_killed_workers_job_is_taken_up_at_once(engine):
    job = engine.enqueue(work.wait_for_word, "torn")
    until(lambda: engine.said("torn"), "the job in hand")
    kill(engine.ran()[0][1])
    until(lambda: engine.said("torn") == 2, "its second try")
    assert JobTry.objects.get(job_id=job).tries == 2
    engine.let_go("torn")
    until(engine.everything_is_done, "an empty queue")
    assert engine.said("torn-end") == 1
    assert not Failure.objects.exists()


def test_a_frozen_worker_is_replaced(engine):
    pid = engine.ordinary()[0]
    kill(pid, signal.SIGSTOP)
    until(lambda: not state(pid), "its end")
    until(lambda: len(engine.workers()) == 3, "another in its place")
    assert engine.process.poll() is None


def test_a_job_that_outstays_its_time_is_killed_and_its_neighbour_works_on(engine):
    job = engine.enqueue(work.hang)
    until(lambda: engine.said("hang"), "the job in hand")
    for number in range(5):
        engine.enqueue(work.say, f"beside-{number}")
    until(lambda: all(engine.said(f"beside-{n}") for n in range(5)), "the neighbours")
    until(lambda: engine.said("hang") >= 2, "its second try")
    assert JobTry.objects.get(job_id=job).error == "timeout"
    OrmQ.objects.filter(pk=job).delete()


@pytest.mark.parametrize(
    ("poison", "kind"), [(work.leave, "exit 3"), (work.crash, f"signal {int(signal.SIGSEGV)}")]
)
def test_a_job_that_kills_its_workers_is_buried_after_its_last_try(engine, poison, kind):
    engine.enqueue(poison)
    dead = until(Failure.objects.first, "its grave")
    assert (dead.result, dead.attempt_count) == (kind, queue.TRIES)
    assert engine.said(poison.__name__) == queue.TRIES
    engine.enqueue(work.say, "after")
    until(lambda: engine.said("after"), "the next job")
    until(engine.everything_is_done, "an empty queue")


def test_a_job_that_fails_is_tried_again_a_few_times_then_buried(engine):
    engine.enqueue(work.explode, "bang")
    engine.enqueue(work.explode_once, "once")
    dead = until(Failure.objects.first, "its grave")
    assert engine.said("bang") == queue.TRIES
    assert (dead.result, dead.attempt_count, dead.group) == ("LookupError", queue.TRIES, "1:public")
    assert dead.started < dead.stopped
    until(engine.everything_is_done, "an empty queue")
    assert engine.said("once") == 2
    assert "Hélène" not in engine.log.read_text()
    queue.revive(dead)
    until(lambda: engine.said("bang") == 2 * queue.TRIES, "its tries, from the first")


def test_a_payload_nobody_can_read_is_buried_at_once(engine):
    queue.put("not-signed-by-us", "1:s_cave")
    dead = until(Failure.objects.first, "its grave")
    assert (dead.result, dead.attempt_count, dead.args) == ("unreadable", 1, ("s_cave",))


def test_a_transaction_left_open_ends_with_its_job(engine):
    engine.enqueue(work.leave_a_transaction_open)
    until(lambda: engine.said("open"), "the job")
    until(engine.everything_is_done, "an empty queue")


def test_an_urgent_job_waits_for_no_long_one(engine):
    for number in range(3):
        engine.enqueue(work.wait_for_word, f"long-{number}")
    until(lambda: engine.said("long-0") and engine.said("long-1"), "both workers busy")
    engine.enqueue(work.say, "code", urgent=True)
    until(lambda: engine.said("code"), "the code")
    assert not engine.said("long-2")
    for number in range(3):
        engine.let_go(f"long-{number}")
    until(engine.everything_is_done, "an empty queue")


def test_schedules_run_by_their_table(engine):
    Schedule.objects.create(
        name="essai",
        func="apps.core.jobs.run",
        args=repr(("public", f"{work.__name__}.say", "tick")),
        schedule_type=Schedule.ONCE,
        next_run=timezone.now(),
    )
    until(lambda: engine.said("tick"), "the scheduled job")
    until(lambda: not Schedule.objects.filter(name="essai").exists(), "its row taken away")


def test_each_worker_signs_and_stays_small(engine):
    for one in WorkerProcess.objects.filter(pid__in=engine.workers()):
        assert one.supervisor == engine.process.pid
        assert 20 < one.memory_kb / 1024 < 140
        seen = one.beat_at
        until(
            lambda seen=seen, one=one: WorkerProcess.objects.filter(
                pk=one.pk, beat_at__gt=seen
            ).exists(),
            "the next heartbeat",
        )


def test_stopping_finishes_what_is_in_hand_and_leaves_the_rest(fresh):
    fresh.start(timeout=30)
    _, held = [fresh.enqueue(work.wait_for_word, f"held-{number}") for number in range(2)]
    until(lambda: fresh.said("held-0") and fresh.said("held-1"), "both workers busy")
    left = fresh.enqueue(work.say, "later")
    workers = fresh.workers()
    fresh.process.send_signal(signal.SIGTERM)
    idle = next(pid for pid, express in workers.items() if express)
    until(lambda: not state(idle), "the end of who has nothing in hand")
    fresh.let_go("held-0")
    assert fresh.process.wait(40) == 0
    assert fresh.said("held-0-end") == 1
    assert not any(map(state, workers))
    assert not fresh.said("later")
    # What was not finished in time is due again, as if nobody had tried it.
    due = OrmQ.objects.filter(lock__lte=timezone.now(), pk__in=[held, left])
    assert due.count() == 2
    assert not JobTry.objects.filter(tries__gt=0).exists()
    assert not WorkerProcess.objects.filter(pid=idle).exists(), "who leaves signs off"


def test_a_killed_supervisor_leaves_no_orphan_and_a_new_one_goes_on(fresh):
    fresh.start(timeout=30)
    fresh.enqueue(work.wait_for_word, "held")
    until(lambda: fresh.said("held"), "the job in hand")
    workers = list(fresh.workers())
    kill(fresh.process.pid)
    fresh.process.wait(40)
    fresh.let_go("held")
    until(lambda: not any(map(state, workers)), "the end of its workers")
    assert fresh.said("held-end") == 1, "what was in hand was finished"
    fresh.enqueue(work.say, "again")
    fresh.start()
    until(lambda: fresh.said("again"), "the next job")


def test_no_database_no_worker_and_a_sentence(fresh):
    gone = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nowhere"}
    fresh.surroundings = {**fresh.surroundings, **gone}
    with pytest.raises(AssertionError, match="ended"):
        fresh.start()
    assert "La base de données ne répond pas" in fresh.log.read_text()


def test_the_database_is_killed_and_comes_back_and_so_do_the_workers(django_db_blocker):
    with PrivateServer() as server:
        engine = Engine("engine_db", server)
        with django_db_blocker.unblock(), standing_in(engine.database, server.host), engine:
            engine.start(timeout=30)  # a slow machine's recovery is no frozen worker
            before = engine.workers()
            server.kill()
            server.start()
            connection.close()
            since = timezone.now()
            engine.enqueue(work.say, "back")
            until(lambda: engine.said("back"), "the next job")
            beats = WorkerProcess.objects.filter(beat_at__gt=since, pid__in=before)
            until(lambda: beats.count() == 3, "the heartbeats of the same three")
