"""One commercial message a person and week, whatever it comes from: the others wait their turn."""

import uuid
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.utils import timezone

from apps.campaigns import automatic, firing, freezing, leaving, services
from apps.campaigns.estimate import estimate
from apps.campaigns.models import Drop, Run, RunState, State, Trigger
from apps.campaigns.queries import waves
from apps.campaigns.timing import last_moment, waves_said
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.messaging.models import Message, Status
from apps.messaging.outbox import claim
from apps.messaging.services import post
from apps.shops.services import shop_here
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db
TEAM = Actor("team", 1)
TUESDAY = datetime(2026, 11, 24, 9, tzinfo=UTC)  # ten o'clock in Beaune
DAY = timedelta(days=1)
WORDS = {"use_email": False, "sms_text": "Du nouveau ce soir"}


def launched(now=TUESDAY, **written):
    shop = shop_here()
    drop = services.create(TEAM, written={**WORDS, **written}, now=now)
    return services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, now), now)


def frozen(now=TUESDAY, **written):
    drop = launched(now, **written)
    freezing.freeze(drop.pk, str(drop.launch_token), now)
    drop.refresh_from_db()
    return drop


def told(**written):
    shop = shop_here()
    drop = services.create(TEAM, written={**WORDS, **written}, now=TUESDAY)
    return estimate(drop, shop, TUESDAY)


def message_of(person):
    return Message.objects.get(contact=person)


def leave(shop, now):
    """What leaves at this moment, by cause."""
    claims = claim(shop, now)
    found = Message.objects.filter(pk__in=[one.message_id for one in claims])
    return sorted(found.values_list("cause", flat=True))


# --- a drop ------------------------------------------------------------------------------


def test_who_was_written_to_lately_gets_the_drop_at_the_first_allowed_moment(shop):
    free = ContactFactory(agreeing=True)
    capped = ContactFactory(agreeing=True, last_commercial_at=TUESDAY - 5 * DAY)
    by_night = TUESDAY - timedelta(days=5, hours=12)  # its cap ends on Wednesday at ten at night
    at_night = ContactFactory(agreeing=True, last_commercial_at=by_night)
    drop = frozen()
    assert (drop.audience_size, drop.left_out) == (3, {})
    assert (message_of(free).available_at, message_of(free).reason) == (TUESDAY, "")
    waiting = message_of(capped)
    assert (waiting.available_at, waiting.why) == (
        TUESDAY + 2 * DAY,
        "Un autre message l’a atteint il y a peu",
    )
    assert message_of(at_night).available_at == datetime(2026, 11, 26, 7, tzinfo=UTC)
    assert leave(shop, TUESDAY) == [drop.cause]
    assert leave(shop, TUESDAY + 2 * DAY - timedelta(seconds=1)) == [drop.cause]
    assert leave(shop, TUESDAY + 2 * DAY) == [drop.cause]


def test_the_cap_and_the_hours_where_one_lives_count_together(shop):
    """Free on Wednesday at ten in Paris, which is five in Guadeloupe."""
    there = {"phone": "+590690123456", "phone_region": "GP"}
    person = ContactFactory(agreeing=True, last_commercial_at=TUESDAY - 6 * DAY, **there)
    frozen()
    assert message_of(person).available_at == datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_past_its_last_day_a_capped_message_is_dropped_with_the_reason(shop):
    ContactFactory(agreeing=True, last_commercial_at=TUESDAY - 2 * DAY)
    other = ContactFactory(agreeing=True)
    drop = frozen()
    assert drop.relevant_until == date(2026, 11, 27)
    assert (drop.audience_size, drop.left_out) == (1, {"cap": 1})
    assert message_of(other)


