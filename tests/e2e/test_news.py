"""News on the customer's phone: asked for by a tap, left with a push service, shown, stopped."""

from datetime import time
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from apps.contacts.models import Contact
from apps.core.tenancy import in_schema
from apps.messaging.models import Message, Status
from apps.messaging.services import post
from tests.e2e.browser import DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, views
from tests.e2e.stack import wait_for
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory
from tests.messaging.peers import http_peer, says
from tests.peers.browser import Browser

# No push service of the world answers on this machine: what Chromium would get from one, it has.
SUBSCRIBED = """
window.asked = 0;
const own = { toJSON: () => (%s), unsubscribe: async () => localStorage.clear() };
PushManager.prototype.getSubscription = async () => localStorage.taken ? own : null;
PushManager.prototype.subscribe = async (options) => {
  window.asked += 1;
  if (options.applicationServerKey.length !== 87) throw new Error("no key");
  localStorage.taken = "yes";
  return own;
};
"""
# Safari on a phone, in a page that does not stand on the home screen.
IN_SAFARI = "delete window.PushManager; navigator.standalone = false;"
OFFER, STOP = "Les recevoir sur cet appareil", "Ne plus les recevoir"
ALSO = "Les recevoir aussi sur cet appareil"


@pytest.fixture
def card(stack):
    hours = {"quiet_until": time(0), "quiet_from": time.max, "sundays_allowed": True}
    shop = stack.open_shop(f"salon-{uuid4().hex[:8]}", "Salon Rivoli", trade="hair", **hours)
    with in_schema(shop.schema_name):
        ProgrammeFactory(reward="Une coupe offerte")
        return shop, CardFactory(contact=ContactFactory(first_name="Camille"))


@pytest.fixture
def service(stack):
    with http_peer(stack.push_port) as peer:
        peer.answer = says(201)
        yield peer


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def pictured(page, view, name):
    page.get_by_role("heading", name="Les nouvelles de la boutique").scroll_into_view_if_needed()
    axe(page)
    fits(page)
    look(page, f"{view.name}-news-{name}")


@views(PHONE, DESK_DARK)
def test_asked_by_a_tap_left_with_the_service_shown_and_stopped(page, stack, card, service, view):
    shop, held = card
    phone = Browser(service.url)
    page.context.grant_permissions(["notifications"], origin=stack.url(shop)[:-1])
    page.add_init_script(SUBSCRIBED % phone.subscription())
    page.goto(stack.url(shop, f"/c/{held.token}/"))
    expect(button(page, OFFER)).to_be_visible()
    assert page.evaluate("window.asked") == 0, "nothing is asked before the tap"
    pictured(page, view, "asked")
    button(page, OFFER).click()
    expect(button(page, STOP)).to_be_visible()
    expect(button(page, ALSO)).to_be_hidden()
    pictured(page, view, "taken")
    scope = page.evaluate("navigator.serviceWorker.ready.then((known) => known.scope)")
    assert scope == stack.url(shop, "/c/"), "the worker answers for the cards alone"
    with in_schema(shop.schema_name):
        camille = Contact.objects.get()
        assert camille.consent("push") == "granted"
        news = f"Une place demain. {stack.url(shop)}c/{held.token}/"
        post(contact=camille, channel="push", kind="commercial", cause="drop:1", body=news)
    call = wait_for(lambda: service.calls and service.calls[0], "the notification")
    said = phone.open(call.raw).decode()
    _deliver(page, stack.url(shop)[:-1], said)
    assert _shown(page) == [["Salon Rivoli", "Une place demain."]]
    _deliver(page, stack.url(shop)[:-1], said)
    assert len(_shown(page)) == 1, "left twice, it takes its own place"
    assert _tapped(page) == stack.url(shop, f"/c/{held.token}/")
    _deliver(page, stack.url(shop)[:-1], said)
    assert _tapped(page, "stop") == f"{stack.url(shop)}stop/{camille.link_token}/"
    button(page, STOP).click()
    expect(button(page, OFFER)).to_be_visible()
    with in_schema(shop.schema_name):
        assert Contact.objects.get().consent("push") == "withdrawn"
        wait_for(lambda: Message.objects.get().status == Status.SENT, "the receipt")


def test_refused_nothing_is_kept_and_the_page_says_where_to_change_it(page, stack, card, view):
    shop, held = card
    page.add_init_script("Notification.requestPermission = async () => 'denied';")
    page.goto(stack.url(shop, f"/c/{held.token}/"))
    button(page, OFFER).click()
    expect(page.get_by_text("Votre appareil refuse les notifications")).to_be_visible()
    pictured(page, view, "refused")
    with in_schema(shop.schema_name):
        assert Contact.objects.get().consent("push") == "none"


def test_a_second_device_is_offered_them_too(someone, stack, card, view):
    shop, held = card
    origin, path = stack.url(shop)[:-1], stack.url(shop, f"/c/{held.token}/")
    first, second = someone(PHONE), someone(DESK_DARK)
    for page, name, wanted in (first, "one", OFFER), (second, "two", ALSO):
        page.context.grant_permissions(["notifications"], origin=origin)
        phone = Browser("https://fcm.googleapis.com", name)
        page.add_init_script(SUBSCRIBED % phone.subscription())
        page.goto(path)
        button(page, wanted).click()
        expect(button(page, STOP)).to_be_visible()
        expect(button(page, ALSO)).to_be_hidden()
    with in_schema(shop.schema_name):
        assert Contact.objects.get().browsers.count() == 2


@views(PHONE_DARK)
def test_an_iphone_is_told_that_the_card_must_stand_on_its_home_screen(page, stack, card, view):
    shop, held = card
    page.add_init_script(IN_SAFARI)
    page.goto(stack.url(shop, f"/c/{held.token}/"))
    expect(page.get_by_text("Sur l’écran d’accueil")).to_be_visible()
    expect(button(page, OFFER)).to_be_hidden()
    pictured(page, view, "iphone")


def test_a_browser_that_cannot_is_shown_nothing_of_it(page, stack, card):
    shop, held = card
    page.add_init_script("delete window.PushManager;")
    page.goto(stack.url(shop, f"/c/{held.token}/"))
    expect(page.get_by_role("heading", name="Montrez ce code")).to_be_visible()
    expect(page.get_by_role("heading", name="Les nouvelles de la boutique")).to_be_hidden()


def _deliver(page, origin, said):
    """What the push service's message becomes once the browser has opened it."""
    devtools = page.context.new_cdp_session(page)
    found = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(one["registrationId"] for one in event["registrations"]),
    )
    devtools.send("ServiceWorker.enable")
    wait_for(lambda: found or page.wait_for_timeout(50), "the worker's registration")
    message = {"origin": origin, "registrationId": found[0], "data": said}
    devtools.send("ServiceWorker.deliverPushMessage", message)
    devtools.detach()


def _shown(page):
    """What stands on the phone, once the worker has shown something."""
    return wait_for(lambda: page.evaluate(_NOTIFICATIONS), "a notification")


_NOTIFICATIONS = """async () => {
  const known = await navigator.serviceWorker.ready;
  return (await known.getNotifications()).map((one) => [one.title, one.body]);
}"""


def _tapped(page, action=""):
    """Where a tap leads: only a finger's own may open a window, so that is written down."""
    _shown(page)
    (worker,) = page.context.service_workers
    return worker.evaluate(_TAP, action)


_TAP = """async (action) => {
  const [notification] = await self.registration.getNotifications();
  let opened;
  self.clients.openWindow = async (address) => { opened = address; };
  self.dispatchEvent(new NotificationEvent("notificationclick", { notification, action }));
  return opened;
}"""
