"""From a launch to the outbox: everyone once, whoever dies, whoever else launches."""

import os
import subprocess
import sys
import textwrap
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from apps.campaigns import freezing, services, tasks
from apps.campaigns.estimate import estimate
from apps.campaigns.models import Drop, State
from apps.contacts.models import ConsentState, Contact
from apps.core.actor import Actor
from apps.core.jobs import Lane, enqueue
from apps.core.queue import key_of
from apps.core.tenancy import in_schema
from apps.core.tokens import short
from apps.loyalty.models import Card
from apps.loyalty.services import card_of
from apps.messaging.models import Message, Status
from apps.messaging.outbox import claim
from apps.shops.models import Shop
from apps.shops.services import provision
from tests import environment
from tests.at_once import at_once
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

TEAM = Actor("team", 1)
FRIDAY = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
WORDS = {"use_email": False, "sms_text": "{prénom}, du nouveau : {lien}"}


def _launched(shop, now=FRIDAY, **written):
    drop = services.create(TEAM, written={**WORDS, **written}, now=now)
    return services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, now), now)


def _freeze(drop, now=FRIDAY):
    freezing.freeze(drop.pk, str(drop.launch_token), now)
    drop.refresh_from_db()
    return drop


def _handed_over(shop, now=FRIDAY):
    """What a worker would give the providers at this moment."""
    return [held.outgoing for held in claim(shop, now)]


def test_the_audience_freezes_into_the_outbox_with_the_reasons_of_the_others(shop):
    ProgrammeFactory()
    ContactFactory.create_batch(3, agreeing=True)
    ContactFactory(sms_consent=ConsentState.PENDING)
    ContactFactory(agreeing=True, last_commercial_at=FRIDAY - timedelta(days=2))
    drop = _freeze(_launched(shop))
    assert (drop.state, drop.audience_size) == (State.SENDING, 3)
    assert drop.left_out == {"pending": 1, "cap": 1}
    for message in Message.objects.filter(cause=drop.cause).select_related("contact__card"):
        assert message.body.startswith(message.contact.first_name.replace("ï", "i")[:3])
        assert f"/l/{short(drop.pk)}/{message.contact.card.token}/" in message.body
        assert "dangereux pour la santé" in message.body


def test_a_second_freeze_doubles_nobody(shop):
    ContactFactory.create_batch(4, agreeing=True)
    drop = _launched(shop)
    _freeze(drop)
    drop = _freeze(drop)
    assert Message.objects.count() == drop.audience_size == 4


def test_a_long_freeze_makes_way_for_another_shop_and_goes_on_after_it(
    shop, other_shop, monkeypatch, run_jobs
):
    ContactFactory.create_batch(7, agreeing=True)
    drop = _launched(shop)
    monkeypatch.setattr(freezing, "BATCH", 3)
    monkeypatch.setattr(freezing, "TURN_SECONDS", 0.0)
    OrmQ.objects.all().delete()
    with in_schema(other_shop.schema_name):
        enqueue("apps.messaging.tasks.drain", bulk=True)
    assert _freeze(drop).audience_size == 3
    again = OrmQ.objects.get(key=key_of(Lane.ORDINARY, shop.schema_name))
    assert again.task["args"][1:] == (freezing.FREEZE, drop.pk, str(drop.launch_token))
    OrmQ.objects.all().delete()
    assert _freeze(drop).audience_size == 7


def test_a_freeze_goes_on_where_it_was_left_and_keeps_its_count(shop, monkeypatch):
    ContactFactory.create_batch(7, agreeing=True)
    ContactFactory(agreeing=True, last_commercial_at=FRIDAY)
    drop = _launched(shop)
    monkeypatch.setattr(freezing, "BATCH", 3)
    written = freezing._write
    runs = []

    def dies_after_the_first(*args):
        if runs:
            raise KeyboardInterrupt
        runs.append(written(*args))
        return runs[0]

    monkeypatch.setattr(freezing, "_write", dies_after_the_first)
    with pytest.raises(KeyboardInterrupt):
        _freeze(drop)
    drop.refresh_from_db()
    assert (drop.state, drop.audience_size) == (State.PREPARING, 3)
    monkeypatch.setattr(freezing, "_write", written)
    drop = _freeze(drop)
    assert Message.objects.count() == drop.audience_size == 7
    assert drop.left_out == {"cap": 1}


def test_a_job_of_an_earlier_launch_does_nothing(shop):
    ContactFactory(agreeing=True)
    drop = _launched(shop, send_at=FRIDAY + timedelta(hours=2))
    old = str(drop.launch_token)
    services.unschedule(drop.pk, TEAM)
    freezing.freeze(drop.pk, old, FRIDAY)
    drop.refresh_from_db()
    assert (drop.state, drop.launch_token) == (State.DRAFT, None)
    assert not Message.objects.exists()


