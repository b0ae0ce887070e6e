"""Who a message is for, whom it reaches, and why not the others."""

from datetime import date, time, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.audience.criteria import (
    Criteria,
    WrongCriteria,
    chosen,
    describe,
    people,
    reach,
)
from apps.contacts.models import Channel, ConsentState, Contact
from apps.contacts.services import tag_named
from apps.messaging.clocks import clocks
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db

BOTH = [Channel.SMS, Channel.EMAIL]


def named(**data):
    return Criteria.read(data)


def ids(criteria, shop):
    return set(people(criteria, shop).values_list("pk", flat=True))


def test_tags_any_or_every_whatever_their_case(shop):
    one, two, none = ContactFactory(), ContactFactory(), ContactFactory()
    one.tags.add(tag_named("Bulles"), tag_named("Rouge"))
    two.tags.add(tag_named("rouge"))
    assert ids(named(tags=["bulles", "ROUGE"]), shop) == {one.pk, two.pk}
    assert ids(named(tags=["bulles", "ROUGE"], every_tag=True), shop) == {one.pk}
    assert ids(named(tags=["inconnue"]), shop) == set()
    assert ids(named(), shop) == {one.pk, two.pk, none.pk}


def test_last_visit_counts_those_who_never_came_as_not_seen(shop):
    now = timezone.now()
    recent = ContactFactory(last_visit_at=now - timedelta(days=3))
    old = ContactFactory(last_visit_at=now - timedelta(days=60))
    never = ContactFactory()
    assert ids(named(seen_within=30), shop) == {recent.pk}
    assert ids(named(not_seen_since=45), shop) == {old.pk, never.pk}


def test_near_a_reward_or_with_one_ready(shop):
    ProgrammeFactory(goal=10)
    near = CardFactory(balance=8).contact
    far = CardFactory(balance=2).contact
    ready = CardFactory(balance=0, rewards_ready=1).contact
    ContactFactory()
    assert ids(named(near_reward=2), shop) == {near.pk}
    assert ids(named(reward_ready=True), shop) == {ready.pk}
    assert ids(named(near_reward=2, reward_ready=True), shop) == {near.pk, ready.pk}
    assert far.pk not in ids(named(near_reward=7), shop)


def test_region_by_post_code_or_phone(shop):
    dijon = ContactFactory(postal_code="21000")
    bastia = ContactFactory(postal_code="20200")
    island = ContactFactory(phone="+590690001122", phone_region="GP")
    ContactFactory(postal_code="75011")
    assert ids(named(places=["21"]), shop) == {dijon.pk}
    assert ids(named(places=["2b"]), shop) == {bastia.pk}
    assert ids(named(places=["21"], territories=["GP"]), shop) == {dijon.pk, island.pk}


def test_enrolled_since_a_day_included(shop):
    now = timezone.now()
    today = ContactFactory()
    ContactFactory(created_at=now - timedelta(days=10))
    assert ids(named(enrolled_since=timezone.localdate().isoformat()), shop) == {today.pk}


def test_merged_records_are_nobody(shop):
    keeper = ContactFactory()
    ContactFactory(phone="", email="", merged_into=keeper)
    assert ids(named(), shop) == {keeper.pk}


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"phone": "06"},
        {"tags": "bulles"},
        {"tags": [3]},
        {"seen_within": -1},
        {"seen_within": "x"},
        {"seen_within": True},
        {"not_seen_since": 99999},
        {"near_reward": 21},
        {"reward_ready": "yes"},
        {"places": ["Beaune"]},
        {"territories": ["US"]},
        {"enrolled_since": "hier"},
        {"tags": [str(n) for n in range(30)]},
    ],
)
def test_unreadable_criteria_are_refused_in_french(data):
    with pytest.raises(WrongCriteria) as refusal:
        Criteria.read(data)
    assert "illisible" in str(refusal.value)


criteria_dicts = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.lists(st.text("abcé", min_size=1, max_size=8), max_size=3),
        "every_tag": st.booleans(),
        "seen_within": st.integers(1, 3650),
        "not_seen_since": st.integers(1, 3650),
        "near_reward": st.integers(1, 20),
        "reward_ready": st.booleans(),
        "places": st.lists(st.sampled_from(["21", "2A", "75011", "97"]), max_size=3),
        "territories": st.lists(st.sampled_from(["GP", "RE"]), max_size=2),
        "enrolled_since": st.dates(date(2020, 1, 1), date(2030, 1, 1)).map(date.isoformat),
    },
)


@given(criteria_dicts)
def test_what_is_kept_reads_back_the_same(data):
    criteria = Criteria.read(data)
    assert Criteria.read(criteria.as_dict()) == criteria
    assert describe(criteria)


def test_criteria_are_said_in_french():
    assert describe(named()) == "Tous les clients"
    said = describe(named(tags=["bulles"], not_seen_since=45, near_reward=2))
    assert said == (
        "Clients étiquette « bulles », pas vus depuis 45 jours, "
        "à 2 tampons d’une récompense ou moins"
    )


def at_any_hour(shop, now):
    """Who was written to lately may get it no later."""
    shop.quiet_until, shop.quiet_from, shop.sundays_allowed = time(0), time.max, True
    return clocks(shop, now, now)


