"""Stop in one tap, and never by looking."""

import pytest
from django.utils import timezone

from apps.contacts.consent import has_opposed, write_consent
from apps.contacts.models import ConsentEvent, ConsentState, Contact
from apps.core.actor import SYSTEM
from apps.messaging.models import Alert
from tests.conftest import ShopClient
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(shop):
    return ContactFactory(agreeing=True, first_name="Bérengère")


@pytest.fixture
def page(contact):
    return f"/stop/{contact.link_token}/"


def test_looking_at_the_page_changes_nothing(visitor, contact, page):
    for path in (page, f"{page}un-clic/", f"/s/{contact.link_token}", f"/s/{contact.link_token}/"):
        assert visitor.get(path, follow=True).status_code == 200
        assert visitor.head(path).status_code in {200, 302}
    contact.refresh_from_db()
    assert (contact.sms_consent, contact.email_consent) == ("granted", "granted")


@pytest.mark.parametrize(("channel", "other"), [("sms", "email"), ("email", "sms")])
def test_one_tap_ends_that_channel_and_only_that(visitor, contact, page, channel, other):
    answer = visitor.post(page, {"canal": channel}, follow=True)
    assert "C’est noté" in answer.text
    contact.refresh_from_db()
    assert contact.consent(channel) == "withdrawn"
    assert contact.consent(other) == "granted"
    line = ConsentEvent.objects.get()
    assert (line.source, line.actor_kind) == ("message", "customer")
    assert Alert.objects.get().code == f"stopped_{channel}"


def test_a_slip_is_undone_by_the_person_alone(visitor, contact, page):
    visitor.post(page, {"canal": "sms"})
    assert has_opposed("sms", contact.phone)
    contact.refresh_from_db()
    assert not write_consent(contact, "sms", ConsentState.GRANTED, source="import", by=SYSTEM)
    visitor.post(page, {"canal": "sms", "geste": "reprendre"})
    contact.refresh_from_db()
    assert contact.sms_consent == "granted"
    assert not has_opposed("sms", contact.phone)
    assert not Alert.objects.filter(dismissed_at=None).exists()


def test_the_undo_grants_nothing_that_was_never_given(visitor, shop):
    silent = ContactFactory()
    visitor.post(f"/stop/{silent.link_token}/", {"canal": "sms", "geste": "reprendre"})
    silent.refresh_from_db()
    assert silent.sms_consent == "none"


def test_the_mails_link_signs_up_no_phone_that_nobody_has_proven(visitor, shop):
    """She left a neighbour's number: stop and « c’était une erreur » make no yes of it."""
    sly = ContactFactory(sms_consent="pending", email_proven_at=timezone.now())
    for gesture in ("", "reprendre"):
        visitor.post(f"/stop/{sly.link_token}/", {"canal": "sms", "geste": gesture})
    sly.refresh_from_db()
    assert sly.sms_consent == "pending"


def test_a_yes_on_paper_comes_back_but_not_for_another_number(visitor, shop):
    person = ContactFactory()
    write_consent(person, "sms", ConsentState.GRANTED, source="import", by=SYSTEM)
    stop_page = f"/stop/{person.link_token}/"
    visitor.post(stop_page, {"canal": "sms"})
    visitor.post(stop_page, {"canal": "sms", "geste": "reprendre"})
    person.refresh_from_db()
    assert person.sms_consent == "granted"
    visitor.post(stop_page, {"canal": "sms"})
    Contact.objects.filter(pk=person.pk).update(phone="+33699999999")
    visitor.post(stop_page, {"canal": "sms", "geste": "reprendre"})
    person.refresh_from_db()
    assert person.sms_consent == "pending"


def test_the_mail_program_unsubscribes_without_cookie_or_page(shop, contact, page):
    strict = ShopClient(shop, enforce_csrf_checks=True)
    answer = strict.post(f"{page}un-clic/", {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert not answer.cookies
    contact.refresh_from_db()
    assert (contact.email_consent, contact.sms_consent) == ("withdrawn", "granted")


def test_the_page_itself_wants_its_own_form(shop, page):
    strict = ShopClient(shop, enforce_csrf_checks=True)
    assert strict.post(page, {"canal": "sms"}).status_code == 403


def test_a_forwarded_link_tells_nothing_of_the_person(visitor, contact, page):
    text = visitor.get(page).text
    for secret in (contact.first_name, contact.last_name, contact.email, contact.phone[-6:]):
        assert secret not in text


def test_a_merged_record_keeps_its_link(visitor, contact):
    old = ContactFactory(phone="", email="", merged_into=contact)
    visitor.post(f"/stop/{old.link_token}/", {"canal": "sms"})
    contact.refresh_from_db()
    assert contact.sms_consent == "withdrawn"


@pytest.mark.parametrize("token", ["A" * 22, "court", "a%00b", "é" * 22])
def test_an_unknown_link_is_a_clear_404(visitor, shop, token):
    for path in (f"/stop/{token}/", f"/stop/{token}/un-clic/"):
        assert visitor.post(path, {"canal": "sms"}).status_code == 404


def test_nonsense_in_the_form_changes_nothing(visitor, contact, page):
    assert visitor.post(page, {"canal": "pigeon"}).status_code == 302
    assert not ConsentEvent.objects.exists()
