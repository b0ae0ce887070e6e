"""« Les recevoir sur cet appareil » : asked for on the card, lived by people and their phones."""

import json
from datetime import UTC, datetime, time, timedelta

import pytest

from apps.contacts.models import ConsentEvent, Contact
from apps.core import webpush
from apps.core.actor import Actor
from apps.loyalty.merging import lock_people, merge_records
from apps.loyalty.proving import renew_link
from apps.messaging import outbox
from apps.messaging.browsers import MOST
from apps.messaging.channels.push import Push
from apps.messaging.models import Alert, Attempt, Message, Status
from apps.messaging.models import Browser as Held
from apps.messaging.services import post
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory
from tests.messaging.peers import says
from tests.peers.browser import Browser

pytestmark = pytest.mark.django_db

OFFER, STOP = "Les recevoir sur cet appareil", "Ne plus les recevoir"


@pytest.fixture
def camille(shop, open_hours):
    """She holds a card in a shop that sells no alcohol."""
    shop.sells_alcohol, shop.cap_days = False, 0
    shop.save()
    ProgrammeFactory()
    return CardFactory(contact=ContactFactory(first_name="Camille"))


def shown(visitor, card):
    return visitor.get(f"/c/{card.token}/").content.decode()


def ask(visitor, card, browser, **more):
    typed = {"vers": f"/c/{card.token}/", "abonnement": browser.subscription(), **more}
    return visitor.post(f"/nouvelles/{card.contact.link_token}/", typed)


def stop(visitor, card):
    return visitor.post(f"/nouvelles/{card.contact.link_token}/", {"geste": "arreter"})


def queued(card, cause="drop:1", body="Du Morgon", **more):
    card.contact.refresh_from_db()
    told = {"kind": "commercial", "cause": cause, "body": body, **more}
    return post(contact=card.contact, channel="push", **told)


def written(card, run_jobs, cause="drop:1", **more):
    queued(card, cause, **more)
    run_jobs()


def paths(push_service):
    return sorted(call.path for call in push_service.calls)


def test_asked_for_on_the_card_it_arrives_on_that_phone(
    visitor, camille, browser, push_service, run_jobs
):
    page = shown(visitor, camille)
    assert OFFER in page
    assert STOP not in page
    assert webpush.public_key() in page
    assert ask(visitor, camille, browser)["Location"] == f"/c/{camille.token}/"
    assert STOP in shown(visitor, camille)
    (line,) = ConsentEvent.objects.filter(channel="push")
    assert (line.state, line.source, line.actor_kind) == ("granted", "card", "customer")
    written(camille, run_jobs)
    (call,) = push_service.calls
    assert json.loads(browser.open(call.raw))["text"] == "Du Morgon"
    assert Message.objects.get().status == Status.SENT
    assert browser.endpoint not in repr(list(Message.objects.values()))


def test_every_phone_she_asked_on_gets_the_one_message(visitor, camille, push_service, run_jobs):
    phone, desk = Browser(push_service.url, "phone"), Browser(push_service.url, "desk")
    for each in (phone, desk, phone):
        ask(visitor, camille, each)
    written(camille, run_jobs)
    assert paths(push_service) == ["/push/desk", "/push/phone"]
    assert Message.objects.count() == Attempt.objects.count() == 1
    assert ConsentEvent.objects.filter(channel="push").count() == 1


def test_a_phone_added_while_a_message_waits_changes_nothing_for_it(
    visitor, camille, push_service, run_jobs
):
    first, second = Browser(push_service.url, "first"), Browser(push_service.url, "second")
    ask(visitor, camille, first)
    queued(camille)
    ask(visitor, camille, second)
    run_jobs()
    assert paths(push_service) == ["/push/first", "/push/second"]


