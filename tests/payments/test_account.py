"""The account on which a shop's customers pay it: opened, completed, followed, taken away."""

import pytest

from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.payments import connecting, events
from apps.payments.models import Outcome, ShopAccount, StripeEvent
from tests.payments.conftest import CONNECT_SECRET

pytestmark = pytest.mark.django_db
PAGE = "/gestion/reglages/encaissement/"


@pytest.fixture
def opened(owner_client, stripe):
    """The owner stands on Stripe's page of the shop's account."""
    answer = owner_client.post(f"{PAGE}ouvrir/")
    assert answer.status_code == 302, answer.content.decode()
    return answer["Location"].removeprefix(stripe.url)


@pytest.fixture
def theirs():
    return ShopAccount.objects.get


def test_without_keys_the_page_says_what_to_do(owner_client):
    assert "STRIPE_SECRET_KEY" in owner_client.get(PAGE).text
    assert owner_client.post(f"{PAGE}ouvrir/", follow=True).status_code == 200


def test_each_plans_share_is_said(owner_client, stripe):
    page = owner_client.get(PAGE).text
    for share in ("2\xa0%", "1\xa0%", "0,5\xa0%"):
        assert share in page.replace("&nbsp;", "\xa0")


def test_the_shop_is_named_beside_the_account_before_its_first_event(opened, stripe, theirs, shop):
    account = theirs()
    assert account.shop_id == shop.schema_name
    made = stripe.books.things[account.account_id]
    assert made["metadata"] == {"shop": shop.schema_name}
    assert not [event for event in stripe.events if event.get("account")]


def test_many_at_once_open_one_account(committed, shop, stripe):
    committed(lambda _: connecting.open_account(shop=shop, by=SYSTEM), *range(4))
    assert len([one for one in stripe.books.things if one.startswith("acct_")]) == 2  # and ours
    committed(lambda _: ShopAccount.objects.all().delete()[0], 1)


def test_what_stripe_still_asks_for_is_said_in_french(owner_client, opened, stripe, theirs):
    stripe.pressed(opened, {"act": "part"})
    page = owner_client.get(PAGE + "?retour=1", follow=True).text
    assert "Stripe attend encore" in page
    assert "une pièce d’identité" in page
    assert not theirs().takes_cards


def test_back_from_stripe_it_is_in_service(owner_client, opened, stripe):
    stripe.pressed(opened, {"act": "all"})
    page = owner_client.get(PAGE + "?retour=1", follow=True).text
    assert "en service" in page
    assert "Compléter" not in page


def test_its_events_are_followed_in_any_order(opened, stripe, tell, run_jobs, theirs):
    stripe.pressed(opened, {"act": "part"})
    stripe.pressed(opened, {"act": "all"})
    for event in stripe.events[::-1]:
        assert tell(event, CONNECT_SECRET) == 200
    run_jobs()
    assert theirs().takes_cards
    assert set(
        StripeEvent.objects.filter(kind="account.updated").values_list("outcome", flat=True)
    ) == {Outcome.APPLIED}


def test_access_that_was_taken_away_is_said(owner_client, opened, stripe, tell, run_jobs):
    account = ShopAccount.objects.get().account_id
    stripe.pressed(opened, {"act": "all"})
    gone = stripe.books.emit("account.application.deauthorized", {"id": "ca_1"}, account)
    del stripe.books.things[account]
    assert tell(gone, CONNECT_SECRET) == 200
    run_jobs()
    assert ShopAccount.objects.get().left_at
    page = owner_client.get(PAGE).text
    assert "accès retiré" in page
    assert "Ouvrir mon compte" in page


def test_an_account_of_nobody_here_is_not_asked_about(stripe, tell, run_jobs):
    event = stripe.books.emit("account.updated", {"id": "acct_x"}, "acct_x")
    assert tell(event, CONNECT_SECRET) == 200
    run_jobs()
    assert stripe.calls == []
    assert StripeEvent.objects.get().outcome == Outcome.NOT_OURS


def test_an_older_look_does_not_undo_a_newer_one(opened, stripe, theirs, shop):
    stripe.pressed(opened, {"act": "all"})
    with in_schema(shop.schema_name):
        connecting.refresh(theirs())
        account = theirs()
        earlier = {**stripe.books.things[account.account_id], "charges_enabled": False}
        assert connecting.follow(account, earlier, account.made_at) is False
    assert theirs().takes_cards


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("individual.verification.additional_document", "une pièce d’identité"),
        ("company.tax_id", "le SIREN"),
        ("person_1NxyZ.dob.day", "des informations sur une personne de l’entreprise"),
        ("something.new", "une information, dite par Stripe"),
    ],
)
def test_every_question_of_stripes_has_a_french_name(asked, said):
    account = ShopAccount(asked=[asked])
    assert connecting.asked(account).things == [said]


def test_an_event_of_an_account_is_stored_by_its_account(stripe):
    events.store(stripe.books.emit("capability.updated", {"id": "card_payments"}, "acct_x"))
    assert StripeEvent.objects.get().about == "acct_x"
