"""A batch of lines is what its lines one by one would have been, for a few statements."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.audience.importing import People
from apps.contacts.consent import write_consent
from apps.contacts.models import ConsentState, Contact, Opposition
from apps.contacts.services import add_contact, read_phone, tag_named
from apps.core.actor import SYSTEM, Actor
from apps.imports.services import go_on, start, upload
from apps.loyalty.models import Card, Movement
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

HEADER = "Prénom;Nom;Téléphone;E-mail;Étiquettes;Tampons;Accord SMS;Accord e-mail\n"
OWNER = Actor("team", 1)


def started(shop, lines):
    file = SimpleUploadedFile("clients.csv", (HEADER + "\n".join(lines) + "\n").encode())
    run = upload(shop, file, by=OWNER, now=timezone.now())
    options = {"tag": "ancien", "consent_origin": "paper"}
    start(run, mapping=run.mapping, options=options, by=OWNER, now=timezone.now())
    return run


def brought(shop, run):
    assert go_on(run.pk, shop, timezone.now() + timedelta(minutes=1))
    return [(line.fate, line.reasons) for line in run.lines.order_by("number")]


def all_that_is_known():
    people = Contact.objects.order_by("phone", "email").prefetch_related("tags")
    return [
        (
            (person.first_name, person.last_name, person.search, person.phone, person.email),
            (person.phone_mobile, person.sms_consent, person.email_consent),
            sorted(tag.name for tag in person.tags.all()),
            [(e.channel, e.state) for e in person.consent_events.order_by("pk")],
            [
                (card.balance, card.rewards_ready, sorted(m.stamps for m in card.movements.all()))
                for card in Card.objects.filter(contact=person)
            ],
        )
        for person in people
    ]


def line_of(*cells):
    return ";".join(cells)


LINES = st.lists(
    st.builds(
        line_of,
        st.sampled_from(["", "Zoé"]),
        st.sampled_from(["", "Petit", "Roux"]),
        st.sampled_from(["", "0612345678", "06 12 34 56 79", "0612345680", "0380123456", "12"]),
        st.sampled_from(["", "un@exemple.fr", "DEUX@exemple.fr", "trois@exemple.fr", "non"]),
        st.sampled_from(["", "Bulles", "bulles, jura"]),
        st.sampled_from(["", "3", "12", "900"]),
        st.sampled_from(["", "oui", "stop"]),
        st.sampled_from(["", "oui", "stop"]),
    ),
    min_size=1,
    max_size=9,
).filter(lambda lines: any(line.strip(";") for line in lines))


@pytest.mark.django_db
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(LINES)
@example(["Zoé;;0612345678;;;12;oui;", ";Petit;0612345678;trois@exemple.fr;jura;3;stop;oui"])
@example([";;0612345678;;;;stop;", ";;0612345678;;;;oui;"])
def test_a_batch_brings_what_its_lines_one_by_one_would(shop, lines):
    def so(batch):
        with transaction.atomic():
            ProgrammeFactory(goal=10)
            named = {"first_name": "Inès", "last_name": ""}
            known = ContactFactory(phone="+33612345679", email="un@exemple.fr", **named)
            CardFactory(contact=known)
            stopped = ContactFactory(phone="", email="deux@exemple.fr", agreeing=True, **named)
            write_consent(stopped, "email", ConsentState.WITHDRAWN, source="reply", by=SYSTEM)
            stopped.tags.add(tag_named("Bulles"))
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(People, "batch", batch)
                fates = brought(shop, started(shop, lines))
            told = fates, all_that_is_known(), Opposition.objects.count()
            transaction.set_rollback(True)
        return told

    together, apart = so(500), so(1)
    assert together == apart


@pytest.mark.django_db
def test_what_the_database_refuses_is_one_line_and_not_its_batch(shop):
    living = ContactFactory()
    ContactFactory(phone="+33612345678", email="", merged_into=living)  # held, and found by nobody
    lines = [f"P{n};;06123456{n:02d};;;3;;" for n in range(70, 85)]
    fates = brought(shop, started(shop, lines))
    assert fates[8] == ("refused", "data")
    assert fates[:8] + fates[9:] == [("created", "")] * 14
    assert Card.objects.count() == Movement.objects.count() == 14


@pytest.mark.django_db
@pytest.mark.parametrize("count", [20, 60])
def test_a_batch_costs_the_same_whatever_its_length(shop, count, django_assert_max_num_queries):
    ProgrammeFactory(goal=10)
    lines = [f"P{n};;0612345{n:03d};p{n}@exemple.fr;jura;12;oui;oui" for n in range(count)]
    brought(shop, started(shop, lines))
    again = [f"P{n};N;0612345{n + 5:03d};p{n + 5}@exemple.fr;bulles;;stop;" for n in range(count)]
    run = started(shop, again)
    with django_assert_max_num_queries(32):
        fates = brought(shop, run)
    assert {fate for fate, _reasons in fates} == {"created", "updated"}


@pytest.mark.django_db(transaction=False)
def test_whoever_joins_at_the_counter_meanwhile_is_one_person(shop, committed):
    lines = [f"P{n};;0612345{n:03d};;;3;;" for n in range(40)]
    (run,) = committed(lambda _: started(shop, lines), None)

    def work(number):
        if number is None:
            return brought(shop, run)
        phone = read_phone(f"0612345{number:03d}")
        return add_contact(phone=phone, first_name="Comptoir", now=timezone.now()).contact.pk

    fates, *people = committed(work, None, *range(0, 40, 5))
    assert {fate for fate, _reasons in fates} <= {"created", "updated"}

    def told(_):
        phones = list(Contact.objects.values_list("phone", flat=True))
        return len(phones), len(set(phones)), Card.objects.count()

    assert committed(told, None) == [(40, 40, 40)]
    assert len(set(people)) == 8
