"""Messages that leave by themselves: each one once, at its moment, or not at all and said why."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.audience.criteria import Criteria
from apps.audience.rules.people import Tags
from apps.audience.services import SegmentInUse, delete_segment, keep_segment
from apps.campaigns import automatic, firing
from apps.campaigns.models import Run, RunState, Trigger
from apps.campaigns.services import BlankLeft, NothingToSend
from apps.campaigns.triggers import KINDS
from apps.contacts.consent import write_consent
from apps.contacts.models import Contact
from apps.contacts.services import tag_named
from apps.core import due
from apps.core.actor import Actor
from apps.core.models import Due
from apps.loyalty.facts import RewardWon, StampAdded
from apps.loyalty.models import Reward
from apps.loyalty.services import add_stamp, redeem, undo_stamp
from apps.messaging.models import Message
from apps.shops.models import Shop
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

TEAM = Actor("team", 1)
# A Tuesday in November, ten o'clock in Paris: an hour at which one may write to people.
TEN = datetime(2026, 11, 24, 9, tzinfo=UTC)
EARLIER = TEN - timedelta(days=200)


@pytest.fixture(autouse=True)
def _paris(shop):
    ProgrammeFactory()
    with timezone.override(shop.zone):
        yield


def switched_on(kind, since=EARLIER, **more):
    trigger = automatic.create(kind, TEAM)
    settings = {name: more.pop(name) for name in list(more) if name in trigger.settings}
    trigger.settings |= settings
    for name, value in {"sms_text": "{prénom}, bonjour", "use_email": False, **more}.items():
        setattr(trigger, name, value)
    trigger.save()
    return automatic.switch_on(trigger.pk, TEAM, _shop(), since)


def _shop():
    return Shop.objects.get(schema_name=connection.schema_name)


def person(**more):
    return CardFactory(contact__agreeing=True, contact__created_at=EARLIER, **more)


def visited(card, *moments, heard=False):
    """A stamp at each moment; ``heard``: the job it caused runs then."""
    for at in moments:
        stamped = add_stamp(card=card, token=uuid4(), by=TEAM, now=at, over_cooldown=True)
        if heard:
            firing.react(StampAdded, card.contact_id, at, at)
            if stamped.reward:
                firing.react(RewardWon, card.contact_id, at, at)
    return stamped


def sweep(now=TEN):
    """What the worker does when the shop's moment has come."""
    Trigger.objects.on().exclude(next_at=None).update(next_at=now)
    firing.run_due(now)


# --- a birthday ------------------------------------------------------------------------------


def test_a_birthday_is_wished_once_however_often_one_looks():
    switched_on("birthday")
    person(contact__birth_date=date(1980, 11, 24), contact__first_name="Zoé")
    person(contact__birth_date=date(1980, 11, 23 + 3))
    for _ in range(3):
        sweep()
    (message,) = Message.objects.all()
    assert message.body.startswith("Zoé, bonjour")
    assert message.kind == "commercial"
    assert message.cause == Run.objects.get().cause


def test_a_birthday_comes_again_next_year():
    switched_on("birthday", since=TEN - timedelta(days=400))
    person(contact__birth_date=date(1980, 11, 24))
    Contact.objects.update(created_at=TEN - timedelta(days=500))
    sweep(datetime(2025, 11, 24, 9, tzinfo=UTC))
    sweep()
    assert sorted(Run.objects.values_list("occasion", flat=True)) == ["2025", "2026"]


def test_who_was_born_on_29_february_is_wished_on_the_28th_in_other_years():
    switched_on("birthday", since=datetime(2026, 1, 1, tzinfo=UTC))
    card = person(contact__birth_date=date(1996, 2, 29))
    Contact.objects.update(created_at=TEN - timedelta(days=500))
    day = datetime(2026, 2, 28, 9, tzinfo=UTC)
    met = KINDS["birthday"].met({"days_before": 0}, day - timedelta(days=2), day)
    assert [(one.contact_id, one.occasion) for one in met] == [(card.contact_id, "2026")]
    leap = datetime(2028, 2, 29, 9, tzinfo=UTC)
    on_the_day = list(KINDS["birthday"].met({"days_before": 0}, leap - timedelta(days=1.5), leap))
    assert [one.at for one in on_the_day] == [datetime(2028, 2, 28, 23, tzinfo=UTC)]


def test_a_birthday_before_it_was_switched_on_is_let_be():
    switched_on("birthday", since=TEN - timedelta(hours=2))
    person(contact__birth_date=date(1980, 11, 24))
    sweep()
    assert not Run.objects.exists()


