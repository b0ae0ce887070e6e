"""An invoice by e-mail: with its PDF, once for a gesture, again when asked."""

import re
from email import message_from_bytes, policy
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.contacts.models import Contact
from apps.contacts.services import add_contact
from apps.invoicing.models import Paper, Sending
from apps.invoicing.sending import NoPaperYet, send
from apps.invoicing.services import issue, save_draft
from apps.invoicing.verifying import prove_chain
from apps.invoicing.words import Cause
from apps.messaging.models import Message, Status
from tests.factories import ContactFactory
from tests.invoicing.writing import HOTEL, NOON, OWNER, file_of, issued, lose, words

TO = "compta@hotel.exemple.fr"


@pytest.fixture
def mailbox(tmp_path, settings):
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    settings.MAILBOX_DIR.mkdir()
    settings.EMAIL_BACKEND = "apps.core.mailbox.MailboxBackend"
    return settings.MAILBOX_DIR


@pytest.fixture
def ready(seller, run_jobs):
    """An invoice to a company, whose PDF is there."""
    invoice = issued(buyer=HOTEL, taxed=False)
    run_jobs()
    return invoice


def mails(mailbox):
    return [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in sorted(mailbox.glob("*.eml"))
    ]


def posted(invoice, to=TO, token=None):
    return send(invoice, to=to, token=token or uuid4(), by=OWNER)


def text(answer):
    return re.sub(r"\s+", " ", answer.content.decode().replace("\u202f", " ").replace("\xa0", " "))


def test_it_leaves_with_its_pdf_as_it_was_checked(ready, mailbox, run_jobs):
    posted(ready)
    run_jobs()
    (mail,) = mails(mailbox)
    assert mail["To"] == TO
    assert mail["Subject"] == f"Facture {ready.number}, Cave du Marché"
    (pdf,) = mail.iter_attachments()
    assert pdf.get_filename() == f"{ready.number}-cave.pdf"
    assert pdf.get_content() == file_of(Paper.objects.get(invoice=ready))
    assert ready.number in mail.get_body().get_content()
    assert mail["List-Unsubscribe"] is None, "an invoice is no advertisement"


def test_a_second_tap_does_not_send_twice(ready):
    token = uuid4()
    assert posted(ready, token=token) == posted(ready, token=token)
    assert Message.objects.count() == 1


def test_sent_again_it_leaves_again(ready, mailbox, run_jobs):
    posted(ready)
    posted(ready)
    run_jobs()
    assert len(mails(mailbox)) == 2


def test_without_its_pdf_it_does_not_leave(seller):
    with pytest.raises(NoPaperYet):
        posted(issued())
    assert not Message.objects.exists()


def test_a_pdf_that_is_gone_fails_loudly(ready, mailbox, run_jobs):
    posted(ready)
    lose(Paper.objects.get(invoice=ready).file)
    run_jobs()
    message = Message.objects.get()
    assert (message.status, message.reason) == (Status.FAILED, "no_file")
    assert mails(mailbox) == []


def test_who_is_written_an_invoice_agreed_to_nothing_else(ready):
    posted(ready)
    reader = Contact.objects.get(email=TO)
    assert reader.last_name == HOTEL.name
    assert reader.why_not("email") == "no_consent"


def test_who_is_known_by_the_address_is_no_second_person(ready):
    known = add_contact(email=TO, last_name="Réception").contact
    assert posted(ready).message.contact_id == known.pk


def test_the_owner_sends_reads_when_and_sends_again(owner_client, ready, run_jobs):
    page = text(owner_client.get(ready.get_absolute_url()))
    assert "Envoyer par e-mail" in page
    at, typed = reverse("invoice_send", args=[ready.number]), {"to": TO, "token": uuid4()}
    page = text(owner_client.post(at, typed, follow=True))
    assert f"part à {TO}" in page
    assert "Envoyée le" in page
    assert "Renvoyer par e-mail" in page
    assert f'value="{TO}"' in page
    assert owner_client.post(at, {"to": "rien", "token": uuid4()}).status_code == 422


def test_the_buyer_s_own_address_is_proposed(owner_client, seller, run_jobs):
    buyer = ContactFactory(email="claire@exemple.fr")
    draft = save_draft(words(), now=NOON, cause=Cause(contact_id=buyer.pk))
    invoice = issue(draft, by=OWNER, now=NOON)
    run_jobs()
    assert 'value="claire@exemple.fr"' in text(owner_client.get(invoice.get_absolute_url()))


def test_the_page_asks_the_same_however_often_it_was_sent(owner_client, ready):
    def asked():
        with CaptureQueriesContext(connection) as found:
            owner_client.get(ready.get_absolute_url())
        return len(found)

    posted(ready)
    once = asked()
    for _ in range(4):
        posted(ready)
    assert asked() <= once


def test_eight_taps_send_one(tills, run_jobs):
    (invoice,) = tills(lambda _: issued(), None)

    def is_ready(_):
        Paper.objects.filter(invoice=invoice).update(state="ready", file="x/y.pdf")

    tills(is_ready, None)
    token = uuid4()
    made = tills(lambda _: posted(invoice, token=token), *range(8))
    assert len({one.pk for one in made}) == 1
    assert tills(lambda _: Sending.objects.count(), None) == [1]


def test_an_invoice_says_its_buyer_whatever_becomes_of_their_record(seller, run_jobs):
    buyer = ContactFactory(email="claire@exemple.fr")
    draft = save_draft(words(), now=NOON, cause=Cause(contact_id=buyer.pk))
    invoice = issue(draft, by=OWNER, now=NOON)
    Contact.objects.filter(pk=buyer.pk).update(
        first_name="", last_name="", search="", phone="", email="", note=""
    )
    run_jobs()
    invoice.refresh_from_db()
    assert invoice.record.facts["buyer"]["name"] == "Claire Dupont"
    assert prove_chain().broken is None
    assert Paper.objects.get(invoice=invoice).state == "ready", "drawn from the record alone"
    with pytest.raises(ProtectedError):
        Contact.objects.get(pk=buyer.pk).delete()
