"""What people answer: a stop is a stop, a start restores what was, the rest is read by the team."""

import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from apps.contacts.consent import has_opposed, write_consent
from apps.contacts.models import ConsentEvent, ConsentState, Contact, Source
from apps.core.actor import SYSTEM, Actor
from apps.core.tenancy import in_schema
from apps.messaging import lines, outbox
from apps.messaging.models import Alert, Callback, Reply
from apps.messaging.providers.inbound import own_words
from apps.messaging.replies import Heard, hear
from apps.messaging.stops import is_start, is_stop, stop
from apps.messaging.tasks import forget_old_callbacks
from apps.shops.models import SharedReply
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOST = "http://localhost:8000"


@pytest.fixture(autouse=True)
def secrets(settings):
    settings.TWILIO_AUTH_TOKEN = "jeton"
    settings.BREVO_WEBHOOK_SECRET = "secret-brevo"
    settings.REPLY_DOMAIN = "reponse.exemple.fr"


def agreeing(**fields):
    """Somebody who said yes to SMS in the ledger's own words."""
    now = timezone.now()
    contact = ContactFactory(phone_proven_at=now, adult_declared_at=now, **fields)
    own = Actor("customer", contact.pk)
    early = NOON - timedelta(days=30)
    write_consent(contact, "sms", ConsentState.GRANTED, source=Source.CARD, by=own, now=early)
    return Contact.objects.get(pk=contact.pk)


def said(text, contact, key, at=NOON, channel="sms"):
    return hear(Heard(key=key, channel=channel, sender=contact.address(channel), body=text, at=at))


def state(contact, channel="sms"):
    return Contact.objects.get(pk=contact.pk).consent(channel)


@pytest.fixture
def twilio(platform_client, shop):
    """``twilio(path, "Bonjour", "+336…")``: an answer as Twilio posts and signs it."""

    def post(path, text, number, sid=None, secret="jeton"):
        sid = sid or f"SM{zlib.crc32(f'{text}{number}'.encode())}"
        fields = {"MessageSid": sid, "From": number, "Body": text}
        signature = RequestValidator(secret).compute_signature(HOST + path, fields)
        answer = platform_client.post(path, fields, HTTP_X_TWILIO_SIGNATURE=signature)
        connection.set_tenant(shop)
        return answer.status_code

    return post


@pytest.fixture
def reply(twilio, shop):
    return lambda *args, **kw: twilio(
        f"/webhooks/twilio/{shop.callback_token}/reponse/", *args, **kw
    )


@pytest.fixture
def shared(twilio):
    return lambda *args, **kw: twilio("/webhooks/twilio/reponse/", *args, **kw)


# --- words -------------------------------------------------------------------------------


@given(
    word=st.sampled_from(["stop", "arret", "désabonnement", "ARRÊT", "Désabonnement"]),
    upper=st.booleans(),
    gap=st.sampled_from(["", " ", "  ", "\u00a0"]),
    around=st.sampled_from(["", " ", "!", " .", "\n", "…"]),
)
def test_a_stop_is_a_stop_with_any_case_accents_and_spaces(word, upper, gap, around):
    text = gap.join(word.upper() if upper else word)
    assert is_stop(around + text + around)


@pytest.mark.parametrize("text", ["START", "oui", "Oui !", " o u i ", "ÔUI"])
def test_a_start_is_one_word_and_nothing_else(text):
    assert is_start(text)


@pytest.mark.parametrize("text", ["oui, à demain", "startup", "", "non", "Ouistreham"])
def test_a_sentence_is_no_start(text):
    assert not is_start(text)


# --- obeyed ------------------------------------------------------------------------------


def test_an_answer_lands_at_the_persons_name_and_changes_nothing_else(reply, run_jobs):
    contact = agreeing()
    assert reply("Bonjour, vous êtes ouverts ?", contact.phone) == 200
    run_jobs()
    (kept,) = Reply.objects.all()
    assert (kept.contact, kept.body, kept.read_at) == (
        contact,
        "Bonjour, vous êtes ouverts ?",
        None,
    )
    assert state(contact) == "granted"
    assert contact.phone not in str(Callback.objects.get().payload)
    assert "ouverts" not in str(Callback.objects.get().payload)