def test_who_joins_on_the_morning_of_their_birthday_is_wished_too():
    switched_on("birthday")
    person(contact__birth_date=date(1980, 11, 24))
    Contact.objects.update(created_at=TEN - timedelta(minutes=30))
    sweep()
    assert Run.objects.get().state == RunState.SENT


def test_a_night_without_a_worker_skips_no_birthday():
    switched_on("birthday")
    person(contact__birth_date=date(1980, 11, 23))
    sweep()
    assert Message.objects.count() == 1


# --- an absence ------------------------------------------------------------------------------


def test_who_stays_away_sixty_days_is_written_to_once_for_that_absence():
    switched_on("inactivity", days=60)
    card = person()
    visited(card, TEN - timedelta(days=61))
    sweep(TEN)
    sweep(TEN + timedelta(days=1))
    assert Run.objects.get().state == RunState.SENT


def test_who_came_back_meanwhile_is_not_told_that_they_are_missed(shop):
    switched_on("inactivity", days=60)
    card = person(contact__last_commercial_at=TEN - timedelta(days=5))
    visited(card, TEN - timedelta(days=61))
    sweep(TEN)  # the cap holds it back for two days
    assert Run.objects.get().state == RunState.WAITING
    visited(card, TEN + timedelta(days=1))
    sweep(TEN + timedelta(days=3))
    run = Run.objects.get()
    assert (run.state, run.reason) == (RunState.DROPPED, "not_any_more")
    assert "est revenue" in run.why


def test_an_absence_may_go_by_each_person_s_own_rhythm():
    """Every twenty days, so forty is long; who comes each quarter is not yet missed."""
    switched_on("inactivity", by="rhythm", days=14)
    often, seldom = person(), person()
    visited(often, *(TEN - timedelta(days=d) for d in (101, 81, 61, 41)))
    visited(seldom, *(TEN - timedelta(days=d) for d in (190, 115, 41)))
    sweep()
    assert [run.contact_id for run in Run.objects.all()] == [often.contact_id]


# --- an event --------------------------------------------------------------------------------


def test_a_welcome_is_in_the_outbox_with_the_job_of_the_consent(shop, run_jobs):
    switched_on("welcome", since=timezone.now() - timedelta(days=1))
    contact = ContactFactory(adult_declared_at=timezone.now())
    by = Actor("customer", contact.pk)
    for channel in ("sms", "email"):
        write_consent(contact, channel, "granted", source="message", by=by)
    shop.sundays_allowed, shop.quiet_until, shop.quiet_from = True, time(0), time.max
    shop.save()
    run_jobs()
    run = Run.objects.select_related("message").get()
    assert run.message.sent_at - run.caused_at < timedelta(minutes=1)


def test_an_imported_list_is_not_welcomed(run_jobs):
    switched_on("welcome", since=timezone.now() - timedelta(days=1))
    contact = ContactFactory(adult_declared_at=timezone.now())
    write_consent(contact, "sms", "granted", source="import", by=TEAM)
    run_jobs()
    assert not Run.objects.exists()


def test_the_third_visit_and_no_other_is_a_milestone():
    switched_on("milestone", number=3)
    card = person()
    visited(card, *(TEN - timedelta(days=d) for d in (30, 20, 10, 5)), heard=True)
    run = Run.objects.get()
    assert (run.occasion, run.caused_at) == ("visits:3", TEN - timedelta(days=10))


def test_a_visit_that_was_taken_back_does_not_count():
    switched_on("milestone", number=2)
    card = person()
    first = visited(card, TEN)
    undo_stamp(movement=first.movement, token=uuid4(), by=TEAM, now=TEN)
    visited(card, TEN + timedelta(hours=1), heard=True)
    assert not Run.objects.exists()
    visited(card, TEN + timedelta(hours=2), heard=True)
    assert Run.objects.count() == 1


def test_the_first_reward_is_a_milestone_too():
    switched_on("milestone", what="rewards", number=1)
    card = person(balance=9)
    visited(card, TEN, heard=True)
    assert Run.objects.get().occasion == "rewards:1"


def test_a_full_card_is_told_at_once_and_two_cards_full_are_two_occasions():
    switched_on("reward_ready")
    card = person(balance=9)
    visited(card, TEN, heard=True)
    card.refresh_from_db()
    card.balance = 9
    card.save()
    visited(card, TEN + timedelta(days=8), heard=True)
    assert Run.objects.filter(state=RunState.SENT).count() == 2


