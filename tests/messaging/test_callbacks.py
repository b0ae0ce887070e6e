"""Providers call back: verified, stored once, and nothing moves backwards."""

import base64
import json
import logging

import pytest
from django.db import connection
from twilio.request_validator import RequestValidator

from apps.contacts.consent import has_opposed
from apps.contacts.models import ConsentEvent
from apps.messaging.models import Alert, Attempt, Callback, Status
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
HOST = "http://localhost:8000"
NOBODY = "A" * 22


@pytest.fixture(autouse=True)
def secrets(settings):
    settings.TWILIO_AUTH_TOKEN = "jeton"
    settings.BREVO_WEBHOOK_SECRET = "secret-brevo"


@pytest.fixture
def sent(open_hours, posted):
    """An SMS that Twilio has accepted."""
    message = posted(ContactFactory(agreeing=True))
    message.status, message.available_at, message.tries = Status.SENT, None, 1
    message.segments = 1
    message.save()
    return Attempt.objects.create(
        message=message, number=1, provider="twilio", status=Status.SENT, reference="SM1"
    )


@pytest.fixture
def post(platform_client, shop):
    def post(path, fields, secret="jeton", url=HOST, **extra):
        signature = RequestValidator(secret).compute_signature(url + path, fields)
        answer = platform_client.post(path, fields, HTTP_X_TWILIO_SIGNATURE=signature, **extra)
        connection.set_tenant(shop)
        return answer.status_code

    return post


@pytest.fixture
def status(post, shop, sent):
    """``status("delivered")``: what Twilio posts about the try ``sent``."""

    def status(word, code="", shop_token=None, attempt=None, **kwargs):
        path = f"/webhooks/twilio/{shop_token or shop.callback_token}/{attempt or sent.token}/"
        fields = {"MessageSid": "SM1", "MessageStatus": word, "ErrorCode": code, "To": "+336"}
        return post(path, fields, **kwargs)

    return status


@pytest.fixture
def reply(post, shop):
    def reply(text, number, **kwargs):
        path = f"/webhooks/twilio/{shop.callback_token}/reponse/"
        return post(path, {"MessageSid": f"SM{text}", "From": number, "Body": text}, **kwargs)

    return reply


@pytest.fixture
def brevo(platform_client, shop):
    def brevo(body, secret="secret-brevo", kind="Bearer"):
        text = body if isinstance(body, str) else json.dumps(body)
        value = base64.b64encode(f"brevo:{secret}".encode()).decode() if kind == "Basic" else secret
        answer = platform_client.post(
            "/webhooks/brevo/",
            text,
            content_type="application/json",
            HTTP_AUTHORIZATION=f"{kind} {value}",
        )
        connection.set_tenant(shop)
        return answer.status_code

    return brevo


def event(name, shop, attempt, **more):
    custom = json.dumps({"shop": shop.callback_token, "attempt": attempt.token})
    return {"event": name, "email": "client@exemple.fr", "X-Mailin-custom": custom, **more}


def test_a_signed_delivery_moves_the_message_forward(status, sent, run_jobs):
    assert status("delivered") == 204
    run_jobs()
    sent.refresh_from_db()
    assert sent.status == sent.message.status == Status.DELIVERED


def test_replays_and_wrong_order_change_nothing(status, sent, run_jobs):
    for word in ("delivered", "sent", "delivered", "queued", "sent"):
        assert status(word) == 204
        run_jobs()
    assert Callback.objects.count() == 3
    sent.message.refresh_from_db()
    assert sent.message.status == Status.DELIVERED
    assert sent.message.cost_tenths == 0  # it was paid when it was accepted


def test_a_replay_enqueues_nothing(status, run_jobs, jobs):
    status("delivered")
    run_jobs()
    status("delivered")
    assert jobs() == []