def test_the_same_answer_posted_ten_times_is_one(reply, run_jobs):
    contact = agreeing()
    for _ in range(10):
        reply("Deux bouteilles", contact.phone, sid="SM1")
        run_jobs()
    assert Reply.objects.count() == Callback.objects.count() == 1


def test_start_gives_back_what_the_stop_took(reply, run_jobs):
    contact = agreeing()
    for word in ("STOP", "START"):
        reply(word, contact.phone)
        run_jobs()
    assert state(contact) == "granted"
    assert not has_opposed("sms", contact.phone)
    assert list(ConsentEvent.objects.order_by("pk").values_list("state", flat=True)) == [
        "granted",
        "withdrawn",
        "granted",
    ]
    assert not Alert.objects.filter(dismissed_at=None).exists()


def test_start_signs_up_nobody_who_had_not_agreed(shop):
    contact = ContactFactory()
    said("oui", contact, "1")
    assert state(contact) == "none"
    said("STOP", contact, "2", NOON + timedelta(hours=1))
    said("oui", contact, "3", NOON + timedelta(hours=2))
    assert state(contact) == "none"


def test_a_yes_that_was_waiting_for_its_proof_waits_again(shop):
    contact = ContactFactory()
    write_consent(contact, "sms", ConsentState.PENDING, source=Source.COUNTER, by=SYSTEM, now=NOON)
    said("STOP", contact, "1", NOON + timedelta(hours=1))
    said("START", contact, "2", NOON + timedelta(hours=2))
    assert state(contact) == "pending"


def test_start_by_sms_restores_sms_alone(shop):
    contact = agreeing(email_consent=ConsentState.WITHDRAWN)
    said("STOP", contact, "1")
    said("START", contact, "2", NOON + timedelta(hours=1))
    assert (state(contact), state(contact, "email")) == ("granted", "withdrawn")


def test_a_mail_in_anybodys_name_cannot_start_and_can_stop(shop):
    contact = ContactFactory(email_consent=ConsentState.GRANTED)
    said("STOP", contact, "1", channel="email")
    assert state(contact, "email") == "withdrawn"
    said("START", contact, "2", NOON + timedelta(hours=1), channel="email")
    assert state(contact, "email") == "withdrawn"


def test_a_start_that_was_on_its_way_while_the_link_said_stop_does_nothing(shop):
    contact = agreeing()
    said("STOP", contact, "1", NOON)
    own = Actor("customer", contact.pk)
    said("START", contact, "2", NOON + timedelta(minutes=1))
    stop(contact, "sms", source=Source.MESSAGE, by=own, now=NOON + timedelta(minutes=9))
    said("oui", contact, "3", NOON + timedelta(minutes=5))
    assert state(contact) == "withdrawn"


def test_an_unknown_sender_is_kept_for_the_team_and_a_stop_holds(reply, run_jobs, shop):
    reply("Vous livrez ?", "+33699887766")
    reply("stop", "+33699887766")
    run_jobs()
    assert Reply.objects.filter(contact=None, sender="+33699887766").count() == 2
    assert has_opposed("sms", "+33699887766")
    reply("start", "+33699887766")
    run_jobs()
    assert not has_opposed("sms", "+33699887766")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(words=["STOP", "START"], order=[1, 0])
@given(
    words=st.lists(st.sampled_from(["STOP", "START", "Bonjour"]), min_size=1, max_size=6),
    order=st.lists(st.integers(0, 5), min_size=1, max_size=14),
)
def test_in_any_order_the_last_word_counts(shop, words, order):
    """Answers that came one after the other, applied in any order, some twice."""
    with transaction.atomic():
        contact = agreeing()
        everything = [*(i for i in order if i < len(words)), *range(len(words))]
        for i in everything:
            said(words[i], contact, f"key-{i}", NOON + timedelta(minutes=i))
        last = next((w for w in reversed(words) if w != "Bonjour"), "START")
        assert state(contact) == ("withdrawn" if last == "STOP" else "granted")
        assert has_opposed("sms", contact.phone) == (last == "STOP")
        assert Reply.objects.count() == len(words)
        transaction.set_rollback(True)