def test_messages_wait_for_the_legal_hour_of_each_place(shop):
    here = ContactFactory(agreeing=True)
    there = ContactFactory(agreeing=True, phone="+590690123456", phone_region="GP")
    night = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)  # 22:00 in Beaune, 17:00 in Guadeloupe
    _freeze(_launched(shop, now=night), now=night)
    at = dict(Message.objects.values_list("contact_id", "available_at"))
    assert at[there.pk] == night
    assert at[here.pk] == datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


def test_both_channels_give_one_person_two_messages_and_one_turn(shop):
    ContactFactory.create_batch(2, agreeing=True)
    drop = _freeze(
        _launched(shop, use_email=True, both=True, email_subject="Bonjour", email_text="{lien}")
    )
    assert drop.audience_size == 2
    assert Message.objects.filter(cause=drop.cause).count() == 4
    html = next(one.html for one in _handed_over(shop) if one.channel == "email")
    assert "Voir ma carte" in html
    assert "Ne plus les recevoir" in html
    assert shop.accent in html


def test_the_mail_shows_the_logo_from_where_the_shop_serves_it(shop):
    shop.logo = f"{shop.schema_name}/a1b2.webp"
    shop.save(update_fields=["logo"])
    ContactFactory(agreeing=True)
    mail = {"use_sms": False, "use_email": True, "email_subject": "Arrivage", "email_text": "Là."}
    _freeze(_launched(shop, **mail))
    (mail,) = _handed_over(shop)
    assert f'<img src="{shop.url}/logo/a1b2.webp"' in mail.html


def test_what_a_mail_says_of_a_person_is_in_their_own_text_and_the_html_is_drawn_from_it(shop):
    """However few read the same words: by name, by stamps, without a card so far."""
    ProgrammeFactory(goal=10)
    for n, name in enumerate(["Zoé", "Loïc", ""]):
        CardFactory(contact__agreeing=True, contact__first_name=name, balance=n)
    newcomer = ContactFactory(agreeing=True, first_name="Inès")
    words = "{prénom|vous}, {tampons} tampons, encore {reste}.\n\n{lien}"
    mail = {"use_sms": False, "use_email": True, "email_subject": "Pour {prénom|vous}"}
    drop = _freeze(_launched(shop, **mail, email_text=words))
    assert card_of(newcomer).balance == 0
    said = {mail.to: mail for mail in _handed_over(shop)}
    assert len(said) == drop.audience_size == 4
    for card in Card.objects.select_related("contact"):
        mail, name = said[card.contact.email], card.contact.first_name or "vous"
        own = f"{name}, {card.balance} tampons, encore {10 - card.balance}."
        assert mail.body.startswith(
            f"{own}\n\n{shop.url}/l/{short(drop.pk)}/{card.token}/\n\n-- \n"
        )
        assert own in mail.html
        assert (mail.subject, mail.html.count(card.token)) == (f"Pour {name}", 1)


def test_an_sms_takes_who_it_reaches_and_a_mail_the_others(shop):
    ContactFactory.create_batch(2, agreeing=True)
    ContactFactory(agreeing=True, sms_consent=ConsentState.NONE)
    written = {"use_email": True, "email_subject": "Bonjour", "email_text": "Du nouveau."}
    drop = _freeze(_launched(shop, **written))
    assert drop.audience_size == 3
    lines = Message.objects.filter(cause=drop.cause).order_by("pk")
    assert list(lines.values_list("channel", flat=True)) == ["sms", "sms", "email"]


def test_the_next_drop_finds_the_cap_reached_before_anything_has_left(shop):
    ContactFactory.create_batch(2, agreeing=True)
    first, second = _launched(shop), _launched(shop)
    _freeze(first)
    second = _freeze(second)
    assert (second.audience_size, second.left_out) == (0, {"cap": 2})
    assert second.state == State.DONE


def test_paused_it_stays_resumed_it_leaves_cancelled_it_frees(shop, run_jobs):
    people = ContactFactory.create_batch(3, agreeing=True)
    drop = _freeze(_launched(shop))
    services.pause(drop.pk, TEAM)
    due = Message.objects.due(FRIDAY + timedelta(days=30))
    assert not due.exists()
    services.resume(drop.pk, TEAM, FRIDAY)
    assert due.count() == 3
    services.cancel(drop.pk, TEAM, FRIDAY)
    assert not due.exists()
    assert set(Message.objects.values_list("status", flat=True)) == {Status.CANCELLED}
    again = Contact.objects.filter(pk__in=[p.pk for p in people], last_commercial_at=None)
    assert again.count() == 3


