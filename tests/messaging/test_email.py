"""E-mails through a real SMTP server, and through Brevo's API on this machine."""

from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header

import pytest

from apps.messaging.channels import sending
from apps.messaging.letter import draw
from apps.messaging.models import Status
from apps.messaging.providers.base import DeliveryFailed, DeliveryUncertain
from apps.messaging.providers.email import Email
from config.processes import free_port
from tests.factories import ContactFactory
from tests.messaging.peers import breaks_off, hangs_up, http_peer, says, smtp_peer
from tests.messaging.test_twilio import SMS

MAIL = replace(
    SMS,
    channel="email",
    to="client@exemple.fr",
    sender="bonjour@localhost",
    subject="L’été à la cave",
    body="Bonjour à tous",
    html="<p>Bonjour à tous</p>",
    reply_to="contact@cave.fr",
)


@pytest.fixture
def smtp(settings):
    settings.EMAIL_PROVIDER = "smtp"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with smtp_peer() as (room, port):
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        yield room


def test_a_mail_names_the_shop_and_can_be_left_in_one_click(smtp):
    receipt = Email().send(MAIL)
    assert receipt.status == Status.SENT
    (raw,) = smtp.mails
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["From"] == "Cave du Marché <bonjour@localhost>"
    assert mail["Reply-To"] == "contact@cave.fr"
    assert mail["Subject"] == "L’été à la cave"
    assert mail["List-Unsubscribe"] == "<http://cave.localhost:8000/stop/x/un-clic/>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_body(("plain",)).get_content().strip() == "Bonjour à tous"
    assert "<p>" in mail.get_body(("html",)).get_content()


def test_a_mail_comes_from_the_shops_own_address_once_its_domain_lets_it(smtp):
    Email().send(replace(MAIL, sender="bonjour@macave.fr"))
    mail = message_from_bytes(smtp.mails[0], policy=policy.default)
    assert mail["From"] == "Cave du Marché <bonjour@macave.fr>"


@pytest.mark.django_db
def test_a_mail_says_who_writes_and_why_in_both_its_parts(shop):
    contact = ContactFactory()
    text = sending("email").finish("Le savagnin est là.", contact, shop)
    html = draw("Arrivage", text, contact, shop)
    for part in (text, html):
        assert shop.name in part
        assert shop.city in part
        assert "parce que vous avez accepté les nouvelles" in part
        assert f"/stop/{contact.link_token}/" in part
    assert shop.accent in html
    assert 'name="viewport"' in html


def test_a_service_mail_is_no_list(smtp):
    Email().send(replace(MAIL, commercial=False, html="", reply_to=""))
    mail = message_from_bytes(smtp.mails[0], policy=policy.default)
    assert mail["List-Unsubscribe"] is None
    assert mail["Reply-To"] is None


@pytest.mark.parametrize(
    ("stage", "said", "code", "permanent"),
    [
        ("rcpt", "550 5.1.1 no such user", "bad_mailbox", True),
        ("rcpt", "452 4.2.2 mailbox full", "smtp_452", False),
        ("data", "554 5.7.1 spam", "smtp_554", True),
        ("data", "451 4.3.0 later", "smtp_451", False),
    ],
)
def test_each_smtp_refusal_says_what_to_do(smtp, stage, said, code, permanent):
    smtp.refuses[stage] = said
    with pytest.raises(DeliveryFailed) as failure:
        Email().send(MAIL)
    assert (failure.value.code, failure.value.permanent) == (code, permanent)


def test_a_server_that_hangs_up_on_the_mail_leaves_a_doubt(smtp):
    smtp.refuses["data"] = "hang up"
    with pytest.raises(DeliveryUncertain):
        Email().send(MAIL)


def test_no_smtp_server_means_that_nothing_left(smtp, settings):
    settings.EMAIL_PORT = free_port()
    with pytest.raises(DeliveryFailed) as failure:
        Email().send(MAIL)
    assert (failure.value.code, failure.value.permanent) == ("network", False)


def test_a_header_cannot_be_smuggled_in(smtp):
    with pytest.raises(DeliveryFailed) as failure:
        Email().send(replace(MAIL, subject="Bonjour\nBcc: tous@exemple.fr"))
    assert failure.value.permanent
    assert not smtp.mails


@pytest.fixture
def brevo(settings):
    settings.EMAIL_PROVIDER = "brevo"
    settings.EMAIL_BACKEND = "anymail.backends.brevo.EmailBackend"
    with http_peer() as peer:
        settings.ANYMAIL = {
            "BREVO_API_KEY": "xkeysib-clef",
            "BREVO_API_URL": f"{peer.url}/v3/",
            "REQUESTS_TIMEOUT": (1, 2),
        }
        peer.answer = says(201, {"messageId": "<2026.1@smtp-relay.mailin.fr>"})
        yield peer


def test_brevo_gets_the_mail_and_what_names_it(brevo):
    receipt = Email().send(MAIL)
    assert receipt.reference == "<2026.1@smtp-relay.mailin.fr>"
    (call,) = brevo.calls
    assert call.path == "/v3/smtp/email"
    assert call.headers["api-key"] == "xkeysib-clef"
    assert call.json["to"] == [{"email": "client@exemple.fr"}]
    assert call.json["sender"]["email"] == "bonjour@localhost"
    assert str(make_header(decode_header(call.json["sender"]["name"]))) == "Cave du Marché"
    headers = {name.lower(): value for name, value in call.json["headers"].items()}
    assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert MAIL.shop_token in headers["x-mailin-custom"]
    assert MAIL.attempt in headers["x-mailin-custom"]


@pytest.mark.parametrize(
    ("status", "said", "advice"),
    [
        (400, "invalid_parameter", {"permanent": True}),
        (401, "unauthorized", {"quota": True}),
        (402, "not_enough_credits", {"quota": True}),
        (403, "permission_denied", {"quota": True}),
        (429, "too_many_requests", {"retry_after": 30}),
        (503, "", {"retry_after": 30}),
    ],
)
def test_each_brevo_refusal_says_what_to_do(brevo, status, said, advice):
    brevo.answer = says(status, {"code": said, "message": "…"}, Retry_After="30")
    with pytest.raises(DeliveryFailed) as failure:
        Email().send(MAIL)
    told = {name: getattr(failure.value, name) for name in ("permanent", "quota", "retry_after")}
    assert told == {"permanent": False, "quota": False, "retry_after": 0, **advice}


@pytest.mark.parametrize(
    "answer",
    [says(500, {}), says(201, "{"), says(201, "[]"), hangs_up, breaks_off],
    ids=["500", "half json", "array", "hangs up", "breaks off"],
)
def test_brevo_silence_is_a_doubt(brevo, answer):
    brevo.answer = answer
    with pytest.raises(DeliveryUncertain):
        Email().send(MAIL)
    assert len(brevo.calls) == 1


def test_no_brevo_means_that_nothing_left(brevo, settings):
    settings.ANYMAIL["BREVO_API_URL"] = f"http://127.0.0.1:{free_port()}/v3/"
    with pytest.raises(DeliveryFailed) as failure:
        Email().send(MAIL)
    assert failure.value.code == "network"