# --- one number, several shops -----------------------------------------------------------


@pytest.fixture
def one_number(settings, shop, other_shop, open_hours):
    """Both shops write by the platform's own number, and both know this person."""
    settings.TWILIO_SENDER, shop.sms_sender = "+33755530000", ""
    shop.save()
    people = {}
    for one in (shop, other_shop):
        with in_schema(one.schema_name):
            people[one.slug] = agreeing(phone="+33612121212")
    return people


def wrote(shop, at=NOON):
    with in_schema(shop.schema_name):
        lines.note_written(shop, [("sms", "+33612121212")], at)


def test_a_stop_to_a_shared_number_stops_every_shop(shared, run_jobs, one_number, shop, other_shop):
    wrote(shop)
    wrote(other_shop)
    assert shared("STOP", "+33612121212") == 200
    run_jobs()
    for one in (shop, other_shop):
        with in_schema(one.schema_name):
            assert state(one_number[one.slug]) == "withdrawn"
    assert "6121" not in str(SharedReply.objects.get().payload)


@pytest.fixture
def all_stopped(shared, run_jobs, one_number, other_shop):
    """The person wrote STOP after a text of the café."""
    wrote(other_shop)
    shared("STOP", "+33612121212")
    run_jobs()


def test_the_stop_holds_for_a_shop_that_had_not_written_yet(all_stopped, one_number, shop, posted):
    assert state(one_number[shop.slug]) == "granted"  # it never was asked to stop
    message = posted(one_number[shop.slug])
    assert outbox.claim(shop) == []
    message.refresh_from_db()
    assert message.reason == "stopped"


def test_start_to_a_shared_number_is_heard_by_the_shop_that_wrote_last(
    shared, run_jobs, one_number, shop, other_shop
):
    wrote(other_shop)
    wrote(shop, NOON + timedelta(hours=1))
    for word in ("STOP", "OUI"):
        shared(word, "+33612121212")
        run_jobs()
    assert state(one_number[shop.slug]) == "granted"
    with in_schema(other_shop.schema_name):
        assert state(one_number[other_shop.slug]) == "withdrawn"


def test_a_late_stop_does_not_close_the_line_that_was_opened_since(shop):
    connection.set_schema_to_public()
    for n, (word, at) in enumerate([("START", NOON + timedelta(hours=1)), ("STOP", NOON)]):
        payload = {"sid": f"SM{n}", "channel": "sms", "from": "+33612121212", "body": word}
        kept = SharedReply.objects.create(key=str(n), payload=payload, received_at=at)
        lines.hand_over(kept.pk)
    assert lines.stopped_on_line(shop, [("sms", "+33612121212")]) == set()


def test_an_answer_to_a_shared_number_reaches_the_shop_that_wrote_last_and_no_other(
    shared, run_jobs, one_number, shop, other_shop
):
    wrote(other_shop)
    wrote(shop, NOON + timedelta(hours=1))
    for _ in range(2):
        shared("Deux s’il vous plaît", "+33612121212")
        run_jobs()
    assert Reply.objects.get().body == "Deux s’il vous plaît"
    with in_schema(other_shop.schema_name):
        assert not Reply.objects.exists()


def test_whoever_no_shop_wrote_to_reaches_none(shared, run_jobs, one_number):
    assert shared("Bonjour", "+33698989898") == 200
    run_jobs()
    assert SharedReply.objects.get().handed_at
    assert not Reply.objects.exists()


def test_sending_by_the_shared_number_says_whose_the_answer_will_be(
    shared, run_jobs, one_number, shop, posted
):
    posted(one_number[shop.slug])
    outbox.claim(shop)
    shared("Merci !", "+33612121212")
    run_jobs()
    assert Reply.objects.get().contact == one_number[shop.slug]


@pytest.mark.parametrize("number", ["", "client", "+", "33612121212", "+336\x0012345678"])
def test_what_is_no_number_is_refused(shared, reply, number):
    assert shared("STOP", number) == reply("STOP", number) == 400


