"""Those who are kept without a message: drawn fairly, the same each time, and compared."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.campaigns import freezing, personal, queries, services
from apps.campaigns.estimate import estimate
from apps.campaigns.models import Drop, Send, State
from apps.catalog.services.purchases import record_purchase
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.loyalty.services import add_stamp, card_of, undo_stamp
from apps.messaging.models import Message
from tests.factories import ContactFactory, ProgrammeFactory

TEAM = Actor("team", 1)
FRIDAY = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
WORDS = {"use_email": False, "sms_text": "Bonjour", "hold_out": 20}


def _launched(shop, **written):
    drop = services.create(TEAM, written={**WORDS, **written}, now=FRIDAY)
    return services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, FRIDAY), FRIDAY)


def _freeze(drop):
    freezing.freeze(drop.pk, str(drop.launch_token), FRIDAY)
    drop.refresh_from_db()
    return drop


def _held(drop):
    return set(Send.objects.filter(drop=drop, held_out=True).values_list("contact_id", flat=True))


def _written_to(drop):
    return set(Message.objects.filter(cause=drop.cause).values_list("contact_id", flat=True))


def _stamp(person, at):
    done = {"card": card_of(person), "token": uuid.uuid4(), "by": TEAM, "now": at}
    return add_stamp(**done, over_cooldown=True).movement


def test_everybody_is_written_to_or_held_out_as_was_said(shop):
    people = {person.pk for person in ContactFactory.create_batch(60, agreeing=True)}
    drop = _launched(shop)
    told = estimate(Drop.objects.get(pk=drop.pk), shop, FRIDAY)
    drop = _freeze(drop)
    held, written_to = _held(drop), _written_to(drop)
    assert held | written_to == people
    assert not held & written_to
    assert (told.people, told.held) == (len(written_to), len(held))
    assert held == {pk for pk in people if personal.held_out(drop, pk)}
    assert drop.audience_size == 60


def test_by_both_channels_who_is_held_out_reads_neither(shop):
    ContactFactory.create_batch(40, agreeing=True)
    mail = {"use_email": True, "both": True, "email_subject": "Bonjour", "email_text": "Bonjour"}
    drop = _freeze(_launched(shop, **mail))
    assert _held(drop)
    assert not _held(drop) & _written_to(drop)
    assert Message.objects.filter(cause=drop.cause).count() == 2 * len(_written_to(drop))


def test_a_freeze_that_was_killed_draws_the_same_people(shop, monkeypatch):
    ContactFactory.create_batch(40, agreeing=True)
    drop = _launched(shop)
    monkeypatch.setattr(freezing, "BATCH", 7)
    written = freezing._write
    turns = []

    def dies_at_the_third(*args):
        if len(turns) == 2:
            raise KeyboardInterrupt
        turns.append(args)
        return written(*args)

    monkeypatch.setattr(freezing, "_write", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        _freeze(drop)
    monkeypatch.setattr(freezing, "_write", written)
    drop = _freeze(drop)
    assert drop.state == State.SENDING
    assert len(_held(drop)) + len(_written_to(drop)) == 40
    assert all(personal.held_out(drop, pk) for pk in _held(drop))


@settings(deadline=None, max_examples=30)
@given(drop=st.integers(1, 10**12), part=st.integers(1, 20))
def test_the_draw_is_fair_and_no_drop_repeats_anothers(drop, part):
    """Of 4,000 people, within five standard deviations; those of the next drop are others."""
    one, other = Drop(pk=drop, hold_out=part), Drop(pk=drop + 1, hold_out=part)
    mine = {pk for pk in range(4000) if personal.held_out(one, pk)}
    hers = {pk for pk in range(4000) if personal.held_out(other, pk)}
    share = part / 100
    assert abs(len(mine) - 4000 * share) < 5 * (4000 * share * (1 - share)) ** 0.5
    assert abs(len(mine & hers) - 4000 * share**2) < 5 * (4000 * share**2) ** 0.5 + 1


def test_the_database_draws_as_python_does(shop):
    drop = Drop(pk=12, hold_out=13)
    drawn = personal.is_held_out(drop, "id").replace("%%", "%")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM generate_series(1, 3000) AS id WHERE {drawn}")
        found = {pk for (pk,) in cursor.fetchall()}
    assert found == {pk for pk in range(1, 3001) if personal.held_out(drop, pk)}


def test_who_is_held_out_waits_as_if_written_to_and_is_free_when_it_is_called_off(shop):
    """Else another message would reach them alone, and nothing could be compared."""
    ContactFactory.create_batch(40, agreeing=True)
    drop = _freeze(_launched(shop))
    assert not Contact.objects.filter(last_commercial_at=None).exists()
    services.cancel(drop.pk, TEAM, FRIDAY)
    assert not Contact.objects.exclude(last_commercial_at=None).exists()


def test_codes_go_to_those_who_are_written_to_alone(shop):
    ContactFactory.create_batch(40, agreeing=True)
    drop = _freeze(_launched(shop, sms_text="{code}", offer="5 € de remise"))
    coded = Send.objects.filter(drop=drop).exclude(code=None)
    assert set(coded.values_list("contact_id", flat=True)) == _written_to(drop)


def test_no_more_than_a_fifth_is_held_out(shop, owner_client):
    with pytest.raises(IntegrityError), transaction.atomic():
        services.create(TEAM, written={"hold_out": 21})
    drop = services.create(TEAM)
    typed = {"title": "A", "use_sms": "on", "sms_text": "B", "when": "now", "fallback": "vous"}
    path = f"/gestion/messages/{drop.pk}/brouillon/"
    answer = owner_client.post(path, {**typed, "hold_out": "21"})
    assert (answer.status_code, "De 0 à 20" in answer.content.decode()) == (422, True)
    assert owner_client.post(path, {**typed, "hold_out": ""}).status_code == 302


def test_who_came_after_is_counted_once_in_each_group(shop):
    ProgrammeFactory()
    ContactFactory.create_batch(40, agreeing=True)
    drop = _freeze(_launched(shop))
    written_to = list(Contact.objects.filter(pk__in=_written_to(drop)))
    held = list(Contact.objects.filter(pk__in=_held(drop)))
    day = timedelta(days=1)
    for person in (written_to[0], written_to[1], held[0]):
        _stamp(person, FRIDAY + day)
    _stamp(written_to[0], FRIDAY + 2 * day)  # twice
    _stamp(written_to[2], FRIDAY - day)  # before
    _stamp(written_to[3], FRIDAY + 14 * day)  # too late
    undone = _stamp(written_to[4], FRIDAY + day)
    undo_stamp(movement=undone, token=uuid.uuid4(), by=TEAM, now=FRIDAY + day)
    effect = queries.effect(drop)
    assert (effect.came.one.some, effect.came.other.some) == (2, 1)
    assert (effect.came.one.all, effect.came.other.all) == (len(written_to), len(held))
    assert effect.sentence.startswith("Trop peu de monde pour conclure")


def test_what_they_bought_since_is_told_in_euros(shop, owner_client):
    ProgrammeFactory()
    ContactFactory.create_batch(40, agreeing=True)
    drop, day = _freeze(_launched(shop)), timedelta(days=1)
    one, other, *_ = Contact.objects.filter(pk__in=_written_to(drop))
    held = Contact.objects.filter(pk__in=_held(drop)).first()
    _bought(one, 4200, FRIDAY + day)
    _bought(one, -1200, FRIDAY + 2 * day)  # brought back
    _bought(other, 900, FRIDAY - day)
    _bought(other, 800, FRIDAY + 14 * day)
    _bought(held, 700, FRIDAY + day)
    under_another = ContactFactory(merged_into=other)
    _bought(under_another, 500, FRIDAY + day)
    assert queries.effect(drop).bought.one.cents == 3500
    page = owner_client.get(f"/gestion/messages/{drop.pk}/").text.replace("\u00a0", " ")
    assert "35,00 €" in page.replace("\u202f", " ")


def _bought(contact, cents, at):
    words = {"amount_cents": cents, "at": at, "source": "counter", "reference": str(uuid.uuid4())}
    record_purchase(contact=contact, **words)


def test_the_owner_reads_it_on_the_page(shop, owner_client, django_assert_max_num_queries):
    ProgrammeFactory()
    ContactFactory.create_batch(40, agreeing=True)
    drop = _freeze(_launched(shop, sms_text="{code}", offer="5 € de remise"))
    with django_assert_max_num_queries(21):
        page = owner_client.get(f"/gestion/messages/{drop.pk}/").content.decode()
    for told in ("Gardés sans message", "Trop peu de monde pour conclure", "codes utilisés"):
        assert told.replace("codes utilisés", "utilisé") in page