def left_out(found):
    return {left.reason: left.count for left in found.left_out}


def test_everyone_left_out_is_counted_once_with_the_reason(shop):
    now = timezone.now()
    ContactFactory(agreeing=True)
    ContactFactory(agreeing=True, email="")
    ContactFactory(agreeing=True, last_commercial_at=now - timedelta(days=2))
    ContactFactory(agreeing=True, adult_declared_at=None)
    ContactFactory(agreeing=True, birth_date=timezone.localdate() - timedelta(days=17 * 365))
    ContactFactory()
    ContactFactory(sms_consent=ConsentState.PENDING)
    ContactFactory(sms_consent=ConsentState.WITHDRAWN)
    ContactFactory(agreeing=True, phone_bad_at=now, email="")
    ContactFactory(agreeing=True, phone="+33380240000", phone_mobile=False, email="")
    ContactFactory(agreeing=True, phone="", phone_mobile=False, email="")
    found = reach(named(), BOTH, shop, now)
    assert found.total == 11
    assert found.reached == 2
    assert found.by_channel == {"sms": 2, "email": 1}
    assert found.once == {"sms": 2, "email": 0}
    assert left_out(found) == {
        "cap": 1,
        "minor": 2,
        "no_consent": 1,
        "pending": 1,
        "stopped": 1,
        "bad": 1,
        "landline": 1,
        "no_address": 1,
    }


def test_a_shop_without_alcohol_asks_nobody_their_age(shop):
    shop.sells_alcohol = False
    ContactFactory(agreeing=True, adult_declared_at=None)
    assert reach(named(), ["sms"], shop).reached == 1


def test_one_message_each_by_sms_first_or_one_by_each_channel(shop):
    ProgrammeFactory(goal=10)
    by_both = ContactFactory(agreeing=True)
    CardFactory(contact=by_both, balance=7)
    by_mail = ContactFactory(agreeing=True, phone="", phone_mobile=False)
    ContactFactory()
    hours = at_any_hour(shop, timezone.now())
    once = [(c.contact_id, c.channel) for c in chosen(named(), BOTH, False, shop, hours)]
    assert once == [(by_both.pk, "sms"), (by_mail.pk, "email")]
    each = [(c.contact_id, c.channel) for c in chosen(named(), BOTH, True, shop, hours)]
    assert each == [(by_both.pk, "sms"), (by_both.pk, "email"), (by_mail.pk, "email")]
    first = next(chosen(named(), BOTH, False, shop, hours))
    assert (first.address, first.balance, first.missing) == (by_both.phone, 7, 3)
    assert not list(chosen(named(), [], False, shop, hours))


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(ConsentState.values),
            st.sampled_from(ConsentState.values),
            st.booleans(),
            st.booleans(),
            st.booleans(),
            st.sampled_from([None, 1, 7, 8]),
        ),
        max_size=6,
    ),
    st.sampled_from([["sms"], ["email"], ["sms", "email"]]),
)
def test_the_counts_add_up_and_agree_with_the_list(shop, crowd, channels):
    now = timezone.now()
    Contact.objects.all().delete()
    for sms, email, mobile, bad, adult, days in crowd:
        ContactFactory(
            sms_consent=sms,
            email_consent=email,
            phone_mobile=mobile,
            email_bad_at=now if bad else None,
            adult_declared_at=now if adult else None,
            last_commercial_at=now - timedelta(days=days) if days else None,
        )
    found = reach(named(), channels, shop, now)
    assert found.total == len(crowd) == found.reached + sum(c.count for c in found.left_out)
    for both in (False, True):
        listed = list(chosen(named(), channels, both, shop, at_any_hour(shop, now)))
        for channel in channels:
            count = sum(1 for one in listed if one.channel == channel)
            assert count == (found.by_channel if both else found.once)[channel]
        reachable = set()
        for channel in channels:
            reachable |= set(Contact.objects.reachable_by(channel).values_list("pk", flat=True))
        assert {one.contact_id for one in listed} <= reachable


@pytest.mark.parametrize(
    ("born", "today", "adult"),
    [
        ((2008, 2, 29), (2026, 2, 28), False),
        ((2008, 2, 29), (2026, 3, 1), True),
        ((2006, 3, 1), (2024, 2, 29), False),
        ((2008, 11, 21), (2026, 11, 21), True),
    ],
)
def test_adults_in_sql_are_adults_in_python(shop, born, today, adult):
    now = timezone.now().replace(year=today[0], month=today[1], day=today[2], hour=12)
    person = ContactFactory(agreeing=True, birth_date=date(*born))
    assert person.is_adult(date(*today)) is adult
    assert reach(named(), ["sms"], shop, now).reached == int(adult)


def test_the_reach_takes_few_queries(shop, django_assert_max_num_queries):
    ProgrammeFactory()
    ContactFactory.create_batch(30, agreeing=True)
    with django_assert_max_num_queries(2):
        assert reach(named(near_reward=3, tags=["x"]), BOTH, shop).total == 0
    with django_assert_max_num_queries(1):
        assert reach(named(), BOTH, shop).reached == 30
