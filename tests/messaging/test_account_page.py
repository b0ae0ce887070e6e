"""The owner's page of the shop's own account: asked before it is used, left in one tap."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Entry
from apps.messaging.channels import sending
from apps.messaging.providers.urls import reply_url
from apps.shops.models import Secret, Shop
from tests.messaging.peers import MINE, NUMBER, OTHER, SERVICE, TOKEN, says

pytestmark = pytest.mark.django_db
PAGE = "/gestion/reglages/sms/"
TYPED = {"account": MINE, "token": TOKEN, "sender": "+33 9 39 01 02 03", "price": "6,5"}


def kept():
    return Shop.objects.get(slug="cave")


def test_without_an_own_account_the_platforms_is_used_and_said(owner_client, twilio):
    page = owner_client.get(PAGE).text
    assert "compte de Comptoir" in page
    assert "Ce que changerait votre compte" in page
    assert reply_url(kept().callback_token) in page
    assert twilio.peer.calls == []


def test_an_account_that_twilio_knows_is_used_at_once(owner_client, twilio, run_jobs):
    answer = owner_client.post(PAGE, TYPED)
    assert answer.status_code == 200
    assert "compte en service" in answer.text
    shop = kept()
    assert (shop.sms_account, shop.sms_account_sender) == (MINE, NUMBER)
    assert shop.sms_account_since
    assert (shop.segment_tenths, sending("sms").sender(shop)) == (65, NUMBER)
    run_jobs()
    trail = {line.verb: line.after for line in Entry.objects.all()}
    assert trail["shop.sms_account"] == {"account": MINE, "in_use": True}
    assert TOKEN not in str(trail)


@pytest.mark.parametrize("typed", [TYPED, {**TYPED, "price": "cher"}, {**TYPED, "account": "AC1"}])
def test_the_token_is_never_shown_again(owner_client, twilio, typed):
    for answer in (owner_client.post(PAGE, typed), owner_client.get(PAGE)):
        assert TOKEN not in answer.text
        assert TOKEN[:-4] not in answer.text


def test_what_is_kept_is_told_by_its_last_four_signs(owner_client, own):
    page = owner_client.get(PAGE).text
    assert "…WXYZ" in page
    assert "09\u00a039\u00a001\u00a002\u00a003" in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tokens": {}}, "ne reconnaît pas ce compte"),
        ({"account": {"status": "suspended", "type": "Full"}}, "suspendu ou fermé"),
        ({"account": {"status": "active", "type": "Trial"}}, "compte d’essai"),
        ({"number": {"phone_number": "+331", "capabilities": {}}}, "n’est pas à ce compte"),
        (
            {"number": {"phone_number": NUMBER, "capabilities": {"sms": False}, "sms_url": ""}},
            "n’envoie pas de SMS",
        ),
    ],
)
def test_what_twilio_objects_to_is_said_in_french_and_changes_nothing(
    owner_client, twilio, wrong, said
):
    for name, value in wrong.items():
        setattr(twilio, name, value)
    answer = owner_client.post(PAGE, TYPED)
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{TYPED["sender"]}"' in answer.text
    assert not kept().sms_account_since


def test_a_token_that_twilio_knows_is_typed_once(owner_client, twilio):
    twilio.number["phone_number"] = "+33939999999"
    assert owner_client.post(PAGE, TYPED).status_code == 422
    twilio.number["phone_number"] = NUMBER
    answer = owner_client.post(PAGE, {**TYPED, "token": ""})
    assert answer.status_code == 200
    assert kept().sms_account_since


def test_a_token_that_twilio_does_not_know_is_not_kept(owner_client, twilio):
    owner_client.post(PAGE, {**TYPED, "token": TOKEN[::-1]})
    assert not Secret.objects.exists()
    answer = owner_client.post(PAGE, {**TYPED, "token": ""})
    assert "Collez aussi le jeton" in answer.text


def test_a_wrong_account_does_not_take_the_good_one_out_of_use(owner_client, own, twilio):
    twilio.account["status"] = "closed"
    owner_client.post(PAGE, {**TYPED, "account": OTHER})
    assert (kept().sms_account, bool(kept().sms_account_since)) == (MINE, True)


@pytest.mark.parametrize(
    ("answer", "what"),
    [(says(503, ""), "closed"), (says(200, "[]"), "odd"), (says(500, ""), "broken")],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_twilio_that_is_silent_says_so_and_changes_nothing(owner_client, twilio, answer, what):
    twilio.peer.answer = answer
    told = owner_client.post(PAGE, TYPED)
    assert told.status_code == 422
    assert "Twilio ne répond pas" in told.text
    assert not Secret.objects.exists()


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("account", "SK" + "a" * 32, "« AC » suivi"),
        ("token", "trop court", "chiffres et des lettres"),
        ("sender", "06 12 34 56 78", "Un 06 ou un 07"),
        ("sender", "0690 12 34 56", "Un 06 ou un 07"),
        ("sender", "+33 9", "sans espace"),
        ("sender", "+33 1 23", "n’existe pas"),
        ("sender", "INFO", "trop général"),
        ("sender", "36105", "dont une lettre"),
        ("price", "gratuit", "nombre"),
        ("price", "-1", "supérieure ou égale"),
    ],
)
def test_a_slip_is_told_beside_the_field_before_twilio_is_asked(
    owner_client, twilio, field, typed, said
):
    answer = owner_client.post(PAGE, {**TYPED, field: typed})
    assert answer.status_code == 422
    assert said in answer.text
    assert twilio.peer.calls == []


@pytest.mark.parametrize(
    ("sender", "posted_to", "said"),
    [
        (NUMBER, "", "collez dans Twilio"),
        (NUMBER, "ours", "arrivent dans vos messages"),
        (SERVICE, "", "collez dans Twilio"),
        (SERVICE, "ours", "arrivent dans vos messages"),
        ("MACAVE", "", "Un nom ne reçoit pas de réponse"),
    ],
)
def test_the_owner_learns_whether_answers_will_come(owner_client, twilio, sender, posted_to, said):
    url = reply_url(kept().callback_token) if posted_to else ""
    twilio.number["sms_url"] = twilio.service["inbound_request_url"] = url
    answer = owner_client.post(PAGE, {**TYPED, "sender": sender})
    assert answer.status_code == 200
    assert said in answer.text
    assert kept().sms_account_sender == sender


def test_a_service_of_another_account_is_refused(owner_client, twilio):
    answer = owner_client.post(PAGE, {**TYPED, "sender": "MG" + "d" * 32})
    assert "n’est pas à ce compte" in answer.text
    assert answer.status_code == 422


def test_back_to_the_platform_in_one_tap_and_back_again_in_another(owner_client, own, twilio):
    assert "Revenir au compte de Comptoir" in owner_client.get(PAGE).text
    page = owner_client.post(PAGE + "quitter/", follow=True).text
    assert "Reprendre votre compte" in page
    shop = kept()
    assert not shop.sms_account_since
    assert (shop.segment_tenths, sending("sms").sender(shop)) == (70, "CAVEMARCHE")
    page = owner_client.post(PAGE + "reprendre/", follow=True).text
    assert "de nouveau par votre compte" in page
    assert kept().sms_account_since


def test_an_account_that_is_no_good_any_more_is_not_taken_again(owner_client, own, twilio):
    owner_client.post(PAGE + "quitter/")
    twilio.tokens.clear()
    page = owner_client.post(PAGE + "reprendre/", follow=True).text
    assert "ne reconnaît pas ce compte" in page
    assert not kept().sms_account_since


def test_keys_are_erased_once_the_account_is_out_of_use(owner_client, own):
    page = owner_client.post(PAGE + "effacer/", follow=True).text
    assert "revenez d’abord" in page
    assert Secret.objects.exists()
    owner_client.post(PAGE + "quitter/")
    owner_client.post(PAGE + "effacer/")
    assert not Secret.objects.exists()
    assert kept().sms_account == ""
    assert owner_client.post(PAGE + "inconnu/").status_code == 404


def test_only_the_owner_sees_it(helper_client, neighbour_client, visitor, member, shop):
    for client in (helper_client, neighbour_client):
        assert client.get(PAGE).status_code == 403
        assert client.post(PAGE + "quitter/").status_code == 403
    assert visitor.get(PAGE).status_code == 302


def test_the_page_asks_the_database_little(owner_client, own):
    with CaptureQueriesContext(connection) as heard:
        owner_client.get(PAGE)
    assert len(heard) <= 6
