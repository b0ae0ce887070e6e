"""Each night what stands here is laid beside what stands at Stripe, and each difference listed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.tenancy import in_schema
from apps.payments import reconciling
from apps.payments.models import Difference, Gap, StripeEvent
from apps.payments.tasks import reconcile as nightly
from tests.payments.conftest import PAGE
from tests.peers.stripe import billing, shapes

pytestmark = pytest.mark.django_db


@pytest.fixture
def night(run_jobs):
    """One night's comparison: the open differences, by kind."""

    def compare(later=timedelta(0)):
        with in_schema("public"):
            reconciling.reconcile(timezone.now() + later)
        run_jobs()
        return sorted(Difference.objects.filter(gone_at=None).values_list("gap", flat=True))

    return compare


def test_nothing_differs_where_everything_was_told(subscribe, night):
    subscribe("maison")
    assert night() == []


def test_without_keys_nobody_is_asked(shop):
    nightly()
    assert not Difference.objects.exists()


def test_events_lost_on_the_way_are_listed_fetched_and_carried_out(
    owner_client, stripe, night, kept
):
    stripe.pay(owner_client.post(f"{PAGE}maison/", {"once": "0" * 32})["Location"])
    found = night(timedelta(hours=2))
    assert set(found) == {Gap.MISSED, Gap.CHANGED}
    assert found.count(Gap.MISSED) == len(stripe.events)
    assert kept().plan == "maison"
    assert StripeEvent.objects.count() == len(stripe.events)
    assert night(timedelta(days=1)) == []
    healed = Difference.objects.filter(gap=Gap.CHANGED).get()
    assert healed.gone_at
    assert "active" in healed.there


def test_an_event_on_its_way_is_carried_out_and_not_called_lost(owner_client, stripe, night, kept):
    stripe.pay(owner_client.post(f"{PAGE}maison/", {"once": "0" * 32})["Location"])
    assert Gap.MISSED not in night()
    assert kept().plan == "maison"
    assert StripeEvent.objects.count() == len(stripe.events)


def test_a_right_that_its_subscription_does_not_give_is_listed_and_taken_back(
    subscribe, night, kept
):
    subscribe("echoppe")
    kept(plan="maison")
    assert night() == [Gap.RIGHTS]
    assert Difference.objects.get().here == "maison"
    assert kept().plan == "echoppe"
    assert night(timedelta(days=1)) == []


def test_what_only_one_side_knows_is_listed(subscribe, stripe, night):
    subscribe("maison")
    (mine,) = stripe.books.all("subscription")
    price = mine["items"]["data"][0]["price"]["id"]
    stranger = stripe.books.put(shapes.customer(stripe.books, {}))
    billing.begin(
        stripe.books, stranger["id"], {"items": {"0": {"price": price}}}, "acct_1Comptoir00000000"
    )
    stripe.books.things[stripe.books.all("subscription")[0]["id"]]["status"] = "active"
    assert Gap.NOBODYS in night()
    del stripe.books.things[mine["id"]]
    assert Gap.GONE in night(timedelta(days=1))


def test_two_subscriptions_of_one_shop_are_listed(subscribe, stripe, night):
    subscribe("maison")
    (mine,) = stripe.books.all("subscription")
    price = mine["items"]["data"][0]["price"]["id"]
    said = {"items": {"0": {"price": price}}}
    billing.begin(stripe.books, mine["customer"], said, "acct_1Comptoir00000000")
    assert Gap.TWICE in night()


def test_a_price_that_is_none_of_ours_is_listed_and_changes_no_plan(subscribe, stripe, night, kept):
    subscribe("maison")
    (mine,) = stripe.books.all("subscription")
    mine["items"]["data"][0]["price"] = {**mine["items"]["data"][0]["price"], "metadata": {}}
    assert Gap.PRICE in night()
    assert kept().plan == "maison"
