"""The watch over the stamps: what is out of the ordinary stands in the list, with its undo; what
is ordinary costs nothing and stands nowhere."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from apps.accounts.models import Device
from apps.core.actor import Actor
from apps.loyalty import watch
from apps.loyalty.models import Card, Movement, Redemption
from apps.loyalty.services import add_stamp, redeem, undo_stamp
from apps.review.models import Case
from apps.review.queries import cases, lines
from apps.review.services import find_fine, undo
from apps.shops.models import Shop
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db
PARIS = Shop(region="FR").zone
NOON = datetime(2026, 11, 17, 12, tzinfo=PARIS)  # a Tuesday
OWNER = Actor("team", 1)
LOOK = "apps.loyalty.tasks.look_at_stamp"


@pytest.fixture(autouse=True)
def programme(shop):
    with timezone.override(PARIS):
        yield ProgrammeFactory(
            goal=3, helper_pace=4, device_pace=6, apart_minutes=10, cooldown_minutes=30
        )


@pytest.fixture
def lea(helper):
    helper.name = "Léa Petit"
    helper.save()
    return Actor("team", helper.pk, place="counter")


def stamp(card=None, *, by, at=NOON, minutes=0.0, **more):
    at += timedelta(minutes=minutes)
    return add_stamp(card=card or CardFactory(), token=uuid4(), by=by, now=at, **more).movement


def told(**asked):
    return [line.sentence for line in lines(cases(decided=False, **asked), NOON)]


def looks():
    return [row for row in OrmQ.objects.all() if LOOK in row.task["args"]]


def test_an_ordinary_stamp_asks_for_no_look(lea):
    for minutes in (0, 1, 40):
        stamp(by=lea, minutes=minutes)
    assert looks() == []


def test_more_cards_than_a_counter_serves_are_one_line_that_grows(lea, run_jobs):
    for minute in range(3):
        stamp(by=lea, minutes=minute)
    assert run_jobs()
    assert told() == []
    stamp(by=lea, minutes=3)
    run_jobs()
    assert told() == ["Léa a tamponné 4 cartes en 5 minutes."]
    stamp(by=lea, minutes=4)
    run_jobs()
    assert told() == ["Léa a tamponné 5 cartes en 5 minutes."]
    assert len(Case.objects.get().facts["stamps"]) == 5


def test_a_look_that_comes_again_or_in_another_order_adds_nothing(lea, run_jobs):
    stamps = [stamp(by=lea, minutes=minute) for minute in range(5)]
    run_jobs()
    before = Case.objects.values_list("facts", flat=True).get()
    for one in reversed(stamps):
        watch.look(one.pk)
    assert Case.objects.values_list("facts", flat=True).get() == before


def test_the_same_number_over_the_day_is_a_good_day(lea, run_jobs):
    for turn in range(6):
        stamp(by=lea, minutes=turn * 2)
    run_jobs()
    assert told() == []


def test_what_was_found_normal_is_not_told_again_and_the_next_rush_is(lea, run_jobs):
    for minute in range(4):
        stamp(by=lea, minutes=minute)
    run_jobs()
    find_fine(Case.objects.get().pk, by=OWNER, now=NOON)
    run_jobs()
    assert told() == []
    for minute in range(4):
        stamp(by=lea, minutes=60 + minute)
    run_jobs()
    assert told() == ["Léa a tamponné 4 cartes en 5 minutes."]


def test_a_phone_of_the_shop_is_counted_whoever_holds_it(shop, lea, run_jobs):
    Device.objects.create(shop=shop, number=3, name="Téléphone du comptoir")
    for turn in range(6):
        by = replace(lea, id=lea.id if turn % 2 else OWNER.id, device=3)
        stamp(by=by, minutes=turn / 2)
    run_jobs()
    assert told() == ["« Téléphone du comptoir » a tamponné 6 cartes en 5 minutes."]


def test_one_card_on_two_phones_within_minutes(lea, run_jobs):
    card = CardFactory(contact=ContactFactory(first_name="Zoé", last_name="Roux"))
    stamp(card, by=OWNER)
    stamp(card, by=lea, minutes=4, over_cooldown=True)
    run_jobs()
    assert told() == [
        "La carte de Zoé Roux a été tamponnée sur deux téléphones en 4 minutes, la seconde fois "
        "par Léa."
    ]


def test_the_same_phone_in_two_hands_is_one_phone(shop, lea, run_jobs):
    Device.objects.create(shop=shop, number=3, name="Comptoir")
    card = CardFactory()
    stamp(card, by=replace(OWNER, device=3))
    stamp(card, by=replace(lea, device=3), minutes=4, over_cooldown=True)
    run_jobs()
    assert [case.kind for case in Case.objects.all()] == ["over-rest"]


def test_a_lead_who_does_not_wait_is_told_and_the_owner_is_not(owner, lea, run_jobs):
    card = CardFactory(contact=ContactFactory(first_name="Zoé", last_name="Roux"))
    stamp(card, by=lea)
    stamp(card, by=lea, minutes=20, over_cooldown=True)
    own, other = Actor("team", owner.pk), CardFactory()
    stamp(other, by=own)
    stamp(other, by=own, minutes=2, over_cooldown=True)
    run_jobs()
    assert told() == [
        "Léa a tamponné la carte de Zoé Roux sans attendre : 20 minutes après le tampon d’avant."
    ]


def test_a_stamp_while_the_shop_is_closed(shop, lea, run_jobs):
    shop.opening_hours = "Mardi à samedi : 10 h – 19 h"
    shop.save(update_fields=["opening_hours"])
    stamp(by=lea)
    stamp(by=lea, at=NOON.replace(hour=19, minute=25))
    run_jobs()
    assert told() == []
    stamp(by=lea, at=NOON.replace(hour=23, minute=5))
    run_jobs()
    assert told() == ["Léa a tamponné une carte à 23 h 05, hors des horaires de la boutique."]
    stamp(by=lea, at=NOON.replace(hour=23, minute=12))
    run_jobs()
    (line,) = told()
    assert line.startswith("Léa a donné 2 tampons hors des horaires")


@pytest.mark.parametrize("words", ["", "Sur rendez-vous"])
def test_a_shop_that_has_not_said_its_hours_hears_nothing_of_them(shop, lea, words):
    shop.opening_hours = words
    shop.save(update_fields=["opening_hours"])
    stamp(by=lea, at=NOON.replace(hour=3))
    assert looks() == []


def test_what_is_set_to_nothing_is_not_watched(programme, lea):
    programme.helper_pace = programme.apart_minutes = programme.cooldown_minutes = 0
    programme.save()
    card = CardFactory()
    for turn in range(8):
        stamp(card, by=lea, minutes=turn / 10)
    assert looks() == []


def test_one_tap_takes_back_the_whole_rush_also_days_later(lea, run_jobs):
    cards = [CardFactory() for _ in range(4)]
    for minute, card in enumerate(cards):
        stamp(card, by=lea, minutes=minute)
    run_jobs()
    case = Case.objects.get()
    assert lines([case], NOON)[0].undoing == "Annuler les 4 tampons"
    assert undo(case.pk, by=OWNER, now=NOON + timedelta(days=6)) == "4 tampons annulés."
    assert undo(case.pk, by=OWNER, now=NOON + timedelta(days=6)) == ""
    assert list(Card.objects.values_list("balance", flat=True)) == [0] * 4
    assert Movement.objects.filter(kind="undo").count() == 4
    assert not Card.objects.exclude(contact__visits=0).exists()


def test_after_a_month_it_is_history(lea, run_jobs):
    for minute in range(4):
        stamp(by=lea, minutes=minute)
    run_jobs()
    assert lines([Case.objects.get()], NOON + timedelta(days=31))[0].undoing == ""


def test_visits_undone_one_after_the_other_leave_none_behind(programme, lea):
    card = CardFactory()
    first = stamp(card, by=lea)
    second = stamp(card, by=lea, minutes=60)
    for one in (first, second):
        late = NOON + timedelta(days=2)
        undo_stamp(
            movement=one, token=uuid4(), by=OWNER, now=late, lead=True, within=timedelta(days=30)
        )
    card.refresh_from_db()
    card.contact.refresh_from_db()
    assert (card.balance, card.last_stamp_at, card.contact.last_visit_at) == (0, None, None)


def test_what_a_reward_was_handed_over_for_stays_and_the_line_says_so(lea, run_jobs):
    card = CardFactory(balance=2)
    Movement.objects.create(
        card=card, kind="import", stamps=2, token=uuid4(), actor_kind="team", at=NOON
    )
    won = stamp(card, by=lea)
    soon = NOON + timedelta(minutes=1)
    redeem(reward=card.rewards.get(), token=uuid4(), by=lea, now=soon, id_checked=True)
    for minute in range(1, 4):
        stamp(by=lea, minutes=minute)
    run_jobs()
    case = Case.objects.get()
    said = undo(case.pk, by=OWNER, now=NOON + timedelta(minutes=6))
    assert said.startswith("3 tampons annulés. 1 reste. La récompense gagnée avec ce tampon")
    assert Redemption.objects.count() == 1
    assert not Movement.objects.filter(undoes=won).exists()


def test_a_stamp_undone_at_the_counter_is_no_cause_any_more(lea, run_jobs):
    stamps = [stamp(by=lea, minutes=minute) for minute in range(4)]
    undo_stamp(movement=stamps[3], token=uuid4(), by=lea, now=NOON + timedelta(minutes=4))
    run_jobs()
    assert told() == []
