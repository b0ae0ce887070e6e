"""The link of a card reaches its holder, seldom enough to annoy nobody."""

import pytest
from django.db import connection

from apps.contacts.models import Channel, ConsentState
from apps.core.actor import SYSTEM, Actor
from apps.loyalty import card_links
from apps.loyalty.card_links import send_card_link
from apps.loyalty.models import Joining
from apps.messaging.models import Alert, Kind, Message
from apps.messaging.queries import alerts
from tests.factories import ContactFactory

HELPER = Actor("team", 1)
GSM7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)


def test_the_link_goes_to_the_number_as_a_service_message(shop):
    contact = ContactFactory(sms_consent=ConsentState.PENDING)
    assert send_card_link(contact, Channel.SMS, by=HELPER)
    message, joining = Message.objects.get(), Joining.objects.get()
    assert (message.kind, message.to, message.contact) == (Kind.SERVICE, contact.phone, contact)
    assert f"{shop.url}/v/{joining.token}/" in message.body
    assert joining.agreed == [Channel.SMS]


@pytest.mark.parametrize("language", ["fr", "en", "es"])
def test_an_sms_stays_in_one_cheap_segment(shop, language):
    shop.name = "Cave du Marché"
    connection.set_tenant(shop)
    contact = ContactFactory(language=language)
    send_card_link(contact, Channel.SMS, by=HELPER)
    body = Message.objects.get().body
    assert not set(body) - GSM7
    assert len(body) <= 160


def test_a_landline_gets_no_sms(shop):
    landline = ContactFactory(phone="+33380220000", phone_mobile=False)
    assert not send_card_link(landline, Channel.SMS, by=HELPER)
    assert not Message.objects.exists()


def test_a_mail_has_text_and_html_in_the_shops_colours(shop):
    contact = ContactFactory()
    send_card_link(contact, Channel.EMAIL, by=HELPER)
    message = Message.objects.get()
    url = f"{shop.url}/v/{Joining.objects.get().token}/"
    assert url in message.body
    assert url in message.html
    assert shop.accent in message.html
    assert contact.first_name not in message.body + message.html


def test_a_number_is_not_written_to_more_than_three_times_a_day(shop):
    contact = ContactFactory()
    sent = [send_card_link(contact, Channel.SMS, by=HELPER) for _ in range(5)]
    assert sent == [True, True, True, False, False]


def test_a_visitor_cannot_write_to_the_whole_town(shop, monkeypatch):
    monkeypatch.setattr(card_links, "LINKS_PER_CLIENT", card_links.Limit("t:client", 2, 60))
    people = [ContactFactory() for _ in range(3)]
    visitor = {"by": SYSTEM, "client_address": "192.0.2.1"}
    assert [send_card_link(p, Channel.SMS, **visitor) for p in people] == [True, True, False]


def test_a_shop_at_its_cap_is_told_once(shop, monkeypatch):
    monkeypatch.setattr(card_links, "LINKS_PER_SHOP", card_links.Limit("t:shop", 1, 60))
    sent = [send_card_link(ContactFactory(), Channel.SMS, by=HELPER) for _ in range(3)]
    assert sent == [True, False, False]
    assert Alert.objects.get().code == card_links.CAPPED
    assert "limite d’envois" in alerts()[0].sentence
