"""A shop's own Twilio account: what was sent by it stays its own, whatever becomes of it."""

import logging
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from twilio.request_validator import RequestValidator

from apps.core.actor import SYSTEM
from apps.messaging import accounts, outbox, queries, services, tasks, templates
from apps.messaging.models import Alert, Attempt, Callback, Message, Reply, Status, Template
from apps.messaging.outcome import Outcome
from apps.messaging.providers import provider_of
from apps.messaging.providers import twilio as vendor
from apps.messaging.providers.base import Account, DeliveryFailed
from apps.messaging.trying import try_out
from apps.shops import vault
from apps.shops.models import Shop
from tests.factories import ContactFactory
from tests.messaging.peers import MINE, NUMBER, OTHER, OUR_TOKEN, OURS, TOKEN
from tests.messaging.test_twilio import SMS
from tests.outbox import post_to

pytestmark = pytest.mark.django_db
PAGE = "/gestion/reglages/sms/"
HOST = "http://localhost:8000"
TYPED = {"account": MINE, "token": TOKEN, "sender": "+33 9 39 01 02 03", "price": "6,5"}


@pytest.fixture
def campaign(open_hours):
    return lambda cause, many=6: post_to(
        ContactFactory.create_batch(many, agreeing=True), cause=cause
    )


def kept():
    return Shop.objects.get(slug="cave")


# --- sending ------------------------------------------------------------------------------


def test_messages_leave_by_the_shops_account_at_its_own_price(own, twilio, campaign):
    campaign("drop:1")
    tasks.drain()
    assert twilio.by() == {MINE: 6}
    assert {sms["from"] for sms in twilio.taken} == {NUMBER}
    assert set(Attempt.objects.values_list("account", flat=True)) == {MINE}
    assert set(Message.objects.values_list("cost_tenths", flat=True)) == {65}


def test_the_team_tries_its_text_by_the_same_account(own, twilio):
    assert try_out(own, "sms", "+33639980102", "Essai", "T" * 22) == "sent"
    assert twilio.by() == {MINE: 1}


def test_a_neighbour_goes_on_by_the_platforms(own, twilio, other_shop):
    services.post(
        contact=ContactFactory(), channel="sms", kind="service", cause="card:1", body="Code"
    )
    (claim,) = outbox.claim(own)
    assert claim.outgoing.account == Account(MINE, TOKEN)
    assert TOKEN not in repr(claim)
    assert accounts.account_of(other_shop) is None


def test_mails_know_nothing_of_it(own, mailbox, twilio):
    services.post(
        contact=ContactFactory(), channel="email", kind="service", cause="card:1", body="Bonjour"
    )
    tasks.drain()
    assert Attempt.objects.get().account == ""


@pytest.fixture
def whatsapp(own):
    """Open, from a number that the shop's own account holds."""
    own.sells_alcohol, own.whatsapp_on, own.whatsapp_number = False, True, "+33755530001"
    own.save()
    return own


def a_template(shop):
    words = {"title": "Marché", "category": "marketing", "text": "Bonjour, le marché est ouvert."}
    made = templates.create(**words, by=SYSTEM, now=timezone.now())
    approve(made, shop)
    return made


def approve(made, shop):
    templates.submit(made.pk, shop)
    templates.look(made.pk, 0, shop)
    made.refresh_from_db()
    assert made.review == "approved"


def invite(cause="drop:1"):
    friend = ContactFactory(ways={"whatsapp": {"consent": "granted"}})
    body = "Bonjour, le marché est ouvert.\n\nPour ne plus rien recevoir ici, répondez STOP."
    services.post(contact=friend, channel="whatsapp", kind="commercial", cause=cause, body=body)


def test_whatsapp_leaves_by_the_account_that_knows_its_number_and_its_templates(whatsapp, twilio):
    made = a_template(whatsapp)
    assert (made.account, twilio.contents[made.reference]) == (MINE, MINE)
    invite()
    tasks.drain()
    (taken,) = twilio.taken
    assert (taken["account_sid"], taken["from"]) == (MINE, "whatsapp:+33755530001")
    assert Attempt.objects.get().account == MINE