def test_a_reward_that_was_handed_over_meanwhile_is_not_announced():
    switched_on("reward_ready")
    card = person(balance=9, contact__last_commercial_at=TEN - timedelta(days=3))
    visited(card, TEN, heard=True)
    run = Run.objects.get()
    assert (run.state, run.at, run.reason) == (
        RunState.WAITING,
        TEN + timedelta(days=4),
        "too_soon",
    )
    redeem(reward=Reward.objects.get(), token=uuid4(), by=TEAM, now=TEN, id_checked=True)
    firing.run_due(TEN + timedelta(days=4))
    run.refresh_from_db()
    assert (run.state, run.reason) == (RunState.DROPPED, "not_any_more")


def test_a_review_is_asked_for_hours_later_and_once_a_person():
    switched_on("review", visit=1, hours=3)
    card = person()
    visited(card, TEN, heard=True)
    run = Run.objects.get()
    assert (run.state, run.at) == (RunState.WAITING, TEN + timedelta(hours=3))
    assert Due.objects.get().at == run.at
    firing.run_due(TEN + timedelta(hours=3))
    visited(card, TEN + timedelta(days=10), heard=True)
    assert Run.objects.get().state == RunState.SENT


# --- cap, hours, consent ---------------------------------------------------------------------


def test_a_second_message_waits_for_the_cap_and_leaves_on_its_first_day():
    switched_on("milestone", number=1)
    switched_on("reward_ready")
    card = person(balance=9)
    visited(card, TEN, heard=True)
    sent, waiting = Run.objects.order_by("state")
    assert (sent.state, waiting.state) == (RunState.SENT, RunState.WAITING)
    assert waiting.at == TEN + timedelta(days=7)
    firing.run_due(TEN + timedelta(days=7))
    assert Message.objects.count() == 2


def test_what_the_cap_holds_back_too_long_is_dropped_and_says_why():
    switched_on("birthday")
    person(
        contact__birth_date=date(1980, 11, 24),
        contact__last_commercial_at=TEN - timedelta(days=1),
    )
    sweep()
    run = Run.objects.get()
    assert (run.state, run.reason, run.at) == (RunState.DROPPED, "outdated", None)
    assert "Plus d’actualité" in run.why


def test_a_visit_late_at_night_is_answered_in_the_morning():
    switched_on("milestone", number=1)
    night = datetime(2026, 11, 24, 21, tzinfo=UTC)  # 22:00 in Paris
    visited(person(), night, heard=True)
    run = Run.objects.get()
    assert (run.reason, run.at) == ("closed_hours", datetime(2026, 11, 25, 7, tzinfo=UTC))


def test_nobody_is_written_to_without_their_word(shop):
    switched_on("milestone", number=1)
    for more in (
        {"contact__sms_consent": "withdrawn"},
        {"contact__sms_consent": "none"},
        {"contact__phone_bad_at": TEN},
        {"contact__birth_date": date(2015, 1, 1)},
        {"contact__phone": ""},
    ):
        visited(person(**more), TEN, heard=True)
    reasons = list(Run.objects.order_by("pk").values_list("reason", flat=True))
    assert reasons == ["stopped", "no_consent", "bad_address", "minor", "no_address"]
    assert all(run.why for run in Run.objects.all())
    assert not Message.objects.exists()


def test_only_who_is_in_its_segment_is_written_to_and_a_fact_asks_the_same():
    fans = keep_segment("Amateurs", Criteria.of(Tags("any", ("bulles",))), TEAM)
    switched_on("inactivity", days=60, segment=fans)
    switched_on("milestone", number=2, segment=fans)
    fan, other = person(), person()
    fan.contact.tags.add(tag_named("bulles"))
    for card in (fan, other):
        visited(card, TEN - timedelta(days=90), TEN - timedelta(days=60), heard=True)
    sweep()
    assert {run.contact_id for run in Run.objects.all()} == {fan.contact_id}
    assert Run.objects.count() == 2
    with pytest.raises(SegmentInUse):
        delete_segment(fans.pk, TEAM)


def test_who_has_no_mobile_is_written_to_by_mail():
    switched_on(
        "milestone", number=1, use_email=True, email_subject="Merci", email_text="{prénom}, merci"
    )
    visited(person(contact__phone="", contact__first_name="Zoé"), TEN, heard=True)
    message = Message.objects.get()
    assert (message.channel, message.subject) == ("email", "Merci")
    assert message.body.startswith("Zoé, merci")


def test_two_records_of_one_person_are_one_birthday():
    trigger = switched_on("birthday")
    card = person(contact__birth_date=date(1980, 11, 24))
    sweep()
    other = person(contact__birth_date=date(1980, 11, 24))
    Contact.objects.filter(pk=card.contact_id).update(merged_into=other.contact)
    sweep()
    assert trigger.runs.get(contact=other.contact).reason == "twice_one"


# --- on and off ------------------------------------------------------------------------------


