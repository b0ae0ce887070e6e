"""What stands on a person's record is what the ledgers say, whatever brought it about."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import StringIO
from itertools import count
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.catalog.models import Purchase, PurchaseSource
from apps.catalog.queries import spending, taste
from apps.catalog.services.purchases import (
    LineWords,
    Receipt,
    Receipts,
    cancel_purchase,
    record_purchase,
)
from apps.catalog.services.sums import SPENDING
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.loyalty.merging import lock_people, merge_records
from apps.loyalty.services import add_stamp, undo_stamp
from apps.loyalty.visits import VISITS
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

OWNER = Actor("team", 1)
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
TICKETS = count(1)


def line(colour, units=1, cents=1000, **more):
    return LineWords("Vin", cents * units, units, colour=colour, **more)


def bought(contact, *lines, cents=0, source=PurchaseSource.TILL):
    return record_purchase(
        contact=contact,
        amount_cents=cents or sum(one.amount_cents for one in lines),
        at=NOW,
        source=source,
        reference=f"T-{next(TICKETS)}",
        lines=lines,
    )[0]


def kept(contact):
    found = Contact.objects.get(pk=contact.pk)
    return found.spent_cents, found.tastes.get("colour", [])


def test_what_is_bought_most_stands_first_and_what_came_back_not_at_all(shop):
    person = ContactFactory()
    bought(person, line("blanc", 2), line("rouge", 3))
    ticket = bought(person, line("rose"))
    assert kept(person) == (6000, ["rouge", "blanc", "rose"])
    bought(person, line("blanc", -2))
    assert kept(person) == (4000, ["rouge", "rose"])
    cancel_purchase(purchase=ticket, by=OWNER, now=NOW)
    assert kept(person) == (3000, ["rouge"])


def test_a_file_of_tickets_is_summed_up_with_its_batch(shop):
    person, other = ContactFactory(), ContactFactory()
    articles = [
        Receipt(one, NOW, line(colour, units, reference=f"f:{n}"), ticket=str(one and one.pk))
        for n, (one, colour, units) in enumerate(
            [(person, "rouge", 1), (person, "blanc", 3), (other, "rouge", 1), (None, "rose", 1)]
        )
    ]
    receipts = Receipts("f", articles)
    assert all([receipts.take(article) for article in articles])
    receipts.write()
    assert kept(person) == (4000, ["blanc", "rouge"])
    assert kept(other) == (1000, ["rouge"])


def test_a_stamp_with_its_amount_and_the_stamp_undone(shop):
    ProgrammeFactory()
    card, earlier = CardFactory(), NOW - timedelta(days=9)
    add_stamp(card=card, token=uuid4(), by=OWNER, now=earlier)
    stamped = add_stamp(card=card, token=uuid4(), by=OWNER, now=NOW, amount_cents=4250)
    person = Contact.objects.get(pk=card.contact_id)
    assert (person.visits, person.first_visit_at, person.spent_cents) == (2, earlier, 4250)
    undo_stamp(movement=stamped.movement, token=uuid4(), by=OWNER, now=NOW)
    person.refresh_from_db()
    assert (person.visits, person.first_visit_at, person.last_visit_at) == (1, earlier, earlier)
    assert person.spent_cents == 0


def test_a_first_stamp_that_is_undone_was_no_visit(shop):
    ProgrammeFactory()
    card = CardFactory()
    stamped = add_stamp(card=card, token=uuid4(), by=OWNER, now=NOW)
    undo_stamp(movement=stamped.movement, token=uuid4(), by=OWNER, now=NOW)
    person = Contact.objects.get(pk=card.contact_id)
    assert (person.visits, person.first_visit_at, person.last_visit_at) == (0, None, None)


def test_two_records_that_become_one_are_summed_up_as_one(shop):
    ProgrammeFactory()
    old, new = CardFactory(), CardFactory()
    add_stamp(card=old, token=uuid4(), by=OWNER, now=NOW - timedelta(days=30))
    add_stamp(card=new, token=uuid4(), by=OWNER, now=NOW)
    ticket = bought(old.contact, line("rouge", 2))
    bought(new.contact, line("blanc"))
    into, alias = lock_people(new.contact, old.contact)
    whole = merge_records(alias, into, by=OWNER, now=NOW)
    assert (whole.visits, whole.first_visit_at) == (2, NOW - timedelta(days=30))
    assert kept(into) == (3000, ["rouge", "blanc"])
    cancel_purchase(purchase=ticket, by=OWNER, now=NOW)
    assert kept(into) == (1000, ["blanc"]), "a ticket of the record that was is the person's"
    assert VISITS.astray() == SPENDING.astray() == []


def test_purchases_at_once_are_all_summed_up(committed):
    (person,) = committed(lambda _: ContactFactory(), None)
    committed(lambda _: bought(person, line("rouge")), *range(12))
    (told,) = committed(lambda _: kept(person), None)
    assert told == (12_000, ["rouge"])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["buy", "buy", "buy", "cancel", "merge"]),
            st.integers(0, 2),
            st.sampled_from(["rouge", "blanc", ""]),
            st.sampled_from([1, 2, -1]),
        ),
        max_size=12,
    )
)
def test_whatever_happens_in_whatever_order_the_sums_are_those_of_the_ledger(shop, doings):
    people = ContactFactory.create_batch(3)
    for what, who, colour, units in doings:
        person = Contact.objects.get(pk=people[who].pk)
        if what == "buy":
            bought(person, line(colour, units))
        elif what == "cancel":
            for ticket in Purchase.objects.filter(contact=person)[:1]:
                cancel_purchase(purchase=ticket, by=OWNER, now=NOW)
        else:
            into = Contact.objects.get(pk=people[who - 1].pk)
            if person.merged_into_id is None and into.merged_into_id is None:
                merge_records(*lock_people(person, into), by=OWNER, now=NOW)
    assert SPENDING.astray() == []
    for person in Contact.objects.living().filter(pk__in=[one.pk for one in people]):
        assert person.spent_cents == spending(person, NOW).cents
        assert person.tastes.get("colour", []) == [value for value, _n in taste(person, "colour")]


def test_a_record_that_is_astray_is_named_and_mended(shop):
    person, other = ContactFactory(), ContactFactory()
    bought(person, line("rouge"))
    bought(other, line("rouge"))
    call_command("check_sums", shop.slug, stdout=StringIO())
    Contact.objects.filter(pk=person.pk).update(spent_cents=5, visits=3)
    told = StringIO()
    with pytest.raises(CommandError, match="2 en écart"):
        call_command("check_sums", shop.slug, stdout=told)
    assert told.getvalue().count(f"[{person.pk}]") == 2
    call_command("check_sums", shop.slug, "--mend", stdout=StringIO())
    call_command("check_sums", shop.slug, stdout=StringIO())
    assert kept(person) == (1000, ["rouge"])


def test_what_was_there_before_the_sums_is_summed_up_by_the_migrations(shop):
    ProgrammeFactory()
    old, new = CardFactory(), CardFactory()
    stamped = add_stamp(card=new, token=uuid4(), by=OWNER, now=NOW - timedelta(days=2))
    undo_stamp(movement=stamped.movement, token=uuid4(), by=OWNER, now=NOW - timedelta(days=2))
    for card in (old, new):
        add_stamp(card=card, token=uuid4(), by=OWNER, now=NOW, amount_cents=900)
        bought(card.contact, line("rouge", 2), line("blanc"))
    cancel_purchase(purchase=bought(new.contact, line("rose")), by=OWNER, now=NOW)
    into, alias = lock_people(new.contact, old.contact)
    merge_records(alias, into, by=OWNER, now=NOW)
    nothing = {"spent_cents": 0, "spent_on": [], "spent_since": [], "tastes": {}}
    Contact.objects.filter(pk=into.pk).update(first_visit_at=None, **nothing)
    assert VISITS.astray() == SPENDING.astray() == [into.pk]
    visits = import_module("apps.loyalty.migrations.0002_first_visits").FIRST_VISITS
    tickets = import_module("apps.catalog.migrations.0002_spending").SPENDING
    with connection.cursor() as cursor:
        cursor.execute(visits)
        cursor.execute(tickets)
    assert VISITS.astray() == SPENDING.astray() == []
