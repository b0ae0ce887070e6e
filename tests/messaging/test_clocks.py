"""The database and Python name the same first allowed moment for everybody."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.contacts.models import Contact
from apps.core.phone import phone_region
from apps.messaging.clocks import clocks
from apps.messaging.hours import next_allowed
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db

moments = st.datetimes(datetime(2025, 1, 1), datetime(2029, 1, 1)).map(
    lambda naive: naive.replace(tzinfo=UTC)
)
people = st.lists(
    st.tuples(
        st.sampled_from(["+3361234567", "+26269212345", "+59069012345", "+491511234567", ""]),
        st.sampled_from(["", "21200", "67000", "57100", "97400", "97133", "75011"]),
        st.one_of(st.none(), st.timedeltas(timedelta(days=-9), timedelta(days=9))),
    ),
    min_size=1,
    max_size=8,
)
whole_days = {"quiet_until": time(0), "quiet_from": time.max, "sundays_allowed": True}
usual = {"quiet_until": time(8), "quiet_from": time(21, 30), "sundays_allowed": False}


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    now=moments,
    crowd=people,
    rules=st.tuples(
        st.sampled_from([usual, whole_days]),
        st.sampled_from([0, 1, 7]),
        st.sampled_from(["21200", "67000", "97400"]),
    ),
)
def test_the_first_allowed_moment_is_the_same_in_sql(shop, now, crowd, rules):
    hours, cap, around = rules
    for name, value in {**hours, "cap_days": cap, "postal_code": around}.items():
        setattr(shop, name, value)
    until = now + timedelta(days=20)
    with transaction.atomic():
        for n, (number, postal_code, ago) in enumerate(crowd):
            phone = f"{number}{n}" if number else ""
            ContactFactory(
                phone=phone,
                phone_region=phone_region(phone) if phone else "FR",
                postal_code=postal_code,
                email=f"p{n}@exemple.fr",
                last_commercial_at=None if ago is None else now + ago,
            )
        found = list(Contact.objects.annotate(goes_at=clocks(shop, now, until).goes_at()))
        transaction.set_rollback(True)
    for person in found:
        last = person.last_commercial_at
        free = max(now, last + timedelta(days=cap)) if cap and last else now
        told = next_allowed(shop, person.phone, free, postal_code=person.postal_code)
        assert person.goes_at == told or min(person.goes_at, told) > until


def test_who_could_only_be_written_to_after_the_end_is_past_it(shop):
    now = datetime(2026, 11, 20, 10, tzinfo=UTC)
    person = ContactFactory(last_commercial_at=now - timedelta(days=1))
    until = now + timedelta(days=3)
    (found,) = Contact.objects.annotate(goes_at=clocks(shop, now, until).goes_at())
    assert found.pk == person.pk
    assert found.goes_at > until


def test_it_takes_one_query_however_many_places(shop, django_assert_num_queries):
    for postal_code in ("21200", "67000", "97400", "97133"):
        ContactFactory(postal_code=postal_code)
    now = datetime(2026, 11, 20, 10, tzinfo=UTC)
    with django_assert_num_queries(1):
        clocks(shop, now, now + timedelta(days=3))
