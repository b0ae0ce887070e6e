"""One of two texts is picked once, whoever picks, and goes to those who waited for it."""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from apps.audit.models import Entry
from apps.campaigns import freezing, personal, picking, services, splitting, tasks
from apps.campaigns.models import Drop, Pick, PickedBy, Rival, State
from apps.campaigns.versus import versus
from apps.contacts.models import ConsentState, Contact
from apps.messaging.models import Message, Status
from apps.shops.services import shop_here
from tests import environment
from tests.campaigns.drawn import (
    FIVE,
    FRIDAY,
    TEAM,
    click,
    crowd,
    freeze,
    launched,
    on_trial,
    readers,
)
from tests.factories import ContactFactory, ProgrammeFactory


def test_those_of_the_trial_are_written_to_and_the_others_wait(shop):
    drop = on_trial(shop)
    read = readers(drop)
    assert (drop.state, drop.rival.pick_at) == (State.TESTING, FRIDAY + timedelta(hours=4))
    assert read == {
        person: text
        for person in Contact.objects.values_list("pk", flat=True)
        if (text := splitting.reads(drop, person))
    }
    assert drop.audience_size == len(read) < 60
    assert Contact.objects.filter(last_commercial_at=None).count() == 60 - len(read)


def test_halves_leave_in_one_go(shop):
    crowd(40)
    drop = freeze(launched(shop, second={"share": 50}))
    assert drop.state == State.SENDING
    assert len(readers(drop)) == drop.audience_size == 40
    assert set(readers(drop).values()) == {"a", "b"}


def test_the_text_that_does_better_goes_to_the_others_and_nobody_reads_two(shop):
    drop = on_trial(shop, 100)
    before = readers(drop)
    click(drop, "b", 14)
    picking.pick(drop.pk, FRIDAY + FIVE)
    rival = Rival.objects.get()
    assert (rival.pick, rival.picked_by, rival.picked_at) == ("b", "figures", FRIDAY + FIVE)
    counted = Counter(before.values())
    assert rival.seen == {"a": [0, counted["a"]], "b": [14, counted["b"]]}
    drop = freeze(drop, FRIDAY + FIVE)
    after = readers(drop)
    assert (drop.state, drop.audience_size, len(after)) == (State.SENDING, 100, 100)
    assert Message.objects.count() == 100
    assert {text for person, text in after.items() if person not in before} == {"b"}
    assert versus(drop).others == 100 - len(before)
    assert Entry.objects.get(verb="drop.pick").actor_kind == "system"


@pytest.mark.parametrize("otherwise", [Pick.A, Pick.B, Pick.HALF])
@pytest.mark.parametrize("clicks", [0, 1])  # so few say nothing, however the lots fell
def test_a_tie_or_too_little_gives_the_others_what_was_said(shop, otherwise, clicks):
    drop = on_trial(shop, 80, otherwise=otherwise)
    before = readers(drop)
    click(drop, "a", clicks)
    click(drop, "b", clicks + bool(clicks))
    picking.pick(drop.pk, FRIDAY + FIVE)
    rival = Rival.objects.get()
    assert (rival.pick, rival.picked_by) == (otherwise, PickedBy.CHANCE)
    after = readers(freeze(drop, FRIDAY + FIVE))
    others = {text for person, text in after.items() if person not in before}
    assert others == ({"a", "b"} if otherwise == Pick.HALF else {otherwise})


def test_the_owner_chooses_earlier_and_the_clock_then_changes_nothing(shop):
    drop = on_trial(shop)
    picking.choose(drop.pk, "b", TEAM, FRIDAY)
    picking.choose(drop.pk, "b", TEAM, FRIDAY)  # a second tap
    with pytest.raises(picking.AlreadyPicked):
        picking.choose(drop.pk, "a", TEAM, FRIDAY)
    picking.pick(drop.pk, FRIDAY + FIVE)
    rival = Rival.objects.get()
    assert (rival.pick, rival.picked_by) == ("b", PickedBy.HAND)
    assert Entry.objects.filter(verb="drop.pick").count() == 1


def test_nothing_is_picked_before_the_last_of_the_trial_has_left_for_so_long(shop):
    drop = on_trial(shop)
    one = Message.objects.first()
    Message.objects.filter(pk=one.pk).update(
        status=Status.QUEUED, available_at=FRIDAY + FIVE, sent_at=None
    )
    picking.pick(drop.pk, FRIDAY + FIVE)
    late = FRIDAY + 2 * FIVE
    Message.objects.filter(pk=one.pk).update(
        status=Status.SENT, available_at=None, sent_at=late - timedelta(hours=1)
    )
    picking.pick(drop.pk, late)
    rival = Rival.objects.get()
    assert (rival.pick, rival.pick_at) == ("", late + timedelta(hours=3))
    picking.pick(drop.pk, late + timedelta(hours=3))
    assert Rival.objects.get().pick == "a"


def test_the_others_wait_for_the_legal_hour_and_the_cap_holds_for_them(shop):
    drop = on_trial(shop)
    before = readers(drop)
    taken = Contact.objects.exclude(pk__in=before).first()
    Contact.objects.filter(pk=taken.pk).update(last_commercial_at=FRIDAY)  # by another message
    night = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
    picking.pick(drop.pk, night)
    drop = freeze(drop, night)
    others = Message.objects.exclude(contact__in=before)
    assert others.count() == 60 - len(before) - 1
    assert set(others.values_list("available_at", flat=True)) == {
        datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
    }
    assert drop.left_out == {"cap": 1}


