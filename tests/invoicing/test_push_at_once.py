"""Never twice: several workers at once, one that is killed, a pace that all of them share."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.ratelimit import Limit, turn
from apps.invoicing import access, bookkeeping
from apps.invoicing.delivering import drain
from apps.invoicing.push_models import Bookkeeper
from tests.environment import ROOT
from tests.invoicing.pushing import connect, granted, print_papers, send, states
from tests.invoicing.writing import HOTEL, NOON, OWNER, issued, paid

SOME = 4


@pytest.fixture
def counters(tills, shop):
    """``tills``; the key, which does not lie in the shop's schema, is forgotten after."""
    yield tills
    tills(lambda _: access.forget(shop, "lexware", OWNER), None)


WORKER = """
import os, django
django.setup()
from apps.core.tenancy import in_schema
from apps.invoicing.tasks import deliver
with in_schema(os.environ["SCHEMA"]):
    deliver()
"""


def _sell(_):
    for _turn in range(SOME):
        paid(issued(buyer=HOTEL), 1200)
    print_papers()
    connect("lexware")


def _all_is_there_once(lexware, told):
    assert set(told.values()) == {"sent"}
    assert len(lexware.contacts) == 1
    numbers = sorted(one["voucherNumber"] for one in lexware.vouchers.values())
    assert numbers == [f"F2026-{place:05d}" for place in range(1, SOME + 1)]
    for voucher in lexware.vouchers.values():
        assert voucher["remark"].count("réglé") == 1
        assert len(voucher["files"]) == 1


def test_four_workers_at_once_send_each_piece_once(counters, lexware):
    counters(_sell, None)
    counters(lambda _: drain(lambda: NOON), *range(4))
    counters(lambda _: send(), None)
    (told,) = counters(lambda _: states(), None)
    _all_is_there_once(lexware, told)
    assert len(lexware.posts("/v1/vouchers")) == SOME


@contextmanager
def _worker(lexware, shop) -> Iterator["subprocess.Popen[bytes]"]:
    there = {"LEXWARE_URL": lexware.url, "LEXWARE_RATE": "10000/1"}
    environment = {**os.environ, **there, "SCHEMA": shop.schema_name}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    process = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_worker_killed_between_the_call_and_its_note_leaves_nothing_twice(
    counters, lexware, shop
):
    counters(_sell, None)
    with _worker(lexware, shop) as worker:

        def kill(call):
            if len(lexware.posts("/v1/vouchers")) == 2:  # written, and not yet said
                worker.kill()
                worker.wait()

        lexware.hooks.append(kill)
        worker.wait(timeout=120)
    lexware.hooks.clear()
    (told,) = counters(lambda _: states(), None)
    assert list(told.values()).count("sending") == 1
    later = timezone.now() + timedelta(days=1)
    counters(lambda _: send(later), None)  # the others first: that one may have been its death
    (told,) = counters(lambda _: states(), None)
    assert list(told.values()).count("unknown") == 1
    counters(lambda _: send(later + timedelta(minutes=2)), None)
    (told,) = counters(lambda _: states(), None)
    _all_is_there_once(lexware, told)
    assert len(lexware.posts("/v1/vouchers")) == SOME


def test_who_leaves_while_the_access_is_renewed_leaves_no_key_behind(tills, pennylane, shop):
    tills(lambda _: [issued(), print_papers(), connect("pennylane", granted(pennylane))], None)
    pennylane.tokens.clear()  # ended before its time

    def leave(call):
        if call.path == "/oauth/token":
            tills(lambda _: bookkeeping.leave(shop=shop, by=OWNER), None)

    pennylane.hooks.append(leave)
    tills(lambda _: drain(timezone.now), None)
    assert tills(lambda _: access.kept(shop, "pennylane"), None) == [None]
    assert len(pennylane.posts("/oauth/revoke")) == 2
    assert not pennylane.invoices


def test_places_in_the_line_lie_apart_whoever_takes_them(committed):
    waits = sorted(committed(lambda _: turn(Limit("essai", 1, 20)), *range(6)))
    # Each tells the seconds from its own moment on; evenly, and a tenth more than the limit.
    for place, wait in enumerate(waits):
        assert 22 * place - 15 < wait <= 22 * place


def test_what_is_allowed_in_a_second_is_not_passed(counters, lexware, settings):
    settings.LEXWARE_RATE = (2, 1)
    counters(lambda _: [issued(), print_papers(), connect("lexware")], None)
    began = time.monotonic()
    counters(lambda _: send(), None)
    assert time.monotonic() - began > (len(lexware.peer.calls) - 2) * 0.55
    (told,) = counters(lambda _: states(), None)
    assert set(told.values()) == {"sent"}


def test_who_is_told_nothing_of_when_to_come_back_waits_a_little(seller, lexware):
    issued()
    connect("lexware")
    lexware.fail("POST /v1/vouchers", 429, {"message": "Rate limit exceeded"})
    send()
    assert not lexware.vouchers
    send(NOON + timedelta(seconds=10))
    assert set(states().values()) == {"sent"}
    assert len(lexware.vouchers) == 1


def test_who_asked_too_fast_comes_back_when_told_to(seller, pennylane):
    issued()
    connect("pennylane", granted(pennylane))
    pennylane.fail("POST /api/external/v2/customer_invoices/import", 429, retry_after="7")
    send()
    assert Bookkeeper.objects.get().rests_until == NOON + timedelta(seconds=7)
    asked = len(pennylane.peer.calls)
    send(NOON + timedelta(seconds=6))
    assert len(pennylane.peer.calls) == asked
    send(NOON + timedelta(seconds=8))
    assert set(states().values()) == {"sent"}
    assert len(pennylane.invoices) == 1
