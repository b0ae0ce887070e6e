"""Many rows in one statement: each has its own values, whatever the others have."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.audit.models import Entry
from apps.contacts.models import Contact
from apps.core.rows import insert_rows, update_rows
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now()
NUMBERS = st.none() | st.integers(0, 2)
SETTINGS = st.none() | st.fixed_dictionaries({"price": st.integers(0, 1)})
ROWS = st.lists(
    st.builds(Entry, verb=st.sampled_from("ab"), actor_id=NUMBERS, before=SETTINGS, after=SETTINGS),
    min_size=1,
    max_size=5,
)


def told(rows):
    return [(row.pk, row.verb, row.actor_id, row.before, row.after) for row in rows]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_what_is_written_is_what_each_row_says_and_each_learns_its_key(shop, rows):
    insert_rows(rows)
    found = Entry.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk")
    assert told(found) == told(rows)
    assert found.filter(before__isnull=True).count() == sum(row.before is None for row in rows)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1), st.none() | st.just(NOW)), min_size=1, max_size=4))
def test_rows_are_changed_each_to_its_own_value_or_all_alike(shop, wanted):
    people = ContactFactory.create_batch(len(wanted))
    for person, (visits, at) in zip(people, wanted, strict=True):
        person.visits, person.last_visit_at = visits, at
    update_rows(people, "visits", "last_visit_at")
    found = Contact.objects.filter(pk__in=[person.pk for person in people]).order_by("pk")
    assert list(found.values_list("visits", "last_visit_at")) == wanted


def test_what_all_have_in_common_is_sent_once(shop):
    rows = [Entry(verb="a" * 40, actor_id=n) for n in range(50)]
    with CaptureQueriesContext(connection) as statements:
        insert_rows(rows)
    assert statements[-1]["sql"].count("a" * 40) == 1