def test_a_template_is_handed_to_the_account_that_sends_from_now_on(
    whatsapp, twilio, owner_client, run_jobs
):
    made = a_template(whatsapp)
    accounts.release(shop=whatsapp, by=SYSTEM)
    shop = kept()
    assert not templates.approved(shop).exists()
    page = owner_client.get("/gestion/reglages/whatsapp/").text
    assert "connu d’un autre compte" in page
    assert "Soumettre au compte de Comptoir" in page
    owner_client.post(f"/gestion/reglages/whatsapp/modeles/{made.pk}/relire/")
    again = Template.objects.get(retired_at=None)
    approve(again, shop)
    assert (again.account, twilio.contents[again.reference]) == ("", OURS)
    invite()
    tasks.drain()
    assert twilio.by() == {OURS: 1}


def test_from_the_common_number_whatsapp_leaves_by_the_platforms(whatsapp, twilio, settings):
    settings.TWILIO_WHATSAPP, whatsapp.whatsapp_number = "+33755530000", ""
    whatsapp.save()
    assert a_template(whatsapp).account == ""
    invite()
    tasks.drain()
    assert twilio.by() == {OURS: 1}


def test_without_an_own_account_a_claim_asks_the_vault_nothing(open_hours, campaign, shop):
    campaign("drop:1")
    with CaptureQueriesContext(connection) as heard:
        assert len(outbox.claim(shop)) == 6
    assert not [query for query in heard.captured_queries if "shops_secret" in query["sql"]]


def test_a_key_revoked_in_the_middle_pauses_loses_nothing_and_sends_nothing_twice(
    own, twilio, campaign, owner_client
):
    campaign("drop:1", 3)
    tasks.drain()
    twilio.tokens[MINE] = "a new one"
    campaign("drop:2", 40)
    tasks.drain()
    assert queries.progress("drop:2") == {"queued": 40}
    (alert,) = queries.alerts()
    assert "sont en pause" in alert.sentence
    assert "C’est votre compte Twilio : voyez Réglages, SMS" in alert.sentence
    twilio.tokens[MINE] = TOKEN[::-1]
    owner_client.post(PAGE, {**TYPED, "token": TOKEN[::-1]})
    assert not Alert.objects.filter(dismissed_at=None).exists()
    tasks.drain()
    assert queries.progress("drop:2") == {"sent": 40}
    assert max(Counter(sms["to"] for sms in twilio.taken).values()) == 1
    assert twilio.by() == {MINE: 43}


def test_leaving_a_refused_account_lets_what_waited_go_by_the_platforms(
    own, twilio, campaign, owner_client
):
    twilio.tokens.pop(MINE)
    campaign("drop:1", 8)
    tasks.drain()
    assert queries.progress("drop:1") == {"queued": 8}
    owner_client.post(PAGE + "quitter/")
    tasks.drain()
    assert queries.progress("drop:1") == {"sent": 8}
    assert twilio.by() == {OURS: 8}
    assert set(Message.objects.values_list("cost_tenths", flat=True)) == {70}


def test_a_vault_whose_key_is_gone_pauses_and_says_it_instead_of_writing_by_another(
    own, twilio, campaign, settings
):
    settings.VAULT_KEYS = (bytes(range(100, 132)),)
    campaign("drop:1", 3)
    asked = len(twilio.peer.calls)
    tasks.drain()
    assert queries.progress("drop:1") == {"queued": 3}
    assert "votre compte Twilio" in queries.alerts()[0].sentence
    assert len(twilio.peer.calls) == asked


def later(seconds):
    past = timedelta(seconds=seconds)
    for attempt in Attempt.objects.all():
        attempt.at -= past
        attempt.ask_at = attempt.ask_at and attempt.ask_at - past
        attempt.save()
    for message in Message.objects.exclude(available_at=None):
        message.available_at -= past
        message.save()


