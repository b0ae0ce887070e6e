"""A drop that leaves as a notification, to those alone who asked for it."""

import json
from datetime import time
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.campaigns import services
from apps.campaigns.models import Trial
from apps.core.actor import Actor
from apps.messaging.models import Message, Spending
from apps.messaging.subscribing import subscribe
from tests.factories import ContactFactory, ProgrammeFactory
from tests.messaging.peers import http_peer, says
from tests.peers.browser import Browser

TEAM = Actor("team", 1)
WORDS = {
    "title": "Terrasse",
    "fallback": "vous",
    "when": "now",
    "use_push": "on",
    "push_text": "{prénom}, la terrasse est chauffée : {lien}",
}


@pytest.fixture
def push_service(shop, settings):
    """A café that may write at any hour, and the service that keeps its customers' notices."""
    shop.quiet_until, shop.quiet_from, shop.sundays_allowed = time(0), time.max, True
    shop.sells_alcohol = False
    shop.save()
    ProgrammeFactory()
    with http_peer() as peer:
        settings.PUSH_SERVICES = [peer.url]
        peer.answer = says(201)
        yield peer


@pytest.fixture
def zoe(shop, push_service):
    """Her phone is all that the café has of her."""
    zoe = ContactFactory(first_name="Zoé", phone="", email="")
    browser = Browser(push_service.url)
    subscribe(zoe, browser.subscription(), shop=shop, now=timezone.now())
    return browser


def draft(client):
    made = services.create(TEAM, written={"use_sms": False, "use_email": False})
    assert client.post(reverse("drop_save", args=[made.pk]), WORDS).status_code == 302
    return made


def plain(answer):
    return answer.text.replace("\u00a0", " ").replace("\u202f", " ")


def test_it_is_counted_sent_for_nothing_and_told(owner_client, run_jobs, push_service, zoe):
    ContactFactory(agreeing=True)  # by SMS and e-mail alone
    drop = draft(owner_client)
    page = plain(owner_client.get(reverse("drop", args=[drop.pk])))
    assert "sinon par notification" in page
    assert "Zoé, la terrasse est chauffée" in page
    launch = reverse("drop_launch", args=[drop.pk])
    assert "1 client, 1 notification" in plain(owner_client.get(launch))
    owner_client.post(launch, {"token": uuid4(), "people": 1, "segments": 0})
    run_jobs()
    (call,) = push_service.calls
    said = json.loads(zoe.open(call.raw))
    assert said["text"] == "Zoé, la terrasse est chauffée"
    assert said["to"].startswith("http")
    assert Message.objects.get().cost_tenths == 0
    assert Spending.objects.get().channel == "push"
    assert "Notification" in plain(owner_client.get(reverse("drop", args=[drop.pk])))
    assert "Notification" in plain(owner_client.get(reverse("spending")))


def test_it_is_not_tried_out_from_the_desk(owner_client, push_service):
    drop = draft(owner_client)
    typed = {"phone": "06 12 34 56 78"}
    told = owner_client.post(reverse("drop_trial", args=[drop.pk]), typed, follow=True)
    assert "demandez-la sur votre propre carte" in told.text
    assert not Trial.objects.exists()
