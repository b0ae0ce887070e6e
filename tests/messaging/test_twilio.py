"""The real Twilio SDK against a provider on this machine."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from apps.messaging.models import Status
from apps.messaging.providers import twilio as vendor
from apps.messaging.providers.base import (
    NEVER_CAME,
    DeliveryFailed,
    DeliveryUncertain,
    Outgoing,
)
from config.processes import free_port
from tests.messaging.peers import (
    breaks_off,
    hangs_up,
    http_peer,
    says,
    slowly,
    twilio_error,
    twilio_message,
)

SMS = Outgoing(
    channel="sms",
    to="+33612345678",
    body="Bonjour",
    subject="",
    html="",
    commercial=True,
    attempt="T" * 22,
    shop_token="S" * 22,
    sender_name="Cave du Marché",
    sender="CAVEMARCHE",
    reply_to="",
    stop_url="http://cave.localhost:8000/stop/x/",
    one_click_url="http://cave.localhost:8000/stop/x/un-clic/",
)
taken = says(201, twilio_message)


@pytest.fixture
def peer(settings):
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC" + "0" * 32, "jeton"
    with http_peer() as peer:
        settings.TWILIO_API_URL = peer.url
        peer.answer = taken
        yield peer


@pytest.fixture
def twilio(peer):
    made = vendor.Twilio()
    yield made
    made._client.http_client.close()


def test_an_sms_is_handed_over_with_its_own_callback(twilio, peer):
    receipt = twilio.send(SMS)
    assert (receipt.reference, receipt.status) == ("SM" + "1" * 32, Status.SENT)
    (call,) = peer.calls
    assert call.form == {
        "To": "+33612345678",
        "From": "CAVEMARCHE",
        "Body": "Bonjour",
        "StatusCallback": f"http://localhost:8000/webhooks/twilio/{'S' * 22}/{'T' * 22}/",
    }
    assert call.headers["Authorization"].startswith("Basic ")


def test_a_messaging_service_may_be_the_sender(twilio, peer):
    twilio.send(replace(SMS, sender="MG" + "2" * 32))
    assert peer.calls[0].form["MessagingServiceSid"] == "MG" + "2" * 32


@pytest.mark.parametrize(
    ("code", "http", "advice"),
    [
        (21211, 400, "never"),
        (21610, 400, "never"),
        (30007, 400, "never"),
        (30003, 400, "later"),
        (63018, 400, "later"),
        (20003, 401, "pause"),
        (30002, 403, "pause"),
        (21606, 400, "pause"),
        (400, 400, "never"),  # an answer without a code
        (403, 403, "pause"),
    ],
)
def test_each_refusal_says_what_to_do(twilio, peer, code, http, advice):
    peer.answer = says(http, twilio_error(code, http) if code != http else "pas du json")
    with pytest.raises(DeliveryFailed) as failure:
        twilio.send(SMS)
    told = failure.value
    assert told.code == str(code)
    assert (told.permanent, told.quota) == (advice == "never", advice == "pause")


@pytest.mark.parametrize(("header", "seconds"), [("12", 12), ("999999", 3600), ("demain", 0)])
def test_too_fast_waits_as_long_as_asked(twilio, peer, header, seconds):
    peer.answer = says(429, twilio_error(20429, 429), Retry_After=header)
    with pytest.raises(DeliveryFailed) as failure:
        twilio.send(SMS)
    assert (failure.value.code, failure.value.retry_after) == ("20429", seconds)
    assert not failure.value.permanent


def test_a_closed_house_certainly_did_nothing(twilio, peer):
    peer.answer = says(503, twilio_error(20503, 503))
    with pytest.raises(DeliveryFailed) as failure:
        twilio.send(SMS)
    assert not failure.value.permanent


@pytest.mark.parametrize(
    "answer",
    [
        says(500, twilio_error(20500, 500)),
        says(502, "<html>Bad gateway</html>"),
        says(504, ""),
        says(201, '{"sid": "SM1", "sta'),
        says(201, "[]"),
        hangs_up,
        breaks_off,
    ],
    ids=["500", "502", "504", "half json", "array", "hangs up", "breaks off"],
)
def test_an_answer_that_cannot_be_read_is_uncertain_not_failed(twilio, peer, answer):
    peer.answer = answer
    with pytest.raises(DeliveryUncertain):
        twilio.send(SMS)
    assert len(peer.calls) == 1  # and nobody tries again behind our back


def test_no_answer_in_time_is_uncertain(twilio, peer, monkeypatch):
    monkeypatch.setattr(vendor, "TIMEOUTS", (1, 0.2))
    peer.answer = slowly(0.6, taken)
    with pytest.raises(DeliveryUncertain):
        twilio.send(SMS)


def test_nobody_at_the_door_means_that_nothing_left(twilio, settings):
    settings.TWILIO_API_URL = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(DeliveryFailed) as failure:
        twilio.send(SMS)
    assert (failure.value.code, failure.value.permanent) == ("network", False)


def listed(*messages):
    def page(call):
        return {"messages": list(messages), "next_page_uri": None, "page": 0, "page_size": 50}

    return says(200, page)


def found(call_body="Bonjour", **fields):
    class Asked:
        form = {"Body": call_body, "To": "+33612345678"}

    return twilio_message(Asked, **fields)


SINCE = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)


def test_a_lost_answer_is_looked_up(twilio, peer):
    peer.answer = listed(found(status="delivered"), found("Un autre texte"))
    receipt = twilio.look_up(SMS, SINCE)
    assert receipt
    assert (receipt.reference, receipt.status) == ("SM" + "1" * 32, Status.DELIVERED)
    assert peer.calls[0].query["To"] == "+33612345678"
    assert "DateSent>" not in peer.calls[0].query  # what waits there has no such date yet


@pytest.mark.parametrize(
    "answer",
    [
        listed(),
        listed(found("Un autre texte")),
        listed(found(date_created="Fri, 20 Nov 2026 17:28:00 +0000")),
    ],
    ids=["none", "another text", "an older one"],
)
def test_what_is_not_in_the_list_never_came(twilio, peer, answer):
    peer.answer = answer
    assert twilio.look_up(SMS, SINCE) is NEVER_CAME


@pytest.mark.parametrize(
    "answer",
    [
        listed(*[found("Un autre")] * 50),
        listed(found(), found()),
        says(500),
        says(200, "{"),
        hangs_up,
    ],
    ids=["too many", "two", "500", "half", "hangs up"],
)
def test_what_cannot_be_told_apart_stays_uncertain(twilio, peer, answer):
    peer.answer = answer
    assert twilio.look_up(SMS, SINCE) is None