@pytest.mark.parametrize("then", ["platform", "other account", "new token"])
def test_what_an_account_took_is_asked_for_at_that_account(own, twilio, campaign, then):
    """Its answer is lost, and the shop goes elsewhere before it can be asked for."""
    campaign("drop:0", 1)
    tasks.drain()
    twilio.lost = True
    campaign("drop:1", 2)
    tasks.drain()
    assert queries.progress("drop:1") == {"unknown": 2}
    twilio.lost = False
    if then == "platform":
        accounts.release(shop=own, by=SYSTEM)
    else:
        twilio.tokens[MINE] = TOKEN if then == "other account" else TOKEN[::-1]
        sid, token = (OTHER, TOKEN) if then == "other account" else (MINE, TOKEN[::-1])
        accounts.adopt(shop=own, sid=sid, token=token, sender=NUMBER, price_tenths=1, by=SYSTEM)
    later(70)
    tasks.drain()
    assert queries.progress("drop:1") == {"sent": 2}
    assert twilio.by() == {MINE: 3}


def test_when_its_keys_are_erased_nobody_else_is_asked_for_it(own, twilio, campaign, owner_client):
    """The platform's list would say « never came », and it would leave a second time."""
    twilio.lost = True
    campaign("drop:1", 2)
    tasks.drain()
    twilio.lost = False
    owner_client.post(PAGE + "quitter/")
    owner_client.post(PAGE + "effacer/")
    campaign("drop:2", 1)  # a witness in the platform's books
    tasks.drain()
    for _ in range(6):
        later(7 * 3600)
        tasks.drain()
    assert queries.progress("drop:1") == {"unknown": 2}
    assert twilio.by() == {MINE: 2, OURS: 1}


def test_one_accounts_witness_proves_nothing_of_another(own, twilio, campaign):
    """What the platform's list shows says nothing of a list that is empty elsewhere."""
    campaign("drop:0", 1)
    tasks.drain()
    twilio.lost = True
    campaign("drop:1", 1)
    tasks.drain()
    twilio.lost = False
    twilio.taken.clear()  # the own account's list is not to be trusted
    accounts.release(shop=own, by=SYSTEM)
    shop = kept()
    campaign("drop:2", 2)
    (known, lost) = outbox.claim(shop)
    sent = Outcome.of(provider_of("sms").send(known.outgoing))
    outbox.record([(known.attempt_id, sent)], shop)
    Attempt.objects.filter(pk=lost.attempt_id).update(ask_at=timezone.now())
    for _ in range(2):
        later(70)
        tasks.drain()
    assert queries.progress("drop:1") == {"unknown": 1}
    assert queries.progress("drop:2")["sent"] == 2


def test_an_account_that_was_replaced_is_forgotten_once_no_news_can_come(own, twilio, campaign):
    campaign("drop:1", 1)
    tasks.drain()
    accounts.adopt(shop=own, sid=OTHER, token=TOKEN, sender=NUMBER, price_tenths=1, by=SYSTEM)
    connection.set_schema_to_public()
    tasks.forget_old_callbacks()
    connection.set_tenant(own)
    assert set(vault.tails(own, "twilio:")) == {f"twilio:{MINE}", f"twilio:{OTHER}"}
    later(4 * 86400)
    accounts.forget_unused(kept(), timezone.now())
    assert set(vault.tails(own, "twilio:")) == {f"twilio:{OTHER}"}


# --- connections --------------------------------------------------------------------------


def test_connections_are_kept_for_each_account_closed_on_change_and_bounded(twilio):
    provider = provider_of("sms")
    mine = Account(MINE, TOKEN)
    for account in (mine, Account(OTHER, TOKEN), mine, None):
        provider.send(replace(SMS, account=account))
    assert list(provider._own) == [Account(OTHER, TOKEN), mine]
    changed = Account(MINE, TOKEN[::-1])
    with pytest.raises(DeliveryFailed):
        provider.send(replace(SMS, account=changed))
    assert list(provider._own) == [Account(OTHER, TOKEN), changed]
    for number in range(20):
        account = Account(f"AC{number:032x}", TOKEN)
        twilio.tokens[account.sid] = TOKEN
        provider.send(replace(SMS, account=account))
    assert len(provider._own) == vendor.ACCOUNTS
    assert account in provider._own


