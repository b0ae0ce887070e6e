"""News on the phone that asked for it: sealed for it alone, and left nowhere else."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from apps.core import webpush
from apps.core.webpush import NotASubscription, Subscription
from apps.messaging.channels.push import Push
from apps.messaging.models import Status
from apps.messaging.providers.base import Browsers, DeliveryFailed, DeliveryUncertain, Outgoing
from apps.messaging.providers.push import WebPush
from config.processes import free_port
from tests.messaging.peers import hangs_up, says
from tests.peers.browser import Browser, packed, who_sends

TO = Outgoing(
    channel="push",
    to="x" * 22,
    body="Arrivage de Morgon : http://cave.localhost:8000/l/a1/ à bientôt",
    subject="",
    html="",
    commercial=True,
    attempt="T" * 22,
    shop_token="S" * 22,
    sender_name="Cave du Marché",
    sender="Cave du Marché",
    reply_to="",
    stop_url="http://cave.localhost:8000/stop/x/",
    one_click_url="http://cave.localhost:8000/stop/x/un-clic/",
)


def addressed(*browsers, **more):
    each = tuple(Subscription.read(one.subscription()) for one in browsers)
    until = datetime.now(UTC) + timedelta(hours=2)
    return replace(TO, browsers=Browsers(each, until), **more)


# --- sealed -------------------------------------------------------------------------------


@given(st.binary(max_size=webpush.LONGEST))
def test_the_browser_alone_opens_what_is_sealed_for_it(text):
    browser = Browser("https://fcm.googleapis.com")
    to = Subscription.read(browser.subscription())
    sealed = webpush.seal(text, to)
    assert browser.open(sealed) == text
    assert len(sealed) <= 4096, "what every push service takes"
    if len(text) > 8:
        assert text not in sealed
    with pytest.raises(InvalidTag):
        Browser("https://fcm.googleapis.com").open(sealed)


def test_the_reader_of_these_tests_reads_the_standards_own_example():
    """RFC 8291, appendix A."""
    browser = Browser("https://fcm.googleapis.com")
    browser.hold("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94", "BTBZMqHH6r4Tts7J_aSIgg")
    sealed = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWA"
        "mS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxs"
        "j_Qulcy4a-fN"
    )
    assert browser.open(webpush.unpacked(sealed)) == b"When I grow up, I want to be a watermelon"


def test_no_two_messages_are_sealed_alike():
    to = Subscription.read(Browser("https://fcm.googleapis.com").subscription())
    assert webpush.seal(b"Bonjour", to) != webpush.seal(b"Bonjour", to)


# --- where it may go ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc",
        "https://updates.push.services.mozilla.com/wpush/v2/abc",
        "https://web.push.apple.com/abc",
        "https://wns2-par02p.notify.windows.com/w/?token=abc",
    ],
)
def test_the_services_of_the_four_browsers_are_known(endpoint):
    assert webpush.is_served(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://pirate.example/",
        "http://fcm.googleapis.com/",
        "https://fcm.googleapis.com:8443/",
        "https://fcm.googleapis.com@pirate.example/",
        "https://pirate.example/.notify.windows.com",
        "https://pirate.example\\.notify.windows.com/",
        "https://pirate.example?.notify.windows.com",
        "https://127.0.0.1/",
        "http://169.254.169.254/latest/",
        "https://x:y@a.notify.windows.com/",
        "file:///etc/passwd",
        "",
    ],
)
def test_no_other_address_is_ever_written_to(endpoint):
    assert not webpush.is_served(endpoint)
    known = Browser("https://fcm.googleapis.com")
    with pytest.raises(NotASubscription):
        Subscription.read(known.subscription(endpoint=endpoint))
    message = addressed(known)
    led = replace(message.browsers.each[0], endpoint=endpoint)
    with pytest.raises(DeliveryFailed, match="push_refused"):
        WebPush().send(replace(message, browsers=replace(message.browsers, each=(led,))))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "x",
        '{"endpoint": 5, "keys": {"p256dh": 1, "auth": 2}}',
        '{"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "AAAA", "auth": "AAAA"}}',
    ],
)
def test_what_is_no_subscription_is_refused(text):
    with pytest.raises(NotASubscription):
        Subscription.read(text)


# --- handed over --------------------------------------------------------------------------


def test_it_says_who_sends_and_nothing_of_whom_it_is_for(push_service, browser, settings):
    assert WebPush().send(addressed(browser)).status == Status.SENT
    (call,) = push_service.calls
    assert (call.method, call.path) == ("POST", "/push/telephone")
    heads = call.headers
    assert heads["Content-Encoding"] == "aes128gcm"
    assert 7000 < int(heads["TTL"]) <= 7200, "kept as long as it may be shown"
    assert heads["Urgency"] == "normal"
    assert 1 <= len(heads["Topic"]) <= 32
    claims = who_sends(heads["Authorization"])
    assert claims["aud"] == push_service.url
    assert claims["sub"] == f"mailto:{settings.PLATFORM_EMAIL_ADDRESS}"
    assert time.time() < claims["exp"] < time.time() + 24 * 3600
    assert claims["k"] == webpush.public_key()
    assert json.loads(browser.open(call.raw)) == {
        "title": "Cave du Marché",
        "text": "Arrivage de Morgon : à bientôt",
        "to": "http://cave.localhost:8000/l/a1/",
        "stop": TO.stop_url,
        "tag": heads["Topic"],
    }


def test_a_message_tried_again_takes_its_own_place(push_service, browser):
    for attempt in ("A" * 22, "B" * 22):
        WebPush().send(addressed(browser, attempt=attempt))
    WebPush().send(addressed(browser, body="Autre chose"))
    first, again, other = (call.headers["Topic"] for call in push_service.calls)
    assert first == again != other


def test_of_several_browsers_one_that_has_it_is_enough(push_service):
    """Nobody is written to twice because a second phone was away; which are gone is told."""
    names = ("parti", "absent", "present")
    gone, away, here = browsers = [Browser(push_service.url, name) for name in names]
    status = {gone.path: 410, away.path: 503, here.path: 201}
    push_service.answer = lambda handler, call: says(status[call.path])(handler, call)
    receipt = WebPush().send(addressed(*browsers))
    assert (receipt.status, receipt.gone) == (Status.SENT, (gone.endpoint,))
    assert len(push_service.calls) == 3
    for broken, code, again in ([gone, away], "push_503", True), ([gone], "push_gone", False):
        with pytest.raises(DeliveryFailed, match=code) as told:
            WebPush().send(addressed(*broken))
        assert (told.value.permanent, told.value.gone) == (not again, (gone.endpoint,))


ANSWERS = {
    404: ("push_gone", True, 0),
    410: ("push_gone", True, 0),
    413: ("push_too_long", True, 0),
    400: ("push_refused", True, 0),
    403: ("push_refused", True, 0),
    302: ("push_302", True, 0),
    429: ("too_fast", False, 17),
    503: ("push_503", False, 17),
}


@pytest.mark.parametrize("status", ANSWERS)
def test_what_the_service_answers_is_understood(push_service, browser, status):
    push_service.answer = says(status, "", Retry_After="17", Location="http://127.0.0.1:9/")
    with pytest.raises(DeliveryFailed) as told:
        WebPush().send(addressed(browser))
    told = told.value
    assert (told.code, told.permanent, told.retry_after) == ANSWERS[status]
    assert len(push_service.calls) == 1, "nobody is led elsewhere"


def test_a_lost_answer_is_a_doubt_and_a_closed_door_is_not(push_service, browser, settings):
    push_service.answer = hangs_up
    with pytest.raises(DeliveryUncertain):
        WebPush().send(addressed(browser))
    nowhere = f"http://127.0.0.1:{free_port()}"
    settings.PUSH_SERVICES = (nowhere,)
    with pytest.raises(DeliveryFailed, match="network"):
        WebPush().send(addressed(Browser(nowhere)))


def test_the_longest_text_a_composer_takes_fits():
    text = "é" * Push.longest
    said = {"title": "é" * 80, "text": text, "to": "x" * 200, "stop": "x" * 200}
    assert len(json.dumps(said, ensure_ascii=False).encode()) < webpush.LONGEST


def test_the_public_key_is_a_point():
    assert len(webpush.unpacked(webpush.public_key())) == 65
    assert packed(webpush.unpacked(webpush.public_key())) == webpush.public_key()