def test_what_nobody_signed_is_refused(shared):
    assert shared("STOP", "+33612121212", secret="faux") == 403
    assert not SharedReply.objects.exists()


# --- by mail -----------------------------------------------------------------------------


def mail(shop, body, sender="client@exemple.fr", name="<1@exemple.fr>", **more):
    return {
        "MessageId": name,
        "From": {"Name": "Camille", "Address": sender},
        "To": [{"Name": "", "Address": f"{shop.slug}@reponse.exemple.fr"}],
        "Subject": "Re: Arrivage",
        "RawTextBody": body,
        **more,
    }


@pytest.fixture
def by_mail(platform_client, shop):
    def post(*items, secret="secret-brevo"):
        answer = platform_client.post(
            "/webhooks/brevo/reponse/",
            json.dumps({"items": list(items)}),
            content_type="application/json",
            HTTP_AUTHORIZATION=f"Bearer {secret}",
        )
        connection.set_tenant(shop)
        return answer.status_code

    return post


def test_an_answer_by_mail_lands_without_the_mail_it_answers(by_mail, run_jobs, shop):
    contact = ContactFactory(email="client@exemple.fr")
    quoted = "Le ven. 20 nov. 2026 à 18:30, Cave <a@b.fr> a écrit :\r\n> Arrivage"
    text = f"Gardez-m’en deux !\r\n\r\n{quoted}"
    assert by_mail(mail(shop, text, sender="Client@Exemple.fr")) == 204
    assert by_mail(mail(shop, text)) == 204  # Brevo tries again
    run_jobs()
    (kept,) = Reply.objects.all()
    assert (kept.contact, kept.subject, kept.body) == (
        contact,
        "Re: Arrivage",
        "Gardez-m’en deux !",
    )


def test_a_stop_in_a_mail_stops_the_mails(by_mail, run_jobs, shop):
    contact = ContactFactory(email="client@exemple.fr", email_consent=ConsentState.GRANTED)
    by_mail(mail(shop, "Désabonnement\n\n> Arrivage de Jura"))
    run_jobs()
    assert state(contact, "email") == "withdrawn"


def test_robots_and_strangers_to_the_house_are_let_go(by_mail, run_jobs, shop):
    absent = mail(shop, "Je suis en congés", Headers={"Auto-Submitted": "auto-replied"})
    elsewhere = {**mail(shop, "Bonjour"), "To": [{"Address": "autre@ailleurs.fr"}]}
    nobody = {**mail(shop, "Bonjour"), "To": [{"Address": "inconnue@reponse.exemple.fr"}]}
    assert by_mail(absent, elsewhere, nobody) == 204
    assert not Callback.objects.exists()


@pytest.mark.parametrize(
    "item",
    [None, [], {}, {"MessageId": 3}, {"MessageId": "a", "From": {"Address": "sans arobase"}}],
)
def test_a_broken_mail_gets_a_clear_answer(by_mail, item):
    assert by_mail(item) == 400


def test_a_mail_without_the_secret_is_refused(by_mail, shop):
    assert by_mail(mail(shop, "Bonjour"), secret="faux") == 403


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Oui\n-- \nCamille", "Oui"),
        ("Oui\n\nOn Fri, Nov 20, 2026 at 6:30 PM Cave wrote:\n> a", "Oui"),
        ("Oui\n-----Message d'origine-----\nb", "Oui"),
        ("> seulement cité", ""),
        ("Le prix a changé : pourquoi ?", "Le prix a changé : pourquoi ?"),
    ],
)
def test_what_somebody_wrote_ends_where_the_old_mail_begins(text, own):
    assert own_words(text) == own


def test_strangers_are_forgotten_after_a_while_and_their_stop_is_not(shop):
    long_ago = timezone.now() - timedelta(days=100)
    hear(Heard("1", "sms", "+33699887766", "Bonjour", long_ago))
    hear(Heard("2", "sms", "+33699887766", "stop", long_ago))
    known = ContactFactory()
    said("Bonjour", known, "3", long_ago)
    connection.set_schema_to_public()
    forget_old_callbacks()
    connection.set_tenant(shop)
    assert Reply.objects.get().contact == known
    assert has_opposed("sms", "+33699887766")