@pytest.mark.parametrize(
    ("written", "last"),
    [
        ({}, date(2026, 11, 27)),
        ({"relevant_until": date(2026, 12, 5)}, date(2026, 12, 5)),
        ({"offer": "5 €", "offer_until": date(2026, 12, 3)}, date(2026, 12, 3)),
        ({"offer": "5 €"}, date(2026, 11, 27)),
        ({"offer_until": date(2026, 11, 24)}, date(2026, 11, 27)),  # no code: no end of one
        (
            {
                "offer": "5 €",
                "offer_until": date(2026, 11, 30),
                "relevant_until": date(2026, 12, 5),
            },
            date(2026, 11, 30),
        ),
    ],
)
def test_a_drop_ends_when_it_says_else_with_its_code_else_after_three_days(shop, written, last):
    drop = services.create(TEAM, written={**WORDS, **written}, now=TUESDAY)
    ends = last_moment(drop, shop, TUESDAY)
    assert ends.date() == last
    assert ends.hour == 23


def test_three_days_count_from_the_first_day_on_which_it_may_leave(shop):
    shop.postal_code = "67000"  # Friday 25, Saturday 26 and Sunday 27 December: closed
    christmas_eve = datetime(2026, 12, 24, 22, tzinfo=UTC)
    drop = services.create(TEAM, written=WORDS, now=christmas_eve)
    assert last_moment(drop, shop, christmas_eve).date() == date(2026, 12, 31)


def test_an_end_before_its_departure_is_refused_and_so_is_one_without_end(shop):
    ContactFactory(agreeing=True)
    late = datetime(2026, 11, 24, 21, tzinfo=UTC)  # it may leave on the next day
    with pytest.raises(services.OverBeforeItLeaves):
        launched(late, relevant_until=date(2026, 11, 24))
    with pytest.raises(services.RelevantTooLong):
        launched(TUESDAY, relevant_until=date(2027, 3, 1))
    assert launched(TUESDAY, relevant_until=date(2026, 11, 24)).state == State.PREPARING


def test_paused_for_too_long_a_drop_is_not_news_any_more(shop):
    person = ContactFactory(agreeing=True)
    drop = frozen()
    services.pause(drop.pk, TEAM)
    after = TUESDAY + 7 * DAY
    services.resume(drop.pk, TEAM, after)
    assert leave(shop, after) == []
    message = message_of(person)
    assert (message.status, message.reason) == (Status.CANCELLED, "outdated")
    assert message.why.startswith("Plus d’actualité")


def test_a_freeze_that_ends_too_late_says_so(shop, monkeypatch):
    ContactFactory.create_batch(2, agreeing=True)
    drop = launched()
    monkeypatch.setattr(freezing, "BATCH", 1)
    monkeypatch.setattr(freezing, "BUDGET_SECONDS", -1.0)
    freezing.freeze(drop.pk, str(drop.launch_token), TUESDAY)
    freezing.freeze(drop.pk, str(drop.launch_token), TUESDAY + 10 * DAY)
    drop.refresh_from_db()
    assert (drop.audience_size, drop.left_out) == (1, {"late": 1})


# --- several at the same moment -----------------------------------------------------------


def test_of_two_drops_at_the_same_moment_the_second_waits_a_week(shop):
    person = ContactFactory(agreeing=True)
    first = frozen()
    second = frozen(relevant_until=date(2026, 12, 5))
    with pytest.raises(services.NobodyToReach):
        launched(relevant_until=date(2026, 12, 5))
    at = dict(Message.objects.filter(contact=person).values_list("cause", "available_at"))
    assert at == {first.cause: TUESDAY, second.cause: TUESDAY + 7 * DAY}
    assert leave(shop, TUESDAY) == [first.cause]
    assert leave(shop, TUESDAY + 7 * DAY) == [second.cause]


def test_what_leaves_keeps_the_moment_that_was_promised_to_another(shop):
    """A drop waits for Thursday; that Tuesday's own leaves changes nothing of it."""
    person = ContactFactory(agreeing=True)
    frozen()
    frozen(relevant_until=date(2026, 12, 5))
    leave(shop, TUESDAY)
    person.refresh_from_db()
    assert person.last_commercial_at == TUESDAY + 7 * DAY


