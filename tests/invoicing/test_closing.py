"""Closures: each day that is over, each month, each year, once, with sums that follow."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from apps.core.models import Due
from apps.core.tenancy import in_schema, use_public
from apps.invoicing.closing import AlreadyClosed, NotOver, close, run
from apps.invoicing.models import Closure, Method, Period, Record
from apps.invoicing.tasks import look_at_the_clock, sweep
from apps.invoicing.verifying import prove_chain
from tests.invoicing.test_money import take_back
from tests.invoicing.writing import NOON, bottles, issued, paid

DAY = date(2026, 11, 20)
NEXT = NOON + timedelta(days=1)


def names():
    return [(one.period, one.starts) for one in Closure.objects.order_by("pk")]


def test_a_day_is_closed_with_its_sums_and_those_of_all_time(seller):
    first = issued(bottles(3, 1490), bottles(1, 550, vat=550))
    paid(first, 5020, method=Method.CASH)
    take_back(first, {0: 1000})
    run(NEXT)
    issued(at=NEXT)
    run(NEXT + timedelta(days=1))
    day, further = Closure.objects.order_by("pk")
    assert day.record.facts["totals"] == {
        "invoices": 1,
        "credits": 1,
        "invoiced_cents": 5020,
        "credited_cents": 1490,
        "total_cents": 3530,
        "bases": {"2000": [2483, 497], "550": [521, 29]},
        "payments": {"cash": 5020},
    }
    assert further.total_cents == 1200
    assert further.perpetual_cents == 4730
    assert further.record.facts["perpetual"]["invoices"] == 2


def test_a_day_is_closed_once(seller):
    issued()
    close(Period.DAY, DAY, now=NEXT)
    with pytest.raises(AlreadyClosed):
        close(Period.DAY, DAY, now=NEXT)
    run(NEXT)
    assert names() == [("day", DAY)]


def test_today_is_not_closed(seller):
    issued()
    with pytest.raises(NotOver):
        close(Period.DAY, DAY, now=NOON)
    with pytest.raises(NotOver):
        close(Period.MONTH, DAY.replace(day=1), now=NEXT)


def test_a_month_waits_for_its_days_and_begins_on_its_first(seller):
    issued()
    december = datetime(2026, 12, 1, 12, tzinfo=UTC)
    with pytest.raises(NotOver):
        close(Period.MONTH, DAY.replace(day=1), now=december)
    close(Period.DAY, DAY, now=december)
    with pytest.raises(NotOver):
        close(Period.MONTH, DAY, now=december)
    assert close(Period.MONTH, DAY.replace(day=1), now=december).total_cents == 1200


def test_what_a_sleeping_worker_missed_is_closed_in_order(seller):
    for days in (0, 1, 15, 45):
        issued(at=NOON + timedelta(days=days))
    run(datetime(2027, 1, 5, 12, tzinfo=UTC))
    assert names() == [
        ("day", date(2026, 11, 20)),
        ("day", date(2026, 11, 21)),
        ("month", date(2026, 11, 1)),
        ("day", date(2026, 12, 5)),
        ("month", date(2026, 12, 1)),
        ("year", date(2026, 1, 1)),
        ("day", date(2027, 1, 4)),
    ]
    year = Closure.objects.get(period="year")
    assert (year.total_cents, year.perpetual_cents) == (3600, 3600)
    assert prove_chain().broken is None


def test_what_comes_after_midnight_belongs_to_the_new_day(seller):
    with timezone.override(seller.zone):
        late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # half past midnight at the shop
        assert issued(at=late).issued_on == DAY + timedelta(days=1)


def test_the_night_comes_by_itself(seller, run_jobs):
    issued()
    assert Due.objects.get(what="closures").at.date() in (DAY, DAY + timedelta(days=1))
    OrmQ.objects.all().delete()
    use_public()
    Due.objects.update(at=timezone.now())
    look_at_the_clock()
    assert OrmQ.objects.count() == 1
    run_jobs()


def test_a_shop_that_lost_its_night_is_found(seller):
    issued()
    Due.objects.all().delete()
    schema = seller.schema_name
    use_public()
    sweep()
    with in_schema(schema):
        assert Due.objects.filter(what="closures").exists()


def test_nothing_recorded_is_nothing_closed(seller):
    run(NEXT)
    assert not Record.objects.exists()
