"""Several workers at the same moment: still one message a person and occasion."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.campaigns import automatic, firing
from apps.campaigns.models import Run, RunState, Trigger
from apps.contacts.models import Contact
from apps.core import due
from apps.core.actor import Actor
from apps.core.models import Due
from apps.messaging.models import Message
from apps.shops.services import shop_here
from tests.factories import CardFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db(transaction=False)

TEN = datetime(2026, 11, 24, 9, tzinfo=UTC)
LONG_AGO = TEN - timedelta(days=30)
TEAM = Actor("team", 1)


def _birthdays(many, triggers=1):
    ProgrammeFactory()
    for _ in range(triggers):
        trigger = automatic.create("birthday", TEAM)
        words = {"use_email": False, "sms_text": "Bel anniversaire"}
        Trigger.objects.filter(pk=trigger.pk).update(**words)
        automatic.switch_on(trigger.pk, TEAM, shop_here(), LONG_AGO)
    born = datetime(1980, 11, 24, tzinfo=UTC).date()
    more = {"contact__birth_date": born, "contact__created_at": LONG_AGO}
    CardFactory.create_batch(many, contact__agreeing=True, **more)
    Trigger.objects.update(next_at=TEN)


def _told(_):
    runs = list(Run.objects.order_by("pk").values_list("contact", "state"))
    return runs, list(Message.objects.values_list("contact", flat=True)), Due.objects.get().at


def test_four_sweeps_at_once_write_to_each_person_once(committed):
    committed(lambda _: _birthdays(12), 1)
    committed(lambda _: firing.run_due(TEN), *range(4))
    ((runs, written_to, due_at),) = committed(_told, 1)
    assert [state for _person, state in runs] == [RunState.SENT] * 12
    assert sorted(written_to) == sorted(person for person, _state in runs)
    assert due_at == TEN + timedelta(days=1)


def test_two_triggers_at_the_same_moment_never_both_get_one_person(committed):
    committed(lambda _: _birthdays(6, triggers=2), 1)
    committed(lambda _: firing.run_due(TEN), *range(4))
    ((_runs, written_to, _due_at),) = committed(_told, 1)
    assert len(written_to) == len(set(written_to)) == 6


def test_one_fact_heard_by_two_workers_is_one_message(committed):
    committed(lambda _: _birthdays(1), 1)

    def hear(_):
        trigger = Trigger.objects.get()
        person = Contact.objects.get()
        firing.sweep(trigger.pk, shop_here(), TEN)
        for run in Run.objects.filter(contact=person):
            firing.settle(run.pk, shop_here(), TEN)

    committed(hear, *range(6))
    ((runs, written_to, _due_at),) = committed(_told, 1)
    assert len(runs) == len(written_to) == 1


def test_what_comes_while_a_shop_settles_is_not_forgotten(committed):
    """A moment noted while the index is counted anew is due all the same."""
    committed(lambda _: due.note(firing.DUE, TEN), 1)
    hour = timedelta(hours=1)

    def work(turn):
        if turn % 2:
            due.note(firing.DUE, TEN + turn * hour)
        else:
            due.settle(firing.DUE, lambda: None)

    committed(work, *range(8))
    committed(lambda _: due.note(firing.DUE, TEN + 9 * hour), 1)
    (at,) = committed(lambda _: Due.objects.get().at, 1)
    assert at is not None
    assert at <= TEN + 9 * hour