def test_called_off_a_drop_frees_its_turn_and_no_other_ones(shop):
    person = ContactFactory(agreeing=True)
    frozen()
    second = frozen(relevant_until=date(2026, 12, 5))
    services.cancel(second.pk, TEAM, TUESDAY)
    person.refresh_from_db()
    assert person.last_commercial_at == TUESDAY
    assert frozen(relevant_until=date(2026, 12, 5)).audience_size == 1


def birthday_of(person):
    trigger = automatic.create("birthday", TEAM)
    words = {"use_email": False, "sms_text": "Bel anniversaire"}
    Trigger.objects.filter(pk=trigger.pk).update(**words, on_since=TUESDAY - 30 * DAY)
    return Run.objects.create(
        trigger_id=trigger.pk,
        contact=person,
        occasion="2026",
        caused_at=datetime(2026, 11, 23, 23, tzinfo=UTC),  # midnight in Beaune
        at=TUESDAY,
        expires_at=TUESDAY + 10 * DAY,
    )


# On that day, and a customer since before it.
BORN = {"contact__birth_date": date(1980, 11, 24), "contact__created_at": TUESDAY - 90 * DAY}


@pytest.fixture
def celebrating(shop):
    ProgrammeFactory()
    return CardFactory(contact__agreeing=True, **BORN).contact


def test_a_birthday_after_a_drop_waits_its_turn_then_leaves(shop, celebrating):
    drop = frozen()
    run = birthday_of(celebrating)
    leaving.settle(run.pk, shop, TUESDAY)
    run.refresh_from_db()
    assert (run.state, run.at, run.reason) == (RunState.WAITING, TUESDAY + 7 * DAY, "too_soon")
    assert leave(shop, TUESDAY) == [drop.cause]
    leaving.settle(run.pk, shop, TUESDAY + 7 * DAY)
    assert leave(shop, TUESDAY + 7 * DAY) == [run.cause]


def test_a_drop_after_a_birthday_waits_its_turn_then_leaves(shop, celebrating):
    run = birthday_of(celebrating)
    leaving.settle(run.pk, shop, TUESDAY)
    drop = frozen(relevant_until=date(2026, 12, 5))
    assert leave(shop, TUESDAY) == [run.cause]
    assert leave(shop, TUESDAY + 7 * DAY) == [drop.cause]


def test_what_a_customer_asked_for_is_never_capped(shop):
    person = ContactFactory(agreeing=True, last_commercial_at=TUESDAY)
    Message.objects.filter(
        pk=post(contact=person, channel="sms", kind="service", cause="card:1", body="Code").pk
    ).update(available_at=TUESDAY)
    assert leave(shop, TUESDAY) == ["card:1"]


def test_two_drops_and_a_birthday_at_once_write_to_each_person_once(committed):
    """For real: three workers, the same people, the same instant."""

    def prepare(_):
        ProgrammeFactory()
        people = CardFactory.create_batch(6, contact__agreeing=True, **BORN)
        runs = [birthday_of(card.contact).pk for card in people]
        drops = [launched(relevant_until=date(2026, 12, 20)) for _ in range(2)]
        return [(drop.pk, str(drop.launch_token)) for drop in drops], runs

    ((drops, runs),) = committed(prepare, 1)

    def freeze_or_settle(turn):
        if turn < 2:
            freezing.freeze(*drops[turn], TUESDAY)
            return
        for run in runs:
            leaving.settle(run, shop_here(), TUESDAY)

    committed(freeze_or_settle, 0, 1, 2)

    def day_by_day(_):
        left = []
        for week in range(4):
            now = TUESDAY + 7 * week * DAY
            firing.run_due(now)
            left += [(c.message_id, week) for c in claim(shop_here(), now)]
        people = dict(Message.objects.values_list("pk", "contact"))
        return [(people[message], week) for message, week in left]

    (left,) = committed(day_by_day, 1)
    assert len(left) == len(set(left)), "two in one week"
    assert all(len([1 for who, _ in left if who == person]) >= 2 for person, _ in left)
    assert len([1 for _person, week in left if week == 0]) == 6


