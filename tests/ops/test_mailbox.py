"""The demonstration's mailbox: what was sent can be read, clicked and answered."""

import pytest
from django.conf import settings as django_settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection

from apps.core.mailbox import post_email, post_sms
from apps.messaging.models import Reply
from apps.messaging.providers.urls import reply_mailbox, reply_url
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mailbox(tmp_path, settings):
    settings.MAILBOX_DIR = tmp_path
    return tmp_path


def sms(to="+33612345678", body="Bonjour", shop=None):
    url = reply_url(shop.callback_token) if shop else ""
    return post_sms(sender="CAVEMARCHE", to=to, body=body, reply_url=url)


def test_an_empty_mailbox_says_what_will_come(platform_client):
    assert "Rien encore" in platform_client.get("/boite/").text


def test_letters_are_real_mails_and_sms_newest_first(platform_client):
    mail = EmailMultiAlternatives(
        "L’été à la cave", "Voici votre carte", "Cave <a@b.fr>", ["client@exemple.fr"]
    )
    mail.attach_alternative("<p>Voici <script>alert(1)</script></p>", "text/html")
    post_email(mail)
    sms(body="Votre carte : http://cave.localhost:8000/c/abc <b>")
    text = platform_client.get("/boite/").text
    assert text.index("CAVEMARCHE") < text.index("L’été à la cave")
    assert 'href="http://cave.localhost:8000/c/abc"' in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_the_page_asks_for_what_is_newer_only(platform_client):
    first = sms(body="Un")
    assert platform_client.get(f"/boite/?apres={first}").status_code == 204
    sms(body="Deux")
    fresh = platform_client.get(f"/boite/?apres={first}").text
    assert "Deux" in fresh
    assert "Un<" not in fresh
    assert "<html" not in fresh


def test_in_production_there_is_no_such_page(platform_client, settings):
    reference = sms()
    settings.LOCAL = False
    assert platform_client.get("/boite/").status_code == 404
    assert platform_client.post("/boite/repondre/", {"reference": reference}).status_code == 404


def test_repondre_stop_goes_the_whole_way(platform_client, shop, run_jobs, monkeypatch):
    contact = ContactFactory(agreeing=True)
    reference = sms(to=contact.phone, shop=shop)
    answers = []

    def deliver(url, *, data, headers, timeout):
        path = url.removeprefix("http://localhost:8000")
        signature = headers["X-Twilio-Signature"]
        answer = platform_client.post(path, data, HTTP_X_TWILIO_SIGNATURE=signature)
        answers.append(answer.status_code)
        connection.set_tenant(shop)
        return type("Answer", (), {"raise_for_status": lambda self: None})()

    monkeypatch.setattr("apps.ops.tasks.requests.post", deliver)
    assert platform_client.post("/boite/repondre/", {"reference": reference}).status_code == 302
    run_jobs()
    connection.set_tenant(shop)
    contact.refresh_from_db()
    assert answers == [200]
    assert contact.sms_consent == "withdrawn"
    assert django_settings.LOCAL


def test_a_mail_is_answered_with_words_and_they_land_in_the_inbox(
    platform_client, shop, run_jobs, monkeypatch
):
    contact = ContactFactory()
    mail = EmailMultiAlternatives(
        "Arrivage", "Bonjour", "Cave <a@b.fr>", [contact.email], reply_to=[reply_mailbox(shop.slug)]
    )
    reference = post_email(mail)

    def deliver(url, *, json, headers, timeout):
        path = url.removeprefix("http://localhost:8000")
        secret = headers["Authorization"]
        platform_client.post(path, json, "application/json", HTTP_AUTHORIZATION=secret)
        connection.set_tenant(shop)
        return type("Answer", (), {"raise_for_status": lambda self: None})()

    monkeypatch.setattr("apps.ops.tasks.requests.post", deliver)
    form = {"reference": reference, "texte": "Gardez-m’en deux"}
    assert platform_client.post("/boite/repondre/", form).status_code == 302
    run_jobs()
    connection.set_tenant(shop)
    reply = Reply.objects.get()
    assert (reply.contact, reply.body) == (contact, "Gardez-m’en deux")


def test_a_letter_that_is_not_there_cannot_be_answered(platform_client):
    post = platform_client.post
    assert post("/boite/repondre/", {"reference": "../../etc/passwd"}).status_code == 404