# --- callbacks ----------------------------------------------------------------------------


@pytest.fixture
def post(platform_client, shop):
    def post(path, fields, secret=TOKEN):
        signature = RequestValidator(secret).compute_signature(HOST + path, fields)
        answer = platform_client.post(path, fields, HTTP_X_TWILIO_SIGNATURE=signature)
        connection.set_tenant(shop)
        return answer.status_code

    return post


@pytest.fixture
def status(post, own, twilio, campaign):
    """``status("delivered")``: what is posted about a try that the own account took."""
    campaign("drop:1", 1)
    tasks.drain()
    attempt = Attempt.objects.get()

    def status(word, sid=MINE, token=own.callback_token, **kwargs):
        path = f"/webhooks/twilio/{token}/{attempt.token}/"
        fields = {"MessageSid": "SM1", "MessageStatus": word, "AccountSid": sid}
        return post(path, fields, **kwargs)

    return status


def test_news_signed_by_the_shops_own_token_is_believed(status, run_jobs):
    assert status("delivered") == 204
    run_jobs()
    assert Message.objects.get().status == Status.DELIVERED


def test_also_when_the_account_was_left_meanwhile(status, run_jobs, own):
    accounts.release(shop=own, by=SYSTEM)
    assert status("delivered") == 204


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        ({"secret": OUR_TOKEN}, 403),
        ({"secret": "faux"}, 403),
        ({"sid": OTHER}, 403),
        ({"sid": "AC\x00"}, 403),
        ({"sid": ""}, 403),
        ({"sid": OURS, "secret": OUR_TOKEN}, 404),
    ],
    ids=["platform's token", "wrong", "another", "nul", "no account", "platform's account"],
)
def test_news_of_an_own_try_from_anybody_else_is_refused(status, how, answer):
    assert status("delivered", **how) == answer
    assert not Callback.objects.exists()


def test_my_token_says_nothing_of_a_neighbours_or_the_platforms_messages(
    post, own, other_shop, campaign, status
):
    assert status("failed", token=other_shop.callback_token) == 403
    accounts.release(shop=own, by=SYSTEM)
    campaign("drop:2", 1)
    tasks.drain()
    theirs = Attempt.objects.get(account="")
    path = f"/webhooks/twilio/{own.callback_token}/{theirs.token}/"
    fields = {"MessageSid": "SM1", "MessageStatus": "failed", "AccountSid": MINE}
    assert post(path, fields) == 404


def test_a_suspension_told_by_callback_is_told_as_the_shops_own(status, run_jobs, post, own):
    attempt = Attempt.objects.get()
    path = f"/webhooks/twilio/{own.callback_token}/{attempt.token}/"
    fields = {"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "30002"}
    assert post(path, {**fields, "AccountSid": MINE}) == 204
    run_jobs()
    assert Alert.objects.filter(code="paused_sms", cause="own_30002").exists()


def test_answers_to_the_own_number_land_in_the_shops_inbox(post, own, run_jobs):
    contact = ContactFactory(agreeing=True)
    path = f"/webhooks/twilio/{own.callback_token}/reponse/"
    fields = {"MessageSid": "SM9", "From": contact.phone, "Body": "Oui", "AccountSid": MINE}
    assert post(path, fields, secret=OUR_TOKEN) == 403
    assert post(path, fields) == 200
    run_jobs()
    assert Reply.objects.get().contact == contact


def test_an_own_account_does_not_speak_for_the_shared_number(post, own):
    fields = {"MessageSid": "SM9", "From": "+33639980102", "Body": "STOP", "AccountSid": MINE}
    assert post("/webhooks/twilio/reponse/", fields) == 403


def test_no_log_line_tells_the_token(owner_client, own, twilio, campaign, caplog):
    with caplog.at_level(logging.DEBUG):
        owner_client.post(PAGE, {**TYPED, "token": TOKEN[::-1]})
        twilio.tokens.pop(MINE)
        campaign("drop:1", 2)
        tasks.drain()
    lines = " ".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("django.db")
    )
    assert TOKEN not in lines
    assert TOKEN[::-1] not in lines