# --- what the owner reads ------------------------------------------------------------------


def test_the_estimate_says_who_leaves_when(shop):
    ContactFactory.create_batch(3, agreeing=True)
    ContactFactory.create_batch(2, agreeing=True, last_commercial_at=TUESDAY - 5 * DAY)
    ContactFactory(agreeing=True, last_commercial_at=TUESDAY)
    found = told()
    assert found.people == 5
    assert {left.reason: left.count for left in found.reach.left_out} == {"cap": 1}
    assert waves_said(found.waves, shop, TUESDAY) == (
        "3 partiront aujourd’hui, 2 seulement jeudi 26 novembre : "
        "un autre message les a atteints il y a moins de 7 jours."
    )


def test_the_estimate_of_one_programmed_looks_at_its_hour(shop):
    ContactFactory(agreeing=True, last_commercial_at=TUESDAY - 5 * DAY)
    found = told(send_at=TUESDAY + 3 * DAY)
    assert found.people == 1
    assert waves_said(found.waves, shop, TUESDAY) == ""


def test_several_days_are_told_as_a_span(shop):
    for days in (4, 5, 6):
        ContactFactory(agreeing=True, last_commercial_at=TUESDAY - days * DAY)
    assert waves_said(told().waves, shop, TUESDAY) == (
        "3 partiront entre demain et vendredi 27 novembre : "
        "un autre message les a atteints il y a moins de 7 jours."
    )


def test_the_results_say_what_waits_as_the_estimate_did(shop):
    ContactFactory(agreeing=True)
    ContactFactory(agreeing=True, last_commercial_at=TUESDAY - 5 * DAY)
    drop = frozen()
    claim(shop, TUESDAY)
    assert waves_said(waves(drop, TUESDAY), shop, TUESDAY) == (
        "1 partira seulement jeudi 26 novembre : "
        "un autre message l’a atteint il y a moins de 7 jours."
    )


def test_the_composer_and_the_results_say_it_on_their_pages(owner_client, shop):
    now = timezone.now()
    # Whatever the hour and the day on which this runs, it is the cap that holds somebody back.
    shop.sundays_allowed, shop.quiet_until, shop.quiet_from = True, time(0), time.max
    shop.save()
    ContactFactory(agreeing=True)
    ContactFactory(agreeing=True, last_commercial_at=now - 6 * DAY)
    drop = services.create(TEAM, written=WORDS, now=now)
    for page in (f"/gestion/messages/{drop.pk}/", f"/gestion/messages/{drop.pk}/envoyer/"):
        assert "un autre message l’a atteint il y a moins de 7" in page_of(owner_client, page)
    drop = services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, now), now)
    freezing.freeze(drop.pk, str(drop.launch_token), now)
    Message.objects.filter(reason="").update(status=Status.DELIVERED, available_at=None)
    page = page_of(owner_client, f"/gestion/messages/{drop.pk}/")
    assert "un autre message l’a atteint il y a moins de 7" in page
    assert "plus personne n’est dérangé" in page
    assert Contact.objects.filter(last_commercial_at__gt=now).exists()


def page_of(client, path):
    return client.get(path).content.decode().replace("\u202f", " ").replace("\u00a0", " ")


def test_the_end_is_typed_in_the_composer_and_not_reused(owner_client, shop):
    drop = services.create(TEAM, written=WORDS)
    until = timezone.localdate() + 9 * DAY
    typed = {"title": "Drop", "use_sms": "on", "sms_text": "Bonjour", "when": "now"}
    path = f"/gestion/messages/{drop.pk}/"
    answer = owner_client.post(f"{path}brouillon/", {**typed, "relevant_until": f"{until}"})
    assert answer.status_code == 302
    drop = Drop.objects.get(pk=drop.pk)
    assert drop.relevant_until == until
    assert services.duplicate(drop, TEAM).relevant_until is None