def test_who_says_stop_during_the_trial_is_not_written_to_after_it(shop):
    drop = on_trial(shop)
    lost = Contact.objects.exclude(pk__in=readers(drop)).first()
    Contact.objects.filter(pk=lost.pk).update(sms_consent=ConsentState.WITHDRAWN)
    picking.pick(drop.pk, FRIDAY + FIVE)
    assert lost.pk not in readers(freeze(drop, FRIDAY + FIVE))


def test_paused_during_the_trial_nothing_is_picked_and_resumed_it_is(shop):
    drop = on_trial(shop)
    services.pause(drop.pk, TEAM)
    picking.pick(drop.pk, FRIDAY + FIVE)
    assert Rival.objects.get().pick == ""
    services.resume(drop.pk, TEAM, FRIDAY + FIVE)
    drop = freeze(drop, FRIDAY + FIVE)
    assert drop.state == State.TESTING
    picking.pick(drop.pk, FRIDAY + FIVE)
    assert Rival.objects.get().pick == "a"
    assert freeze(drop, FRIDAY + FIVE).audience_size == 60


def test_called_off_during_the_trial_the_others_never_hear_of_it(shop):
    drop = on_trial(shop)
    services.cancel(drop.pk, TEAM, FRIDAY)
    picking.pick(drop.pk, FRIDAY + FIVE)
    with pytest.raises(picking.AlreadyPicked):
        picking.choose(drop.pk, "b", TEAM)
    assert freeze(drop, FRIDAY + FIVE).state == State.CANCELLED


def test_who_is_held_out_is_so_in_the_trial_and_after_it(shop):
    crowd(100)
    drop = freeze(launched(shop, hold_out=20))
    Message.objects.update(status=Status.DELIVERED, available_at=None, sent_at=FRIDAY)
    picking.pick(drop.pk, FRIDAY + FIVE)
    drop = freeze(drop, FRIDAY + FIVE)
    held = set(drop.sends.filter(held_out=True).values_list("contact_id", flat=True))
    everybody = set(Contact.objects.values_list("pk", flat=True))
    assert held == {pk for pk in everybody if personal.held_out(drop, pk)}
    assert held | readers(drop).keys() == everybody
    assert not held & readers(drop).keys()


def test_a_pick_whose_job_was_lost_is_made_by_the_net(shop, run_jobs):
    drop = on_trial(shop)
    Drop.objects.update(relevant_until=timezone.localdate() + timedelta(days=3))
    OrmQ.objects.all().delete()
    tasks.sweep()
    Rival.objects.update(pick_at=timezone.now() + FIVE)
    OrmQ.objects.all().delete()
    tasks.sweep()
    assert not OrmQ.objects.exists(), "its hour has not come"
    Rival.objects.update(pick_at=timezone.now() - FIVE)
    Message.objects.update(sent_at=timezone.now() - 2 * FIVE)
    tasks.sweep()
    run_jobs()
    assert Rival.objects.get().pick == "a"
    assert Message.objects.filter(cause=drop.cause).count() == 60


def test_eight_who_pick_at_once_pick_once_and_each_person_is_written_to_once(committed):
    def begin(_):
        shop = shop_here()
        ProgrammeFactory()
        ContactFactory.create_batch(40, agreeing=True)
        drop = freeze(launched(shop))
        Message.objects.update(status=Status.DELIVERED, available_at=None, sent_at=FRIDAY)
        return drop

    ((drop),) = committed(begin, 1)
    late = FRIDAY + FIVE

    def pick(turn):
        if turn % 2:
            picking.choose(drop.pk, "ab"[turn // 2 % 2], TEAM, late)
        else:
            picking.pick(drop.pk, late)

    committed(pick, *range(8))
    committed(lambda _: freezing.freeze(drop.pk, str(drop.launch_token), late), *range(3))

    def told(_):
        readers = Message.objects.values_list("contact_id", flat=True)
        picks = Entry.objects.filter(verb="drop.pick").count()
        return picks, len(readers), len(set(readers)), Drop.objects.get().audience_size

    assert committed(told, 1) == [(1, 40, 40, 40)]


PICKER = """
import django, sys
django.setup()
from apps.campaigns import picking
from apps.core.jobs import run
def hang(*args, **kwargs):
    print("picked", flush=True)
    sys.stdin.readline()
picking.record = hang
run(sys.argv[1], "apps.campaigns.tasks.pick", int(sys.argv[2]))
"""


def test_a_pick_killed_before_its_end_has_not_been_made_and_is_made_once(committed):
    def begin(_):
        shop = shop_here()
        ProgrammeFactory()
        ContactFactory.create_batch(20, agreeing=True)
        drop = freeze(launched(shop))
        Message.objects.update(status=Status.DELIVERED, available_at=None, sent_at=FRIDAY)
        return drop, shop.schema_name

    ((drop, schema),) = committed(begin, 1)
    with subprocess.Popen(
        [sys.executable, "-c", PICKER, schema, str(drop.pk)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            **environment.environment(environment.NAME),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        cwd=environment.ROOT,
        text=True,
    ) as worker:
        assert worker.stdout.readline() == "picked\n"
        worker.kill()

    def again(_):
        picks = [Rival.objects.get().pick]
        for _turn in range(2):
            picking.pick(drop.pk, FRIDAY + FIVE)
            picks.append(Rival.objects.get().pick)
        freezing.freeze(drop.pk, str(drop.launch_token), FRIDAY + FIVE)
        return picks, Message.objects.count(), Entry.objects.filter(verb="drop.pick").count()

    assert committed(again, 1) == [(["", "a", "a"], 20, 1)]