def test_a_pause_in_the_middle_of_a_freeze_holds_and_resuming_finishes_it(shop, monkeypatch):
    ContactFactory.create_batch(5, agreeing=True)
    drop = _launched(shop)
    monkeypatch.setattr(freezing, "BATCH", 2)
    written = freezing._write

    def pauses_after_the_first(*args):
        done = written(*args)
        if Drop.objects.get(pk=drop.pk).state == State.PREPARING:
            services.pause(drop.pk, TEAM)
        return done

    monkeypatch.setattr(freezing, "_write", pauses_after_the_first)
    assert _freeze(drop).audience_size == 2
    monkeypatch.setattr(freezing, "_write", written)
    services.resume(drop.pk, TEAM, FRIDAY)
    assert _freeze(drop).audience_size == 5


def test_a_spent_quota_pauses_the_drop_and_a_refill_lets_it_go_on(shop):
    ContactFactory(agreeing=True)
    drop = _freeze(_launched(shop))
    services.provider_paused(drop.cause, "quota")
    services.provider_paused("join:4", "quota")
    drop.refresh_from_db()
    assert (drop.state, drop.pause_reason) == (State.PAUSED, "quota")
    services.provider_resumed()
    drop.refresh_from_db()
    assert (drop.state, drop.pause_reason) == (State.SENDING, "")


def test_what_the_team_paused_no_refill_wakes(shop):
    ContactFactory(agreeing=True)
    drop = _freeze(_launched(shop))
    services.pause(drop.pk, TEAM)
    services.provider_resumed()
    drop.refresh_from_db()
    assert drop.state == State.PAUSED


def test_a_drop_is_done_when_nothing_of_it_waits(shop):
    ContactFactory(agreeing=True)
    drop = _freeze(_launched(shop))
    assert not freezing.close(drop.pk, FRIDAY)
    Message.objects.update(status=Status.DELIVERED, available_at=None)
    assert freezing.close(drop.pk, FRIDAY)
    drop.refresh_from_db()
    assert (drop.state, drop.done_at) == (State.DONE, FRIDAY)


def _standing_still(drop):
    """Nothing was saved of it for an hour, and no job of it is left."""
    Drop.objects.filter(pk=drop.pk).update(saved_at=timezone.now() - timedelta(hours=1))
    OrmQ.objects.all().delete()


def test_a_drop_whose_last_job_was_lost_is_closed_by_the_net(shop, run_jobs):
    ContactFactory(agreeing=True)
    drop = _freeze(_launched(shop))
    _standing_still(drop)
    tasks.sweep()
    assert not OrmQ.objects.exists(), "it still waits: nothing to do"
    Message.objects.update(status=Status.DELIVERED, available_at=None)
    tasks.sweep()
    run_jobs()
    drop.refresh_from_db()
    assert drop.state == State.DONE


@pytest.mark.parametrize("late", [None, timedelta(hours=1)])
def test_a_drop_whose_freeze_was_lost_is_frozen_by_the_net(shop, late):
    ContactFactory(agreeing=True)
    now = timezone.now()
    drop = _launched(shop, now, send_at=late and now + late)
    _standing_still(drop)
    if late:
        tasks.sweep()
        assert not OrmQ.objects.exists(), "its hour has not come"
        Drop.objects.filter(pk=drop.pk).update(send_at=now - late)
    tasks.sweep()
    (job,) = OrmQ.objects.all()
    assert job.task["args"][1:] == ("apps.campaigns.tasks.freeze", drop.pk, str(drop.launch_token))


def test_a_thousand_people_freeze_in_a_few_statements_a_batch(shop, monkeypatch):
    monkeypatch.setattr(freezing, "BATCH", 200)
    ProgrammeFactory()
    Contact.objects.bulk_create(
        Contact(
            first_name="Anaïs",
            phone=f"+33670{n:06d}",
            phone_mobile=True,
            phone_region="FR",
            sms_consent=ConsentState.GRANTED,
            adult_declared_at=FRIDAY,
        )
        for n in range(1000)
    )
    drop = _launched(shop, sms_text="{prénom}, du nouveau chez {boutique} : {lien}")
    with CaptureQueriesContext(connection) as asked:
        drop = _freeze(drop)
    assert drop.audience_size == Message.objects.count() == Card.objects.count() == 1000
    assert len(asked) < 20 * (1000 / 200 + 1)


def test_the_price_told_is_the_price_of_what_is_frozen(shop):
    for name in ("Loïc", "", "Maximilien-Alexandre"):
        ContactFactory(agreeing=True, first_name=name)
    drop = services.create(TEAM, written={**WORDS, "sms_text": "{prénom}, " + "x" * 80})
    told = estimate(drop, shop, FRIDAY)
    assert (told.shortest.name, told.longest.name.split()[0]) != ("", "")
    services.launch(drop.pk, uuid.uuid4(), TEAM, told, FRIDAY)
    drop.refresh_from_db()
    _freeze(drop)
    from apps.messaging.channels.sms import stop_reserve
    from apps.messaging.text import count

    bodies = Message.objects.values_list("body", flat=True)
    assert told.segments == sum(count(body, stop_reserve()).segments for body in bodies)


