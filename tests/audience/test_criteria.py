"""Who a message is for, whom it reaches, and why not the others."""

from datetime import UTC, date, datetime, time, timedelta

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
from apps.audience.rules import RULES
from apps.contacts.models import Channel, ConsentState, Contact
from apps.contacts.services import tag_named
from apps.messaging.clocks import clocks
from tests.audience.shops import criteria_dicts
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db

BOTH = [Channel.SMS, Channel.EMAIL]


def named(*rules, match="all"):
    """One group of rules, as they are kept."""
    groups = [{"match": match, "rules": list(rules)}] if rules else []
    return Criteria.read({"groups": groups})


def ids(criteria):
    return set(people(criteria).values_list("pk", flat=True))


def tags(*names, how="any"):
    return {"is": "tags", "how": how, "names": list(names)}


def test_tags_any_or_every_whatever_their_case(shop):
    one, two, none = ContactFactory(), ContactFactory(), ContactFactory()
    one.tags.add(tag_named("Bulles"), tag_named("Rouge"))
    two.tags.add(tag_named("rouge"))
    assert ids(named(tags("bulles", "ROUGE"))) == {one.pk, two.pk}
    assert ids(named(tags("bulles", "ROUGE", how="every"))) == {one.pk}
    assert ids(named(tags("inconnue"))) == set()
    assert ids(named()) == {one.pk, two.pk, none.pk}


def test_last_visit_counts_those_who_never_came_as_not_seen(shop):
    now = timezone.now()
    recent = ContactFactory(last_visit_at=now - timedelta(days=3))
    old = ContactFactory(last_visit_at=now - timedelta(days=60))
    never = ContactFactory()
    assert ids(named({"is": "seen", "days": 30})) == {recent.pk}
    assert ids(named({"is": "unseen", "days": 45})) == {old.pk, never.pk}


def test_somebody_is_late_by_their_own_rhythm_not_by_another_s(shop):
    now = timezone.now()

    def came(visits, known, away):
        first = now - timedelta(days=known + away)
        last = now - timedelta(days=away)
        return ContactFactory(first_visit_at=first, last_visit_at=last, visits=visits).pk

    weekly, monthly = came(11, 70, 20), came(11, 300, 20)
    came(2, 7, 90), came(11, 10, 13)  # no rhythm yet; not away for long
    assert ids(named({"is": "rhythm", "times": "2"})) == {weekly}
    assert monthly not in ids(named({"is": "rhythm", "times": "1.5"}))


def test_near_a_reward_or_with_one_ready(shop):
    ProgrammeFactory(goal=10)
    near = CardFactory(balance=8).contact
    far = CardFactory(balance=2).contact
    ready = CardFactory(balance=0, rewards_ready=1).contact
    ContactFactory()
    two, seven, won = ({"is": "near", "missing": 2}, {"is": "near", "missing": 7}, {"is": "ready"})
    assert ids(named(two)) == {near.pk}
    assert ids(named(won)) == {ready.pk}
    assert ids(named(two, won, match="any")) == {near.pk, ready.pk}
    assert far.pk not in ids(named(seven))


def test_region_by_post_code_or_phone(shop):
    dijon = ContactFactory(postal_code="21000")
    bastia = ContactFactory(postal_code="20200")
    island = ContactFactory(phone="+590690001122", phone_region="GP")
    ContactFactory(postal_code="75011")
    assert ids(named({"is": "place", "places": ["21"]})) == {dijon.pk}
    assert ids(named({"is": "place", "places": ["2b"]})) == {bastia.pk}
    abroad = {"is": "territory", "regions": ["GP"]}
    either = named({"is": "place", "places": ["21"]}, abroad, match="any")
    assert ids(either) == {dijon.pk, island.pk}


def test_enrolled_since_a_day_included(shop):
    now = timezone.now()
    today = ContactFactory()
    ContactFactory(created_at=now - timedelta(days=10))
    since = {"is": "enrolled", "since": timezone.localdate().isoformat()}
    assert ids(named(since)) == {today.pk}


def test_a_birthday_on_29_february_is_feted_on_the_28th_of_other_years(shop):
    leap = ContactFactory(birth_date=date(1996, 2, 29)).pk
    soon = named({"is": "birthday", "days": 2})

    def feted(*day):
        now = datetime(*day, 12, tzinfo=UTC)
        return leap in set(people(soon, now).values_list("pk", flat=True))

    assert feted(2027, 2, 27)
    assert not feted(2027, 3, 1)
    assert not feted(2028, 2, 27)
    assert feted(2028, 2, 28)


def test_merged_records_are_nobody(shop):
    keeper = ContactFactory()
    ContactFactory(phone="", email="", merged_into=keeper)
    assert ids(named()) == {keeper.pk}
    nobody = {"groups": [{"not": True, "rules": [tags("bulles")]}]}
    assert ids(Criteria.read(nobody)) == {keeper.pk}


def test_any_criteria_are_one_question(shop, django_assert_num_queries):
    ContactFactory.create_batch(3)
    rules = [{"is": rule.key, **rule.blank()} for rule in RULES if rule.key in SIMPLE]
    every = [tags("a", "b", how="every"), {"is": "place", "places": ["21", "2A"]}, *rules]
    for match in ("all", "any"):
        with django_assert_num_queries(1):
            people(named(*every[:8], match=match)).count()