def test_behind_a_proxy_the_signature_is_checked_against_our_own_address(status):
    assert status("sent", SERVER_PORT="8443") == 204
    assert status("sent", url="http://interne:9000") == 403


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ({"secret": "autre"}, 403),
        ({"shop_token": NOBODY}, 404),
        ({"attempt": NOBODY}, 404),
    ],
)
def test_what_is_not_ours_is_refused_and_not_stored(status, wrong, answer):
    assert status("delivered", **wrong) == answer
    assert not Callback.objects.exists()


def test_without_a_secret_nothing_is_believed(status, settings):
    settings.TWILIO_AUTH_TOKEN = ""
    assert status("delivered", secret="") == 403


def test_a_neighbours_token_does_not_reach_this_shops_message(status, other_shop, sent):
    assert status("failed", shop_token=other_shop.callback_token) == 404
    sent.refresh_from_db()
    assert sent.status == Status.SENT


@pytest.mark.parametrize("word", ["", "inventé", "x" * 3000, "a\x00b"])
def test_a_status_that_says_nothing_is_a_bad_request(status, word):
    assert status(word) == 400


def test_a_path_with_a_strange_token_is_a_plain_404(platform_client, shop):
    assert platform_client.post("/webhooks/twilio/a%00b/c/").status_code == 404
    assert platform_client.get("/webhooks/brevo/").status_code == 405


def test_a_huge_body_is_not_read(platform_client, shop, sent):
    path = f"/webhooks/twilio/{shop.callback_token}/{sent.token}/"
    assert platform_client.post(path, {"a": "b" * 40_000}).status_code == 413
    answer = platform_client.post("/webhooks/brevo/", "x" * 40_000, content_type="text/plain")
    assert answer.status_code == 413


@pytest.mark.parametrize("code", ["21211", "30005", "30006"])
def test_a_bad_number_is_marked_and_the_team_told_once(status, sent, run_jobs, code):
    status("undelivered", code)
    run_jobs()
    status("failed", code)
    run_jobs()
    sent.message.refresh_from_db()
    contact = sent.message.contact
    assert (sent.message.status, sent.message.reason) == (Status.FAILED, code)
    assert contact.phone_bad_at
    assert Alert.objects.get().code == "bad_sms"


def test_who_opted_out_at_the_operator_is_never_written_to_again(status, sent, run_jobs):
    status("failed", "21610")
    run_jobs()
    contact = sent.message.contact
    contact.refresh_from_db()
    assert contact.sms_consent == "withdrawn"
    assert ConsentEvent.objects.get().source == "provider"
    assert has_opposed("sms", contact.phone)


def test_a_phone_that_was_off_is_tried_again_later(status, sent, run_jobs, jobs):
    status("undelivered", "30003")
    run_jobs()
    sent.message.refresh_from_db()
    assert sent.message.status == Status.SENT
    assert sent.message.available_at
    assert jobs() == ["drain"]  # of that later


@pytest.mark.parametrize(
    "text",
    ["STOP", "stop", " Stop ! ", "ARRÊT", "arret", "Désabonnement.", "UNSUBSCRIBE", "s t o p"],
)
def test_stop_by_reply_ends_it_whatever_the_spelling(reply, run_jobs, text, shop):
    contact = ContactFactory(agreeing=True)
    assert reply(text, contact.phone) == 200
    run_jobs()
    contact.refresh_from_db()
    assert contact.sms_consent == "withdrawn"
    assert contact.email_consent == "granted"
    line = ConsentEvent.objects.get()
    assert (line.source, line.actor_kind, line.actor_id) == ("reply", "customer", contact.pk)
    assert contact.phone not in str(Callback.objects.get().payload)


def test_stop_twice_is_stop_once(reply, run_jobs, shop):
    contact = ContactFactory(agreeing=True)
    for text in ("STOP", "STOP", "stop"):
        reply(text, contact.phone)
        run_jobs()
    assert ConsentEvent.objects.count() == 1
    assert Alert.objects.count() == 1


def test_stop_from_a_number_that_is_in_no_record_still_holds(reply, run_jobs, shop):
    reply("STOP", "+33699887766")
    run_jobs()
    assert has_opposed("sms", "+33699887766")


