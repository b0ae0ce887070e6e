"""The shop's own plan: chosen and paid for on Stripe's pages, followed by the shop's rights."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.tenancy import in_schema
from apps.payments import subscribing
from apps.payments.models import Subscriber
from apps.payments.providers import stripe as api
from apps.shops.models import Unpaid
from apps.shops.plans import PLANS
from apps.shops.standing import Standing, standing
from tests.conftest import ShopClient
from tests.payments.conftest import CARD, PAGE, POOR, REFUSED_LATER, SEPA

pytestmark = pytest.mark.django_db
ONCE = {"once": "0" * 32}


def stands(shop, at=None):
    return standing(shop, at or timezone.now())


def sheet(client):
    return client.get(PAGE).content.decode()


def test_without_keys_the_page_says_what_to_do_and_offers_nothing(owner_client, settings):
    page = sheet(owner_client)
    assert "Les paiements ne sont pas branchés" in page
    assert "STRIPE_WEBHOOK_SECRET" in page
    assert "Choisir" not in page
    assert owner_client.post(f"{PAGE}maison/", ONCE, follow=True).status_code == 200


def test_three_plans_with_their_limits_are_offered(owner_client, stripe):
    page = sheet(owner_client)
    for plan in PLANS:
        assert f"Choisir {plan.name}" in page
    assert "jusqu’à 3\u202f000 clients" in page


def test_a_paid_plan_is_the_shops_own_at_once(owner_client, subscribe, kept):
    subscribe("maison")
    assert (kept().plan, kept().unpaid_from) == ("maison", None)
    page = sheet(owner_client)
    assert "Formule Maison" in page
    assert "•••• 4242" in page
    assert "Prochain paiement" in page
    assert "Passer à Boutique" in page


def test_what_is_paid_is_the_plans_price_and_the_vat_of_the_territory(shop, subscribe, stripe):
    subscribe("boutique")
    (paid,) = stripe.books.all("charge")
    assert paid["amount"] == 3900 * 1.2


@pytest.mark.parametrize(("region", "cents"), [("RE", 4232), ("YT", 3900)])
def test_overseas_shops_pay_their_own_vat(kept, subscribe, stripe, region, cents):
    kept(region=region)
    subscribe("boutique")
    assert [charge["amount"] for charge in stripe.books.all("charge")] == [cents]


def test_back_from_stripe_the_plan_is_there_before_its_event(owner_client, stripe, kept):
    url = owner_client.post(f"{PAGE}maison/", ONCE)["Location"]
    back = stripe.pay(url)
    answer = owner_client.get(PAGE + "?retour=1", follow=True)
    assert back.endswith("?retour=1")
    assert "votre boutique est en formule Maison" in answer.content.decode()
    assert kept().plan == "maison"


def test_a_trial_goes_on_to_its_last_day_and_costs_nothing(subscribe, stripe, kept):
    ends = timezone.now() + timedelta(days=12)
    kept(unpaid_from=ends, unpaid_why=Unpaid.TRIAL)
    subscribe("echoppe")
    assert stripe.books.all("charge") == []
    (found,) = stripe.books.all("subscription")
    assert (found["status"], found["trial_end"]) == ("trialing", int(ends.timestamp()))
    assert (kept().plan, kept().unpaid_from) == ("echoppe", None)


def test_two_taps_open_one_page(owner_client, stripe):
    first = owner_client.post(f"{PAGE}maison/", ONCE)["Location"]
    owner_client.post(f"{PAGE}maison/", ONCE)
    (page,) = stripe.books.all("checkout.session")
    assert (page["status"], first.endswith(page["id"])) == ("open", True)


def test_only_the_last_page_can_be_paid(owner_client, stripe):
    owner_client.post(f"{PAGE}maison/", ONCE)
    owner_client.post(f"{PAGE}echoppe/", {"once": "1" * 32})
    new, old = stripe.books.all("checkout.session")
    assert (old["status"], new["status"]) == ("expired", "open")


def test_many_at_once_make_one_customer(committed, shop, stripe):
    found = committed(lambda _: subscribing.subscriber_of(shop).customer_id, *range(6))
    assert len(set(found)) == 1
    assert [one["id"] for one in stripe.books.all("customer")] == [found[0]]
    committed(lambda _: Subscriber.objects.all().delete()[0], 1)


def test_every_write_says_what_it_is_for(subscribe, owner_client, stripe):
    subscribe("maison")
    owner_client.post(f"{PAGE}gerer/", ONCE)
    owner_client.post(f"{PAGE}echoppe/", {"once": "2" * 32})
    writes = [asked for asked in stripe.calls if asked.method == "POST"]
    assert len(writes) > 5
    assert [asked.path for asked in writes if not asked.key.startswith("comptoir:")] == []


def test_another_plan_is_confirmed_on_stripes_page(owner_client, subscribe, stripe, catch_up, kept):
    subscribe("echoppe")
    url = owner_client.post(f"{PAGE}maison/", {"once": "3" * 32})["Location"]
    assert kept().plan == "echoppe"
    assert stripe.pressed(url.removeprefix(stripe.url), {"act": "change"}).endswith("?retour=1")
    catch_up()
    assert kept().plan == "maison"
    assert len(stripe.books.all("subscription")) == 1


def test_the_same_plan_twice_is_said(owner_client, subscribe, stripe):
    subscribe("maison")
    answer = owner_client.post(f"{PAGE}maison/", {"once": "4" * 32}, follow=True)
    assert "C’est déjà votre formule" in answer.content.decode()


def test_a_card_refused_at_the_first_payment_changes_nothing(shop, subscribe, kept):
    before = (shop.plan, shop.unpaid_from)
    subscribe("maison", POOR)
    assert (kept().plan, kept().unpaid_from) == before


def test_a_late_payment_gives_grace_then_read_only_and_a_new_card_ends_it(
    owner_client, subscribe, stripe, catch_up, kept
):
    subscribe("boutique", REFUSED_LATER)
    subscribe_ = stripe.books.all("subscription")[0]
    subscribe_["status"] = "active"  # its first month was paid by somebody's other card
    stripe.advance(31)
    catch_up()
    shop = kept()
    late = shop.unpaid_from
    assert shop.unpaid_why == Unpaid.LATE
    assert stands(shop, late + timedelta(days=13)) == Standing.GRACE
    assert stands(shop, late + timedelta(days=15)) == Standing.READ_ONLY
    kept(unpaid_from=timezone.now() - timedelta(days=1))
    assert "Votre dernier paiement n’a pas abouti" in owner_client.get("/gestion/equipe/").text
    url = owner_client.post(f"{PAGE}gerer/", ONCE)["Location"]
    stripe.pressed(url.removeprefix(stripe.url), {"act": "method", "number": CARD})
    catch_up()
    assert (kept().unpaid_from, kept().unpaid_why) == (None, "")


def test_a_plan_that_was_left_ends_with_its_month(owner_client, subscribe, stripe, catch_up, kept):
    subscribe("boutique")
    url = owner_client.post(f"{PAGE}gerer/", ONCE)["Location"]
    (found,) = stripe.books.all("subscription")
    stripe.pressed(url.removeprefix(stripe.url), {"act": "cancel", "subscription": found["id"]})
    catch_up()
    assert kept().unpaid_from is None
    assert "résiliée" in sheet(owner_client)
    stripe.advance(31)
    catch_up()
    assert kept().unpaid_why == Unpaid.ENDED
    assert abs(kept().unpaid_from.timestamp() - found["ended_at"]) < 1
    assert "Choisir Boutique" in sheet(owner_client)


def test_a_debit_takes_days_and_the_shop_is_open_meanwhile(subscribe, stripe, catch_up, kept):
    subscribe("boutique", SEPA)
    assert stripe.books.all("invoice")[0]["status"] == "open"
    assert kept().unpaid_from is None
    stripe.advance(6)
    catch_up()
    assert stripe.books.all("invoice")[0]["status"] == "paid"


def test_stripe_that_is_silent_is_said_and_nothing_changes(owner_client, stripe, kept):
    stripe.down = True
    answer = owner_client.post(f"{PAGE}maison/", ONCE, follow=True)
    assert "Stripe ne répond pas" in answer.content.decode()
    assert kept().plan == "boutique"
    assert not Subscriber.objects.exists()


def test_what_stripe_refuses_is_said_without_its_english(stripe):
    with pytest.raises(api.Gone) as refused:
        api.read("customers/cus_nobody")
    assert str(refused.value) == (
        "Stripe a refusé cette demande (resource_missing). Rien n’a été débité."
    )


def test_a_key_used_for_another_act_is_refused_by_stripe(stripe):
    api.write("customers", "essai", name="Un")
    again = api.write("customers", "essai", name="Un")
    other = api.write("customers", "essai", name="Deux")
    assert len(stripe.books.all("customer")) == 2
    assert again["id"] != other["id"]


def test_an_unknown_plan_is_no_page_of_stripes(owner_client, stripe):
    answer = owner_client.post(f"{PAGE}palais/", ONCE, follow=True)
    assert "Cette formule n’existe pas" in answer.content.decode()


def test_what_was_agreed_apart_is_not_changed_by_a_tap(owner_client, stripe, kept):
    kept(plan="")
    page = sheet(owner_client)
    assert "Formule convenue" in page
    assert "Choisir" not in page
    answer = owner_client.post(f"{PAGE}maison/", ONCE, follow=True)
    assert "convenue avec Comptoir" in answer.content.decode()
    assert stripe.calls == []


def test_only_the_owner_chooses(shop, member, stripe):
    for role in ("manager", "helper"):
        client = ShopClient(shop).enter(member(role))
        assert client.get(PAGE).status_code == 403
        assert client.post(f"{PAGE}maison/", ONCE).status_code == 403


def test_neighbours_do_not_see_each_other_as_subscribers(subscribe, shop, other_shop):
    subscribe("maison")
    with in_schema(other_shop.schema_name):
        assert subscribing.of_shop(other_shop) == (None, None)
        assert not Subscriber.objects.filter(shop=shop).update(customer_id="cus_x")


def test_the_page_asks_few_questions(owner_client, subscribe):
    subscribe("maison")
    with CaptureQueriesContext(connection) as asked:
        sheet(owner_client)
    assert len(asked) <= 8


def test_the_page_asks_stripe_nothing(owner_client, subscribe, stripe):
    subscribe("maison")
    before = len(stripe.calls)
    sheet(owner_client)
    assert len(stripe.calls) == before


def test_pages_are_not_asked_for_without_end(owner_client, stripe):
    for turn in range(21):
        answer = owner_client.post(f"{PAGE}maison/", {"once": f"{turn:032x}"})
    assert answer["Location"] == PAGE


def test_an_erased_shop_pays_for_nothing_any_more(subscribe, shop, stripe):
    subscribe("maison")
    with in_schema("public"):
        subscribing.leave(shop.schema_name)
        subscribing.leave(shop.schema_name)
    assert [one["status"] for one in stripe.books.all("subscription")] == ["canceled"]