SIMPLE = {"seen", "unseen", "rhythm", "visits", "ready", "near", "birthday", "age", "channel"}


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"phone": "06"},
        {"groups": {}},
        {"groups": [{"rules": [{"is": "phone"}]}]},
        {"groups": [{"rules": [["tags"]]}]},
        {"groups": [{"rules": [], "match": "none"}]},
        {"groups": [{"rules": [{"groups": []}]}]},
        {"groups": [{"rules": []}] * 7},
        *(
            {"groups": [{"rules": [rule]}]}
            for rule in (
                {"is": "tags", "names": "bulles"},
                {"is": "tags", "names": [3]},
                {"is": "tags", "names": [str(n) for n in range(30)]},
                {"is": "seen", "days": -1},
                {"is": "seen", "days": "x"},
                {"is": "seen", "days": True},
                {"is": "unseen", "days": 99999},
                {"is": "unseen", "days": 45, "hours": 2},
                {"is": "near", "missing": 21},
                {"is": "ready", "not": "yes"},
                {"is": "place", "places": ["Beaune"]},
                {"is": "territory", "regions": ["US"]},
                {"is": "enrolled", "since": "hier"},
                {"is": "visits"},
                {"is": "age", "least": 40, "most": 30},
            )
        ),
    ],
)
def test_unreadable_criteria_are_refused_in_french(data):
    with pytest.raises(WrongCriteria) as refusal:
        Criteria.read(data)
    assert "illisible" in str(refusal.value)


@given(criteria_dicts)
def test_what_is_kept_reads_back_the_same(data):
    criteria = Criteria.read(data)
    assert Criteria.read(criteria.as_dict()) == criteria
    assert describe(criteria)


def test_criteria_are_said_in_french():
    assert describe(named()) == "Tous les clients"
    unseen, near = {"is": "unseen", "days": 45}, {"is": "near", "missing": 2}
    assert describe(named(tags("bulles"), unseen, near)) == (
        "Clients étiquetés « bulles », pas vus depuis 45 jours "
        "et à 2 tampons d’une récompense ou moins"
    )
    turned = named({**unseen, "not": True}, {"is": "ready"}, match="any")
    assert describe(turned) == (
        "Clients vus depuis moins de 45 jours ou avec une récompense à prendre"
    )


def test_groups_are_said_so_that_and_and_or_cannot_be_confused():
    either = {"match": "any", "rules": [tags("bulles"), tags("jura")]}
    absent = {"rules": [{"is": "unseen", "days": 45}, {"is": "visits", "least": 3}]}
    but = {"not": True, "rules": [{"is": "channel", "by": "sms"}]}
    assert describe(Criteria.read({"groups": [but, either, absent]})) == (
        "Clients (étiquetés « bulles » ou étiquetés « jura »), et (pas vus depuis 45 jours et "
        "venus au moins 3 fois), sauf ceux joignables par SMS"
    )
    assert describe(Criteria.read({"groups": [but]})) == (
        "Tous les clients, sauf ceux joignables par SMS"
    )


def said(is_, turned=False, **values):
    return describe(named({"is": is_, "not": turned, **values}))


def test_what_people_buy_is_said_as_one_says_it_of_them():
    red = {"how": "only", "values": ["rouge"]}
    assert said("colour", **red) == "Clients qui n’achètent que du rouge"
    assert said("colour", turned=True, **red) == "Clients qui n’achètent pas que du rouge"
    jura = {"how": "once", "values": ["jura", "alsace"]}
    assert said("region", **jura) == (
        "Clients qui ont déjà acheté des vins du Jura ou des vins d’Alsace"
    )
    assert said("region", turned=True, **jura) == (
        "Clients qui n’ont jamais acheté de vins du Jura ni de vins d’Alsace"
    )
    assert said("brand", how="mostly", values=["Kinfolk"]) == (
        "Clients qui achètent surtout « Kinfolk »"
    )
    assert said("spent", least=1500) == "Clients qui ont dépensé au moins 1 500 €"
    lately = {"least": 300, "within": "365"}
    assert said("spent", **lately) == "Clients qui ont dépensé au moins 300 € ces 12 derniers mois"
    assert said("spent", turned=True, most=50) == "Clients qui ont dépensé plus de 50 €"
    between = {"least": 20, "most": 50}
    assert said("spent", **between) == "Clients qui ont dépensé de 20 € à 50 €"


def test_an_address_asks_by_the_names_of_the_criteria_and_never_fails():
    asked = Criteria.asked({"unseen": "45", "seen": "x", "ready": "1", "page": "2"})
    assert describe(asked) == "Clients pas vus depuis 45 jours et avec une récompense à prendre"
    asked = Criteria.asked({"spent": "500", "spent_within": "365", "unseen": "180"})
    assert describe(asked) == (
        "Clients pas vus depuis 6 mois et qui ont dépensé au moins 500 € ces 12 derniers mois"
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
    with django_assert_max_num_queries(1):
        assert reach(named({"is": "near", "missing": 3}, tags("x")), BOTH, shop).total == 0
    with django_assert_max_num_queries(1):
        assert reach(named(), BOTH, shop).reached == 30