# --- with rows that are really there, and processes that really die -----------------------


@pytest.fixture
def lone_shop(django_db_blocker, django_db_setup):
    """A shop of its own, committed, emptied of its queue afterwards."""
    with django_db_blocker.unblock():
        connection.set_schema_to_public()
        shop = provision(name="Cave seule", slug=f"seule-{uuid.uuid4().hex[:8]}")
        try:
            with in_schema(shop.schema_name):
                yield shop
        finally:
            connection.set_schema_to_public()
            from django_q.models import OrmQ

            OrmQ.objects.all().delete()
            with in_schema(shop.schema_name):
                Shop.objects.filter(pk=shop.pk).update(closed_at=timezone.now())
            connections.close_all()


def _crowd(many):
    Contact.objects.bulk_create(
        Contact(
            first_name="Zoé",
            phone=f"+33671{n:06d}",
            phone_mobile=True,
            phone_region="FR",
            sms_consent=ConsentState.GRANTED,
        )
        for n in range(many)
    )


def _at_once(shop, jobs):
    def run(job):
        with in_schema(shop.schema_name):
            job()

    assert not any(at_once(run, *jobs)), "refused"


def test_two_drops_frozen_at_once_never_both_get_one_person(lone_shop, monkeypatch):
    _crowd(400)
    monkeypatch.setattr(freezing, "BATCH", 20)
    words = {"sms_text": "{prénom}, du nouveau"}
    drops = [_launched(lone_shop, **words) for _ in range(2)]
    _at_once(
        lone_shop,
        [lambda d=drop: freezing.freeze(d.pk, str(d.launch_token), FRIDAY) for drop in drops],
    )
    written_to = list(Message.objects.values_list("contact_id", flat=True))
    assert len(written_to) == len(set(written_to)) == 400
    for drop in drops:
        drop.refresh_from_db()
    assert sum(drop.audience_size for drop in drops) == 400
    assert sum(drop.left_out.get("cap", 0) for drop in drops) == 400


def test_one_drop_frozen_twice_at_once_writes_to_each_person_once(lone_shop, monkeypatch):
    _crowd(200)
    monkeypatch.setattr(freezing, "BATCH", 20)
    drop = _launched(lone_shop, sms_text="{prénom}, du nouveau")
    _at_once(lone_shop, [lambda: freezing.freeze(drop.pk, str(drop.launch_token), FRIDAY)] * 2)
    drop.refresh_from_db()
    assert Message.objects.count() == drop.audience_size == 200
    assert drop.left_out == {}


FREEZER = """
import django, sys
django.setup()
from apps.campaigns import freezing
from apps.core.jobs import run
freezing.BATCH = 10
written = freezing._write
def slow(*args):
    done = written(*args)
    print("batch", flush=True)
    sys.stdin.readline()
    return done
freezing._write = slow
run(sys.argv[1], "apps.campaigns.tasks.freeze", int(sys.argv[2]), sys.argv[3])
"""


def test_a_freeze_killed_in_the_middle_loses_nobody_and_doubles_nobody(lone_shop):
    _crowd(65)
    drop = _launched(lone_shop, sms_text="{prénom}, du nouveau")
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(FREEZER),
            lone_shop.schema_name,
            str(drop.pk),
            str(drop.launch_token),
        ],
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
        for _ in range(3):
            assert worker.stdout.readline() == "batch\n"
            worker.stdin.write("\n")
            worker.stdin.flush()
        worker.kill()
    drop.refresh_from_db()
    half = drop.audience_size
    assert drop.state == State.PREPARING
    assert 30 <= half < 65
    drop = _freeze(drop)
    assert Message.objects.count() == drop.audience_size == 65
    assert drop.left_out == {}


def test_each_reader_of_the_same_words_has_links_of_their_own(shop):
    """A mail's HTML is drawn once for all who read the same words."""
    people = ContactFactory.create_batch(3, agreeing=True, first_name="Zoé")
    written = {"use_sms": False, "use_email": True, "email_subject": "Ce soir"}
    drop = _freeze(_launched(shop, **written, email_text="{prénom}, votre carte : {lien}"))
    assert drop.audience_size == 3
    mails = {mail.to: mail for mail in _handed_over(shop)}
    for person in people:
        mail = mails.pop(person.email)
        for mine in (mail.html, mail.body):
            person.refresh_from_db()
            assert f"/{person.card.token}/" in mine
            assert f"/stop/{person.link_token}/" in mine
            assert "exemple-de-lien" not in mine
            others = [one for one in people if one != person]
            assert not any(one.link_token in mine for one in others)
        assert "Ne plus les recevoir :" not in mail.html, "the text's own foot"