def test_what_is_off_hears_nothing_and_what_waits_goes_on_when_it_is_on_again(shop):
    trigger = switched_on("review", visit=1, hours=3)
    visited(person(), TEN, heard=True)
    automatic.switch_off(trigger.pk, TEAM)
    visited(person(), TEN, heard=True)
    firing.run_due(TEN + timedelta(hours=4))
    assert Run.objects.get().state == RunState.WAITING
    automatic.switch_on(trigger.pk, TEAM, shop, TEN + timedelta(hours=5))
    firing.run_due(TEN + timedelta(hours=5))
    assert Run.objects.get().state == RunState.SENT


def test_a_text_that_nobody_should_read_is_not_switched_on(shop):
    review = automatic.create("review", TEAM)
    with pytest.raises(BlankLeft, match="adresse de votre page"):
        automatic.switch_on(review.pk, TEAM, shop)
    Trigger.objects.update(use_email=False, sms_text=" ")
    with pytest.raises(NothingToSend):
        automatic.switch_on(review.pk, TEAM, shop)
    assert not Trigger.objects.get().is_on


def test_a_copy_has_the_same_words_and_is_off(shop):
    trigger = switched_on("milestone", number=7)
    copy = automatic.duplicate(trigger, TEAM)
    assert not copy.is_on
    assert (copy.settings["number"], copy.sms_text) == (7, trigger.sms_text)


def test_a_trigger_with_a_history_is_kept(shop):
    trigger = switched_on("milestone", number=1)
    visited(person(), TEN, heard=True)
    with pytest.raises(automatic.HasSent):
        automatic.discard(trigger.pk, TEAM)
    automatic.discard(automatic.duplicate(trigger, TEAM).pk, TEAM)
    assert Trigger.objects.get() == trigger


# --- the due-index ---------------------------------------------------------------------------


def test_the_shop_stands_in_the_due_index_with_its_nearest_moment(shop):
    trigger = switched_on("birthday", since=TEN, hour=time(17))
    assert Due.objects.get().at == datetime(2026, 11, 24, 16, tzinfo=UTC)
    firing.run_due(datetime(2026, 11, 24, 16, tzinfo=UTC))
    assert Due.objects.get().at == datetime(2026, 11, 25, 16, tzinfo=UTC)
    automatic.switch_off(trigger.pk, TEAM)
    firing.run_due(datetime(2026, 11, 25, 16, tzinfo=UTC))
    assert Due.objects.get().at is None


def test_the_hour_is_the_shop_s_on_the_days_the_clocks_change(shop):
    trigger = switched_on("birthday", hour=time(2, 30))
    spring = datetime(2027, 3, 27, 12, tzinfo=UTC)
    assert firing.next_look(trigger, shop, spring).date() == date(2027, 3, 28)
    autumn = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert firing.next_look(trigger, shop, autumn).date() == date(2026, 10, 25)


def test_the_clock_opens_only_shops_with_something_due(shop, run_jobs, other_shop):
    switched_on("birthday", since=TEN)
    person(contact__birth_date=date(1980, 11, 24))
    Due.objects.update(at=timezone.now() + timedelta(hours=1))
    connection.set_schema_to_public()
    assert due.take(firing.DUE, timezone.now()) == []
    later = timezone.now() + timedelta(hours=2)
    assert due.take(firing.DUE, later) == [shop.schema_name]
    assert due.take(firing.DUE, later) == []  # one job is on its way
    assert due.take(firing.DUE, later + due.LOST_AFTER * 2) == [shop.schema_name]  # it was lost


def test_a_shop_does_not_see_what_is_due_next_door(shop, other_shop):
    switched_on("birthday", since=TEN)
    connection.set_tenant(other_shop)
    assert not Due.objects.exists()
    connection.set_tenant(shop)


def test_a_closed_shop_writes_to_nobody(shop):
    switched_on("birthday")
    person(contact__birth_date=date(1980, 11, 24))
    shop.closed_at = TEN
    shop.save()
    sweep()
    assert not Run.objects.exists()
    assert Due.objects.get().at is None


# --- in parallel -----------------------------------------------------------------------------


def test_the_database_allows_one_run_an_occasion():
    trigger = switched_on("birthday")
    contact = person().contact
    line = {"trigger": trigger, "contact": contact, "occasion": "2026", "caused_at": TEN}
    Run.objects.create(**line, expires_at=TEN, at=TEN)
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.create(**line, expires_at=TEN, at=TEN)


def test_every_trigger_is_one_file():
    assert set(KINDS) == {
        "welcome",
        "inactivity",
        "birthday",
        "milestone",
        "reward_ready",
        "reward_expiring",
        "tier_reached",
        "referral_joined",
        "review",
        "box_ready",
    }
