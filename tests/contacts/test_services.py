"""A person is one record, however typed, however changed; what they agreed to stays true."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.db import connections
from django.utils import timezone

from apps.audit.models import Entry
from apps.contacts.consent import has_opposed, write_consent
from apps.contacts.models import Channel, ConsentState, Contact
from apps.contacts.services import (
    AddressTaken,
    AlreadyStopped,
    Identity,
    NoTagName,
    NothingToReach,
    add_contact,
    add_tag,
    edit_contact,
    read_phone,
    record_yes,
    remove_tag,
    tag_named,
    withdraw,
)
from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.loyalty.services import card_of
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db

TEAM = Actor("team", 7)


def identity(contact, **changes):
    phone = read_phone(contact.phone) if contact.phone else None
    kept = {name: getattr(contact, name) for name in ("first_name", "last_name", "email")}
    return Identity(**{**kept, "phone": phone, **changes})


def edited(contact, **changes):
    edit_contact(contact, identity(contact, **changes), by=TEAM, now=timezone.now())
    return Contact.objects.get(pk=contact.pk)


@pytest.mark.parametrize("typed", ["06 12 34 56 78", "+33 6 12 34 56 78", "0033612345678"])
def test_one_number_is_one_person_however_typed(shop, typed):
    first = add_contact(phone=read_phone("0612345678"), first_name="Anaïs").contact
    found = add_contact(phone=read_phone(typed), first_name="Autre")
    assert (found.contact.pk, found.created) == (first.pk, False)
    assert found.contact.first_name == "Anaïs"


def test_twenty_helpers_at_once_make_one_person(shop):
    typed = ["06 98 76 54 32", "+33 6 98 76 54 32"]

    def add(n):
        with in_schema(shop.schema_name):
            try:
                return add_contact(phone=read_phone(typed[n % 2])).contact.pk
            finally:
                connections.close_all()

    def forget(pk):
        with in_schema(shop.schema_name):
            Contact.objects.filter(pk=pk).delete()
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        made = set(pool.map(add, range(20)))
        try:
            assert len(made) == 1
            assert Contact.objects.filter(phone="+33698765432").count() == 1
        finally:
            list(pool.map(forget, made))


def test_changing_the_number_keeps_the_card(shop):
    person = ContactFactory()
    card = card_of(person)
    changed = edited(person, phone=read_phone("06 55 44 33 22"))
    assert changed.phone == "+33655443322"
    assert card_of(changed) == card


def test_a_yes_and_a_proof_belong_to_the_address(shop):
    person = ContactFactory(agreeing=True, phone_bad_at=timezone.now())
    changed = edited(person, phone=read_phone("06 55 44 33 22"))
    assert changed.sms_consent == ConsentState.NONE
    assert changed.phone_proven_at is None
    assert changed.phone_bad_at is None
    assert changed.email_consent == ConsentState.GRANTED
    last = changed.consent_events.latest("at")
    assert (last.channel, last.state, last.actor_id) == ("sms", ConsentState.NONE, 7)


def test_the_same_address_typed_otherwise_changes_nothing(shop):
    person = ContactFactory(agreeing=True)
    assert edit_contact(person, identity(person), by=TEAM, now=timezone.now()) == []
    changed = edited(person, email=person.email.upper(), first_name="Zoé")
    assert changed.email_consent == ConsentState.GRANTED


def test_a_stop_stays_when_the_number_changes(shop):
    person = ContactFactory(agreeing=True)
    withdraw(person, Channel.SMS, source="counter", by=TEAM, now=timezone.now())
    changed = edited(person, phone=read_phone("06 55 44 33 22"))
    assert changed.sms_consent == ConsentState.WITHDRAWN
    assert has_opposed("sms", person.phone)


def test_a_new_number_that_said_stop_elsewhere_is_stopped(shop):
    other = ContactFactory(agreeing=True)
    withdraw(other, Channel.SMS, source="counter", by=TEAM, now=timezone.now())
    gone = other.phone
    edited(other, phone=None)
    changed = edited(ContactFactory(agreeing=True), phone=read_phone(gone))
    assert changed.sms_consent == ConsentState.WITHDRAWN


def test_a_taken_address_is_refused_and_names_the_holder(shop):
    holder, person = ContactFactory(), ContactFactory()
    with pytest.raises(AddressTaken) as refusal:
        edited(person, phone=read_phone(holder.phone))
    assert refusal.value.values == {"field": "phone", "holder": holder.pk}
    with pytest.raises(AddressTaken):
        edited(person, email=holder.email.upper())
    person.refresh_from_db()
    assert person.phone != holder.phone


def test_the_trail_names_fields_and_no_person(shop):
    person = ContactFactory()
    edited(person, first_name="Hildegarde", birth_date=date(1980, 1, 2), note="aime le jura")
    entry = Entry.objects.get(verb="contact.edited")
    assert entry.after == {"fields": ["first_name", "birth_date", "note"]}
    assert "Hildegarde" not in str(entry.__dict__)


def test_a_yes_heard_at_the_counter_waits_for_an_unproven_number(shop):
    person = ContactFactory()
    now = timezone.now()
    assert record_yes(person, "sms", source="counter", by=TEAM, now=now) == "pending"
    assert not Contact.objects.reachable_by("sms").exists()
    proven = ContactFactory(phone_proven_at=now)
    assert record_yes(proven, "sms", source="paper", by=TEAM, now=now) == "granted"
    assert proven.consent_events.get().source == "paper"


def test_a_second_yes_writes_no_second_line_and_lowers_nothing(shop):
    person = ContactFactory(email_consent=ConsentState.GRANTED)
    assert record_yes(person, "email", source="paper", by=TEAM, now=timezone.now()) == "granted"
    assert not person.consent_events.exists()


def test_the_team_does_not_undo_a_stop(shop):
    person = ContactFactory(agreeing=True)
    withdraw(person, "sms", source="counter", by=TEAM, now=timezone.now())
    person.refresh_from_db()
    with pytest.raises(AlreadyStopped):
        record_yes(person, "sms", source="paper", by=TEAM, now=timezone.now())
    nobody = ContactFactory(phone="", phone_mobile=False)
    with pytest.raises(NothingToReach):
        record_yes(nobody, "sms", source="paper", by=TEAM, now=timezone.now())


def test_the_person_herself_comes_back_from_a_stop(shop):
    person = ContactFactory(agreeing=True)
    withdraw(person, "sms", source="counter", by=TEAM, now=timezone.now())
    own = Actor("customer", person.pk)
    assert write_consent(person, "sms", ConsentState.GRANTED, source="card", by=own)
    assert not has_opposed("sms", person.phone)


def test_a_tag_is_one_whatever_its_case(shop):
    person = ContactFactory()
    tag = add_tag(person, "  Vins   du Jura ", by=TEAM)
    assert add_tag(person, "vins du jura", by=TEAM) == tag == tag_named("VINS DU JURA")
    assert tag.name == "Vins du Jura"
    assert Entry.objects.filter(verb="contact.tagged").count() == 1
    remove_tag(person, tag, by=TEAM)
    assert not person.tags.exists()
    with pytest.raises(NoTagName):
        add_tag(person, "   ", by=TEAM)


@pytest.mark.parametrize("typed", ["helene", "HÉLÈNE dup", "45 67", "0645", "helene@"])
def test_people_are_found_as_they_are_remembered(shop, typed):
    wanted = ContactFactory(
        first_name="Hélène", last_name="Dupré", phone="+33601234567", email="helene@exemple.fr"
    )
    wanted2 = ContactFactory(first_name="X", phone="+33645670000", email="autre@exemple.fr")
    ContactFactory(first_name="Marc", phone="+33612000000", email="marc@exemple.fr")
    found = set(Contact.objects.matching(typed))
    assert found <= {wanted, wanted2}
    assert (wanted2 if typed == "0645" else wanted) in found


def test_a_number_is_found_as_it_is_dialled_from_abroad(shop):
    wanted = ContactFactory(phone="+33645670000")
    ContactFactory(phone="+33612000000")
    assert list(Contact.objects.matching("0033 6 45")) == [wanted]


@pytest.mark.parametrize("typed", ["0", "6", "00", " 1 ", "", "?"])
def test_what_says_too_little_finds_nobody_and_never_everybody(shop, typed):
    ContactFactory(phone="+33601234567")
    assert not Contact.objects.matching(typed).exists()


def test_a_digit_beside_a_name_is_left_aside(shop):
    wanted = ContactFactory(first_name="Camille", last_name="Petit")
    ContactFactory(first_name="Marc", last_name="Petit")
    assert list(Contact.objects.matching("camille 6")) == [wanted]