def test_stopped_on_the_card_nothing_follows_and_no_phone_is_kept(
    visitor, camille, browser, push_service, run_jobs
):
    ask(visitor, camille, browser)
    queued(camille)
    stop(visitor, camille)
    run_jobs()
    assert push_service.calls == []
    assert Message.objects.get().status == Status.CANCELLED
    camille.contact.refresh_from_db()
    assert (camille.contact.consent("push"), camille.contact.push) == ("withdrawn", "")
    assert not Held.objects.exists()
    ask(visitor, camille, browser)
    written(camille, run_jobs, "drop:2")
    assert len(push_service.calls) == 1, "her own word takes the stop back"


def test_the_stop_of_the_notification_is_the_page_of_ones_messages(
    visitor, camille, browser, push_service, run_jobs
):
    ask(visitor, camille, browser)
    written(camille, run_jobs)
    page = json.loads(browser.open(push_service.calls[0].raw))["stop"]
    path = page.partition("localhost:8000")[2]
    assert "Ne plus rien recevoir par notification" in visitor.get(path).content.decode()
    visitor.post(path, {"canal": "push"})
    written(camille, run_jobs, "drop:2")
    assert len(push_service.calls) == 1


def test_a_browser_that_forgot_is_forgotten(visitor, camille, push_service, run_jobs):
    sold, kept = Browser(push_service.url, "sold"), Browser(push_service.url, "kept")
    for each in (sold, kept):
        ask(visitor, camille, each)
    gone = {sold.path}
    push_service.answer = lambda handler, call: says(410 if call.path in gone else 201)(
        handler, call
    )
    written(camille, run_jobs)
    assert Message.objects.get().status == Status.SENT
    assert [one.endpoint for one in Held.objects.all()] == [kept.endpoint]
    gone.add(kept.path)
    written(camille, run_jobs, "drop:2")
    camille.contact.refresh_from_db()
    assert (camille.contact.push, camille.contact.consent("push")) == ("", "granted")
    assert not Held.objects.exists()
    assert not Alert.objects.exists(), "nothing that the team could mend"
    assert not Contact.objects.reachable_by("push").exists()
    assert OFFER in shown(visitor, camille)


def test_too_fast_waits_as_long_as_it_is_told(visitor, camille, browser, push_service, run_jobs):
    ask(visitor, camille, browser)
    push_service.answer = says(429, "", Retry_After="900")
    before = datetime.now(UTC)
    written(camille, run_jobs)
    waiting = Message.objects.get()
    assert waiting.available_at >= before + timedelta(seconds=900)
    assert Attempt.objects.get().code == "too_fast"


def test_of_many_phones_the_last_ones_are_kept(visitor, camille, push_service):
    for number in range(MOST + 2):
        ask(visitor, camille, Browser(push_service.url, f"phone-{number}"))
    kept = {one.endpoint.rpartition("-")[2] for one in Held.objects.all()}
    assert kept == {str(number) for number in range(2, MOST + 2)}


def test_a_browser_is_whoever_asked_in_it_last(visitor, camille, browser, push_service, run_jobs):
    leo = CardFactory(contact=ContactFactory(first_name="Léo"))
    ask(visitor, camille, browser)
    ask(visitor, leo, browser)
    assert not Contact.objects.reachable_by("push").filter(pk=camille.contact_id).exists()
    written(leo, run_jobs)
    assert len(push_service.calls) == 1
    assert OFFER in shown(visitor, camille)


def test_a_new_link_of_the_card_ends_what_the_old_one_allowed(visitor, camille, browser):
    ask(visitor, camille, browser)
    renew_link(camille, client_address="198.51.100.7")
    camille.contact.refresh_from_db()
    assert (camille.contact.push, camille.contact.consent("push")) == ("", "none")
    assert not Held.objects.exists()
    states = ConsentEvent.objects.filter(channel="push").order_by("pk")
    assert list(states.values_list("state", flat=True)) == ["granted", "none"]