@pytest.mark.parametrize("text", ["Bonjour, vous êtes ouverts ?", "", "Ne stop pas", "🍷"])
def test_any_other_answer_stops_nobody(reply, run_jobs, text, shop):
    contact = ContactFactory(agreeing=True)
    assert reply(text, contact.phone) == 200
    run_jobs()
    contact.refresh_from_db()
    assert contact.sms_consent == "granted"


def test_an_answer_nobody_signed_stops_nobody(reply, run_jobs, shop):
    contact = ContactFactory(agreeing=True)
    assert reply("STOP", contact.phone, secret="faux") == 403
    run_jobs()
    contact.refresh_from_db()
    assert contact.sms_consent == "granted"


@pytest.fixture
def mail(sent):
    sent.message.channel, sent.message.to = "email", sent.message.contact.email
    sent.message.save()
    return sent


@pytest.mark.parametrize("kind", ["Bearer", "Basic"])
def test_brevo_says_delivered(brevo, shop, mail, run_jobs, kind):
    assert brevo(event("delivered", shop, mail), kind=kind) == 204
    run_jobs()
    mail.message.refresh_from_db()
    assert mail.message.status == Status.DELIVERED
    assert "exemple.fr" not in str(Callback.objects.get().payload)


def test_a_hard_bounce_marks_the_mailbox_bad(brevo, shop, mail, run_jobs):
    brevo(event("hard_bounce", shop, mail))
    run_jobs()
    mail.message.contact.refresh_from_db()
    assert mail.message.contact.email_bad_at
    assert Alert.objects.get().code == "bad_email"


@pytest.mark.parametrize("word", ["spam", "complaint", "unsubscribed"])
def test_a_complaint_is_a_stop_even_after_delivery(brevo, shop, mail, run_jobs, word):
    brevo(event("delivered", shop, mail))
    brevo(event(word, shop, mail))
    run_jobs()
    contact = mail.message.contact
    contact.refresh_from_db()
    assert (contact.email_consent, contact.sms_consent) == ("withdrawn", "granted")


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("[]", 400),
        ("{", 400),
        ("", 400),
        ("null", 400),
        ("[" * 20_000, 400),
        ('{"event": 3}', 400),
        ('{"event": "delivered", "X-Mailin-custom": "pas du json"}', 400),
        ('{"event": "delivered", "X-Mailin-custom": "[]"}', 400),
        ('{"event": "delivered", "X-Mailin-custom": "{\\"shop\\": \\"a\\\\u0000\\"}"}', 400),
        ('{"event": "delivered", "X-Mailin-custom": "{\\"shop\\": \\"inconnue\\"}"}', 404),
        ('{"event": "delivered", "X-Mailin-custom": "{\\"shop\\": {}}"}', 404),
        ('{"event": "delivered"}', 204),
        ('{"event": "opened", "X-Mailin-custom": "{}"}', 204),
    ],
)
def test_a_broken_event_gets_a_clear_answer(brevo, shop, body, answer):
    assert brevo(body) == answer
    assert not Callback.objects.exists()


def test_an_unknown_try_is_a_404(brevo, shop, sent):
    body = event("delivered", shop, sent)
    body["X-Mailin-custom"] = json.dumps({"shop": shop.callback_token})
    assert brevo(body) == 404


@pytest.mark.parametrize("secret", ["", "faux", "é"])
def test_a_wrong_brevo_secret_is_refused(brevo, shop, mail, secret):
    assert brevo(event("delivered", shop, mail), secret=secret.encode().decode("latin-1")) == 403


def test_the_log_of_callbacks_names_nobody(status, reply, sent, run_jobs, caplog):
    contact = sent.message.contact
    with caplog.at_level(logging.DEBUG):
        status("undelivered", "30005")
        reply("STOP", contact.phone)
        run_jobs()
    lines = " ".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("django.db")
    )
    assert contact.phone not in lines
    assert sent.token not in lines
