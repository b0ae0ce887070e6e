"""WhatsApp: approved texts at any hour, free words for a day, and everything the law asks."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from twilio.request_validator import RequestValidator

from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.messaging import outbox, templates
from apps.messaging.callbacks import apply
from apps.messaging.models import Alert, Callback, Message, Reply, Review, Template
from apps.messaging.providers import contents as content_api
from apps.messaging.providers import provider_of
from apps.messaging.providers.base import DeliveryFailed, Receipt
from apps.messaging.providers.twilio import TwilioWhatsApp
from apps.messaging.services import post
from apps.shops.models import Shop
from tests import chaos
from tests.factories import ContactFactory

TEAM = Actor("team", 1)
HOST = "http://localhost:8000"
WORDS = "Bonjour {prénom}, des nouvelles de {boutique} : {texte} Votre carte : {lien}"
STOP = "\n\nPour ne plus rien recevoir ici, répondez STOP."


@pytest.fixture(autouse=True)
def cafe(open_hours, monkeypatch):
    """A shop without alcohol that writes by WhatsApp."""
    shop = open_hours
    shop.sells_alcohol, shop.whatsapp_on, shop.whatsapp_number = False, True, "+33755530001"
    shop.save()
    content_api.contents.cache_clear()
    yield shop
    content_api.contents.cache_clear()


def friend(**fields):
    """Somebody who said yes to WhatsApp and to nothing else."""
    return ContactFactory(ways={"whatsapp": {"consent": "granted"}}, **fields)


def approved(text=WORDS, title="Nouvelles"):
    return Template.objects.create(
        title=title, category="marketing", text=text, reference="HX" + "a" * 32, review="approved"
    )


def wrote(contact, hours):
    """They wrote to the shop so many hours ago."""
    at = timezone.now() - timedelta(hours=hours)
    channel, sender = "whatsapp", contact.phone
    return Reply.objects.create(
        contact=contact, channel=channel, sender=sender, body="Bonjour", at=at, key=uuid4().hex
    )


def posted(contact, body, kind="commercial", cause="drop:1"):
    return post(contact=contact, channel="whatsapp", kind=kind, cause=cause, body=body)


# --- what may leave ------------------------------------------------------------------------


def test_a_text_leaves_by_the_approved_template_it_is_written_in(shop):
    approved()
    camille = friend(first_name="Camille")
    body = "Bonjour Camille, des nouvelles de Cave du Marché : du cidre. Votre carte : https://x/"
    posted(camille, body + STOP)
    (held,) = outbox.claim(shop)
    content = held.outgoing.content
    assert content.reference == "HX" + "a" * 32
    values = json.loads(content.variables)
    assert values == {"1": "Camille", "2": "Cave du Marché", "3": "du cidre.", "4": "https://x/"}
    assert held.outgoing.sender == "+33755530001"


def test_without_a_template_nothing_leaves_unless_they_wrote_within_the_day(shop):
    late, lately = friend(), friend()
    wrote(late, 25)
    wrote(lately, 23)
    for one in (late, lately):
        posted(one, "Bonjour, on vous attend ce soir." + STOP)
    (held,) = outbox.claim(shop)
    assert (held.outgoing.to, held.outgoing.content) == (lately.phone, None)
    refused = Message.objects.get(contact=late)
    assert (refused.status, refused.reason) == ("cancelled", "no_template")
    assert "aucun modèle approuvé" in refused.why


def test_a_template_that_was_taken_back_is_written_in_no_more(shop):
    one = approved("Bonjour à tous, le marché ouvre à neuf heures.")
    posted(friend(), one.text + STOP)
    Template.objects.update(review=Review.PAUSED)
    assert outbox.claim(shop) == []
    assert Message.objects.get().reason == "no_template"


def test_what_was_closed_since_stays_here(shop):
    approved("Bonjour à tous, le marché ouvre à neuf heures.")
    posted(friend(), "Bonjour à tous, le marché ouvre à neuf heures." + STOP)
    shop.whatsapp_on = False
    shop.save()
    assert outbox.claim(shop) == []
    assert Message.objects.get().reason == "channel_off"


def test_the_frequency_is_one_for_all_channels(shop):
    approved("Bonjour à tous, le marché ouvre à neuf heures.")
    zoe = friend(sms_consent="granted")
    posted(zoe, "Bonjour à tous, le marché ouvre à neuf heures." + STOP)
    assert len(outbox.claim(shop)) == 1
    post(contact=zoe, channel="sms", kind="commercial", cause="drop:2", body="Bonjour")
    assert outbox.claim(shop) == []


# --- answers -------------------------------------------------------------------------------


@pytest.fixture
def answer(platform_client, shop, settings):
    """``answer("STOP", contact)``: what they write, as Twilio posts and signs it."""
    settings.TWILIO_AUTH_TOKEN = "jeton"
    path = f"/webhooks/twilio/{shop.callback_token}/reponse/"

    def say(text, contact):
        fields = {"MessageSid": f"SM{uuid4().hex}", "From": f"whatsapp:{contact.phone}"}
        fields |= {"To": "whatsapp:+33755530001", "Body": text}
        signature = RequestValidator("jeton").compute_signature(HOST + path, fields)
        told = platform_client.post(path, fields, HTTP_X_TWILIO_SIGNATURE=signature)
        assert told.status_code == 200
        connection.set_tenant(shop)

    return say


def test_a_word_by_whatsapp_lands_in_the_inbox_and_may_be_answered(
    answer, run_jobs, owner_client, shop
):
    zoe = friend(first_name="Zoé")
    answer("Vous en gardez deux ?", zoe)
    run_jobs()
    page = f"/gestion/messages/recus/{zoe.pk}/"
    text = owner_client.get(page).text
    assert "Votre réponse par WhatsApp" in text
    assert "vous laisse répondre" in text
    owner_client.post(page, {"texte": "C’est noté !", "token": str(uuid4())})
    (held,) = outbox.claim(shop)
    assert (held.outgoing.body, held.outgoing.content) == ("C’est noté !", None)


def test_after_a_day_the_answer_is_refused_with_what_to_do(owner_client):
    zoe = friend()
    wrote(zoe, 30)
    page = f"/gestion/messages/recus/{zoe.pk}/"
    text = owner_client.get(page).text
    assert "24 heures qui suivent" in text
    assert "<textarea" not in text
    refused = owner_client.post(page, {"texte": "Trop tard", "token": str(uuid4())})
    assert refused.status_code == 422
    assert not Message.objects.exists()


def test_an_answer_that_waited_past_the_day_does_not_leave(shop):
    zoe = friend()
    wrote(zoe, 23)
    posted(zoe, "C’est noté !", kind="service", cause="answer:1")
    assert outbox.claim(shop, timezone.now() + timedelta(hours=2)) == []
    assert "24 heures" in Message.objects.get().why


def test_stop_by_whatsapp_stops_whatsapp(answer, run_jobs):
    zoe = friend(sms_consent="granted")
    answer("Stop !", zoe)
    run_jobs()
    zoe.refresh_from_db()
    assert (zoe.consent("whatsapp"), zoe.consent("sms")) == ("withdrawn", "granted")
    assert Alert.objects.get().code == "stopped_whatsapp"


# --- what Twilio says ----------------------------------------------------------------------


def test_read_is_received_whatever_the_order(shop):
    posted(friend(), "Bonjour", kind="service")
    wrote(Contact.objects.get(), 1)
    (held,) = outbox.claim(shop)
    token = held.outgoing.attempt
    for n, status in enumerate(("read", "delivered", "sent")):
        payload = {"sid": "SM1", "status": status, "code": "", "attempt": token}
        told = Callback.objects.create(provider="twilio", key=str(n), payload=payload)
        apply(told.pk, shop)
    assert Message.objects.get().status == "delivered"


@pytest.mark.parametrize(
    ("code", "said"),
    [("63016", "24 heures"), ("63024", "sans WhatsApp"), ("63049", "trop"), ("63041", "suspendu")],
)
def test_why_it_did_not_arrive_is_said_in_french(shop, code, said):
    zoe = friend(sms_consent="granted")
    wrote(zoe, 1)
    posted(zoe, "Bonjour", kind="service")
    (held,) = outbox.claim(shop)
    payload = {"sid": "SM1", "status": "failed", "code": code, "attempt": held.outgoing.attempt}
    apply(Callback.objects.create(provider="twilio", key="1", payload=payload).pk, shop)
    message = Message.objects.get()
    assert message.status == "failed"
    assert said in message.why
    reachable = Contact.objects.reachable_by("whatsapp").exists()
    assert reachable is (code != "63024")
    assert Contact.objects.reachable_by("sms").exists()


# --- templates -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{prénom}, bonjour de la part de toute la boutique", "Commencez par un mot"),
        ("Bonjour {prénom}{nom}, voici votre carte de fidélité ici", "entre deux variables"),
        ("Bonjour {prenon}, voici votre carte", "Les variables possibles"),
        ("Voici {lien} et {code}", "Trop de variables"),
    ],
)
def test_what_whatsapp_would_refuse_is_refused_here_and_said(owner_client, text, told):
    typed = {"title": "Essai", "category": "marketing", "text": text}
    page = owner_client.post("/gestion/reglages/whatsapp/modeles/", typed)
    assert page.status_code == 422
    assert told in page.text
    assert not Template.objects.exists()


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    """Twilio, in a process of its own."""
    with chaos.provider(tmp_path_factory.mktemp("twilio"), latency=0) as there:
        yield f"http://127.0.0.1:{there.port}"


@pytest.fixture
def twilio(peer, settings):
    settings.SMS_PROVIDER = "twilio"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC" + "0" * 32, "jeton"
    settings.TWILIO_API_URL = settings.TWILIO_CONTENT_URL = peer
    provider_of.cache_clear()
    made = provider_of("whatsapp")
    assert isinstance(made, TwilioWhatsApp)
    yield made
    made._client.http_client.close()
    content_api.contents()._client.http_client.close()


def test_a_template_is_made_submitted_approved_and_written_in(twilio, shop):
    now = timezone.now()
    made = templates.create(title="N", category="marketing", text=WORDS, by=TEAM, now=now)
    templates.submit(made.pk, shop)
    made.refresh_from_db()
    assert (made.review, made.reference[:2]) == ("pending", "HX")
    for asks in range(2):
        templates.look(made.pk, asks, shop)
    made.refresh_from_db()
    assert made.review == "approved"
    zoe = friend(first_name="Zoé")
    body = "Bonjour Zoé, des nouvelles de Cave : du cidre. Votre carte : https://x/" + STOP
    posted(zoe, body)
    (held,) = outbox.claim(shop)
    receipt = twilio.send(held.outgoing)
    found = twilio.look_up(held.outgoing, now)
    assert isinstance(found, Receipt)  # the provider shows the very words
    assert found.reference == receipt.reference


def test_the_owner_may_ask_at_once_and_retire_what_they_want_no_more(owner_client, shop, run_jobs):
    page = "/gestion/reglages/whatsapp/modeles/"
    typed = {"title": "Nouvelles", "category": "marketing", "text": WORDS}
    owner_client.post(page, typed)
    run_jobs()
    made = Template.objects.get()
    assert made.review == "pending"
    assert "Regarder maintenant" in owner_client.get("/gestion/reglages/whatsapp/").text
    owner_client.post(f"{page}{made.pk}/relire/")
    run_jobs()
    assert templates.approved(shop).get() == made
    owner_client.post(f"{page}{made.pk}/retirer/")
    assert not templates.approved(shop).exists()


def test_a_template_twilio_does_not_know_is_a_refusal(twilio):
    with pytest.raises(DeliveryFailed):
        content_api.contents().review("HX" + "f" * 32, None)


# --- the owner's page ----------------------------------------------------------------------


def test_a_shop_that_sells_alcohol_reads_why_it_is_closed(owner_client, shop):
    shop.sells_alcohol = True
    shop.save()
    text = owner_client.get("/gestion/reglages/whatsapp/").text
    assert "vend de l’alcool" in text
    assert "whatsapp_on" not in text
    assert "WhatsApp" not in owner_client.get("/gestion/clients/").text.partition("<main")[2]


def test_it_is_opened_with_the_number_that_meta_knows(owner_client, shop):
    shop.whatsapp_on, shop.whatsapp_number = False, ""
    shop.save()
    page = "/gestion/reglages/whatsapp/"
    assert shop.callback_token in owner_client.get(page).text
    typed = {"whatsapp_on": "on", "whatsapp_number": "07 55 53 00 02"}
    assert owner_client.post(page, typed).status_code == 302
    found = Shop.objects.get(pk=shop.pk)
    assert (found.whatsapp_on, found.whatsapp_number) == (True, "+33755530002")
    refused = owner_client.post(page, {"whatsapp_on": "on", "whatsapp_number": "12"})
    assert refused.status_code == 422


def test_the_box_is_there_only_where_the_shop_writes_by_it(visitor, shop):
    assert "nouvelles par WhatsApp" in visitor.get("/").text
    shop.whatsapp_on = False
    shop.save()
    assert "WhatsApp" not in visitor.get("/").text


def test_who_proved_their_number_may_say_yes_from_their_own_page(visitor):
    proven, not_yet = ContactFactory(phone_proven_at=timezone.now()), ContactFactory()
    for one in (proven, not_yet):
        page = f"/stop/{one.link_token}/"
        offered = "Recevoir ses offres et nouvelles par WhatsApp" in visitor.get(page).text
        assert offered is (one is proven)
        visitor.post(page, {"canal": "whatsapp", "geste": "accepter"})
    assert list(Contact.objects.reachable_by("whatsapp")) == [proven]