def test_a_record_that_joins_another_brings_no_browser(visitor, camille, browser):
    into = CardFactory().contact
    ask(visitor, camille, browser)
    alias, into = lock_people(camille.contact, into)
    merge_records(alias, into, by=Actor("customer", into.pk), now=datetime.now(UTC))
    assert not Held.objects.exists()
    assert not Contact.objects.exclude(push="").exists()


# --- the law, as for every channel --------------------------------------------------------

NOON = datetime(2026, 11, 24, 11, tzinfo=UTC)  # a Tuesday, noon in Paris


@pytest.fixture
def usual_hours(shop, camille):
    shop.quiet_until, shop.quiet_from, shop.sundays_allowed = time(8), time(20), False
    shop.save()
    return shop


def test_by_night_and_on_sundays_it_waits(visitor, camille, browser, usual_hours):
    ask(visitor, camille, browser)
    message = queued(camille)
    saturday_night = datetime(2026, 11, 28, 21, tzinfo=UTC)
    assert outbox.claim(usual_hours, saturday_night) == []
    message.refresh_from_db()
    assert (message.reason, message.status) == ("closed_hours", Status.QUEUED)
    assert message.available_at == datetime(2026, 11, 30, 7, tzinfo=UTC)


def test_a_phone_that_was_off_shows_nothing_at_night_nor_what_is_over(
    visitor, camille, browser, usual_hours
):
    ask(visitor, camille, browser)
    queued(camille, "drop:1", expires_at=NOON + timedelta(hours=2))
    queued(camille, "drop:2")
    queued(camille, "card:1", kind="service")
    claims = outbox.claim(usual_hours, NOON)
    until = sorted(claim.outgoing.browsers.until - NOON for claim in claims)
    assert until == [timedelta(hours=2), timedelta(hours=8), timedelta(days=1)]


def test_it_counts_in_the_shop_s_one_cap(visitor, camille, browser, usual_hours):
    usual_hours.cap_days = 7
    usual_hours.save()
    ask(visitor, camille, browser)
    queued(camille, "drop:1")
    assert len(outbox.claim(usual_hours, NOON)) == 1
    second = queued(camille, "drop:2")
    assert outbox.claim(usual_hours, NOON + timedelta(hours=1)) == []
    second.refresh_from_db()
    assert (second.reason, second.available_at) == ("too_soon", NOON + timedelta(days=7))


def test_a_shop_that_sells_alcohol_asks_for_nothing(visitor, camille, browser, shop):
    shop.sells_alcohol = True
    shop.save()
    assert OFFER not in shown(visitor, camille)
    assert ask(visitor, camille, browser).status_code == 409
    shop.push_alcohol = True  # the platform's staff opened it
    shop.save()
    assert OFFER in shown(visitor, camille)


def test_without_a_key_of_the_platform_there_is_no_such_channel(visitor, camille, shop, settings):
    settings.VAPID_KEY = b""
    assert not Push().offered(shop)
    assert OFFER not in shown(visitor, camille)


def test_nobody_is_subscribed_by_a_strange_browser(visitor, camille):
    wrong = visitor.post(f"/nouvelles/{camille.contact.link_token}/", {"abonnement": "{}"})
    assert wrong.status_code == 422
    assert not ConsentEvent.objects.exists()
    assert visitor.get(f"/nouvelles/{camille.contact.link_token}/").status_code == 405


def test_the_poster_asks_for_no_notifications(visitor, camille):
    assert "par notification" not in visitor.get("/").content.decode()


def test_what_a_phone_installs_answers_for_the_cards_alone(visitor):
    script = visitor.get("/c/nouvelles.js")
    assert script["Content-Type"] == "text/javascript"
    assert "Service-Worker-Allowed" not in script
    assert b"showNotification" in script.content
    app = visitor.get("/c/carte.webmanifest")
    assert app["Content-Type"] == "application/manifest+json"
    assert (app.json()["display"], "start_url" in app.json()) == ("standalone", False)
