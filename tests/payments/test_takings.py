"""What customers paid the shop online: given back, contested, paid out; the books that follow."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.tenancy import in_schema
from apps.invoicing.books import Books, balances, fec
from apps.invoicing.models import Invoice, Method, Movement, Type
from apps.invoicing.online import follow_charge, named
from apps.invoicing.services import issue, pay, save_draft
from apps.invoicing.verifying import prove_chain
from apps.invoicing.words import Cause
from apps.payments import events, reconciling, refunding
from apps.payments.models import (
    Back,
    Charge,
    Difference,
    Dispute,
    Gap,
    Outcome,
    Payout,
    Refund,
    ShopAccount,
    StripeEvent,
)
from tests.conftest import ShopClient
from tests.invoicing.writing import OWNER, bottles, settle_in, words
from tests.payments.conftest import CARD
from tests.peers.stripe import billing, money, shapes

pytestmark = pytest.mark.django_db
PAGE = "/gestion/factures/en-ligne/"


@pytest.fixture
def account(owner_client, stripe):
    """The wine merchant's account, in service; its name."""
    url = owner_client.post("/gestion/reglages/encaissement/ouvrir/")["Location"]
    stripe.pressed(url.removeprefix(stripe.url), {"act": "all"})
    return ShopAccount.objects.get().account_id


@pytest.fixture
def told(stripe, tell, run_jobs, shop):
    """``told()``: whatever happened at Stripe since is told, in reverse, and carried out."""
    seen = []

    def carry():
        news = [event for event in stripe.events if event["id"] not in seen]
        for event in news[::-1]:
            assert tell(event) == 200
            seen.append(event["id"])
        connection.set_tenant(shop)
        run_jobs()

    return carry


@pytest.fixture
def sold(stripe, account, shop, told):
    """``sold(3000)``: a customer paid 30 € on the account, and has the shop's invoice of it; of
    which the platform kept one percent."""
    settle_in()

    def sell(cents=3000, *, invoiced=True, share="1"):
        books = stripe.books
        said = {"product": "club", "currency": "eur", "unit_amount": str(cents)}
        if "club" not in books.things:
            books.put(shapes.product(books, {"id": "club", "name": "Club"}), account)
        price = books.put(shapes.price(books, said), account)
        buyer = books.put(shapes.customer(books, {}), account)
        method = books.put(shapes.payment_method(books, CARD, buyer["id"]), account)
        asked = {"items": {"0": {"price": price["id"]}}, "default_payment_method": method["id"]}
        asked["application_fee_percent"] = share
        sub = billing.begin(books, buyer["id"], asked, account)
        if invoiced:
            now, token = timezone.now(), named(sub["latest_invoice"])
            draft = save_draft(words(bottles(1, cents)), now=now, cause=Cause(token=token))
            made = issue(draft, by=OWNER, now=now)
            how = {"method": Method.ONLINE, "paid_on": timezone.localdate(now)}
            pay(made, cents, token=uuid4(), by=OWNER, now=now, **how)
        told()
        return Charge.objects.latest("pk")

    return sell


def sums():
    """What stands on each account of the books, in cents, where something does."""
    today = timezone.localdate()
    found = balances(Books(today.replace(month=1, day=1), today, {}))
    return {one.account: one.rest for one in found if one.rest}


def ask(client, charge, euros="12,00", *, once=None, **more):
    said = {"amount": euros, "reason": "requested_by_customer", "once": once or uuid4(), **more}
    return client.post(f"{PAGE}{charge.pk}/rembourser/", said, follow=True)


def whole(charge):
    charge.refresh_from_db()
    return charge


# --- what came -----------------------------------------------------------------------------


def test_what_it_cost_is_known_and_in_the_books(sold):
    charge = sold()
    assert (charge.fee_cents, charge.kept_cents, charge.last4) == (70, 30, "4242")
    found = sums()
    assert (found["517000"], found["627800"], found["622800"]) == (2900, 70, 30)
    assert prove_chain().broken is None


def test_told_again_and_in_any_order_nothing_more_is_written(sold, stripe, tell, run_jobs, shop):
    sold()
    before = sums(), Movement.objects.count()
    for event in stripe.events:
        tell({**event, "id": f"{event['id']}x"})
    connection.set_tenant(shop)
    run_jobs()
    assert (sums(), Movement.objects.count()) == before


def test_an_invoice_that_comes_after_its_payment_is_found(sold, run_jobs):
    charge = sold(invoiced=False)
    assert not Movement.objects.exists()
    now = timezone.now()
    draft = save_draft(words(bottles(1, 3000)), now=now, cause=Cause(token=named(charge.name)))
    issue(draft, by=OWNER, now=now)
    follow_charge(charge.pk, now)
    assert Movement.objects.count() == 2


def test_the_list_says_who_paid_and_costs_the_same_for_many(owner_client, sold):
    sold()
    with CaptureQueriesContext(connection) as one:
        page = owner_client.get(PAGE).text
    assert "Claire Dupont" in page
    assert "encaissé" in page
    for _ in range(3):
        sold()
    with CaptureQueriesContext(connection) as many:
        owner_client.get(PAGE)
    assert len(many) == len(one)


def test_neither_a_neighbour_nor_a_helper_sees_it(sold, neighbour_client, helper_client):
    charge = sold()
    for client in (neighbour_client, helper_client):
        assert client.get(PAGE).status_code in (302, 403, 404)
        assert ask(client, charge, sure="1").status_code in (403, 404)
    assert not Refund.objects.exists()


def test_of_another_shop_there_is_nothing(sold, other_shop, member):
    charge = sold()
    with in_schema(other_shop.schema_name):
        client = ShopClient(other_shop).enter(member("owner", other_shop))
    assert client.get(f"{PAGE}{charge.pk}/").status_code == 404
    assert ask(client, charge, sure="1").status_code == 404


# --- given back ----------------------------------------------------------------------------


def test_the_owner_is_told_what_it_will_do_before_anything_leaves(owner_client, sold, stripe):
    page = ask(owner_client, sold()).text
    assert "12,00\xa0€ repartent sur la carte du client" in page.replace("&nbsp;", "\xa0")
    assert not stripe.books.all("refund", ShopAccount.objects.get().account_id)


def test_a_part_is_given_back_credited_and_in_the_books(owner_client, sold, told):
    charge = sold()
    page = ask(owner_client, charge, sure="1").text
    told()
    assert "remboursé en partie" in page
    assert whole(charge).refunded_cents == 1200
    note = Invoice.objects.get(type=Type.CREDIT)
    assert note.total_cents == -1200
    assert Invoice.objects.with_balance().get(type=Type.INVOICE).owed == 0
    found = sums()
    assert found["517000"] == 2900 - 1200 + 12
    assert "411000" not in found


@pytest.mark.parametrize("reason", refunding.REASONS)
def test_every_reason_goes_through(owner_client, sold, reason):
    ask(owner_client, sold(), reason=reason, sure="1")
    assert Refund.objects.get().status == Back.DONE


def test_sent_twice_it_is_given_back_once(owner_client, sold, stripe):
    charge, once = sold(), uuid4()
    for _ in range(2):
        ask(owner_client, charge, once=once, sure="1")
    assert len(stripe.books.all("refund", ShopAccount.objects.get().account_id)) == 1
    assert Refund.objects.get().status == Back.DONE


@pytest.mark.parametrize("euros", ["0", "-3", "30,01", "12,345", "beaucoup"])
def test_a_wrong_amount_is_said_and_nothing_leaves(owner_client, sold, euros):
    answer = ask(owner_client, sold(), euros, sure="1")
    assert answer.status_code == 422
    assert not Refund.objects.exists()


def test_no_more_than_what_is_left_is_given_back(owner_client, sold):
    charge = sold()
    ask(owner_client, charge, "20,00", sure="1")
    page = ask(owner_client, charge, "10,01", sure="1").text.replace("&nbsp;", "\xa0")
    assert "il reste 10,00\xa0€ à rembourser au plus" in page
    ask(owner_client, charge, "10,00", sure="1")
    assert "remboursé" in owner_client.get(f"{PAGE}{charge.pk}/").text
    assert whole(charge).refunded_cents == 3000


def test_a_manager_sees_and_gives_nothing_back(shop, sold, member):
    charge, client = sold(), ShopClient(shop).enter(member("manager"))
    assert "Continuer" not in client.get(f"{PAGE}{charge.pk}/").text
    assert ask(client, charge, sure="1").status_code == 403


def test_what_stripe_did_not_answer_is_asked_of_it_and_never_sent_again(
    owner_client, sold, stripe, told
):
    charge = sold()
    stripe.down = True
    page = ask(owner_client, charge, sure="1").text
    stripe.down = False
    assert "ne recommencez pas" in page
    assert Refund.objects.get().status == Back.UNKNOWN
    assert refunding.left_of(charge) == 1800
    refunding.settle(timezone.now() + timedelta(minutes=2))
    assert Refund.objects.get().status == Back.FAILED
    assert refunding.left_of(whole(charge)) == 3000


def test_what_had_gone_through_unheard_is_found_by_its_mark(owner_client, sold, stripe, shop):
    charge, once = sold(), uuid4()
    now = timezone.now()
    Refund.objects.create(
        shop=shop, charge=charge, once=once, amount_cents=1200, status=Back.SENDING, asked_at=now
    )
    mark = {"metadata": {"comptoir_once": str(once)}}
    name = ShopAccount.objects.get().account_id
    stripe.refund({"charge": charge.charge_id, "amount": "1200", **mark}, name)
    refunding.settle(now + timedelta(minutes=2))
    found = Refund.objects.get()
    assert (found.status, found.refund_id != "") == (Back.DONE, True)


def test_one_given_back_at_stripes_own_dashboard_is_followed(owner_client, sold, stripe, told):
    charge = sold()
    stripe.refund(
        {"charge": charge.charge_id, "amount": "500"}, ShopAccount.objects.get().account_id
    )
    told()
    assert Refund.objects.get().amount_cents == 500
    assert Invoice.objects.get(type=Type.CREDIT).total_cents == -500
    assert "fait chez Stripe" in owner_client.get(f"{PAGE}{charge.pk}/").text


def test_a_refund_that_comes_back_is_the_shops_to_give_again(owner_client, sold, stripe, told):
    charge = sold()
    ask(owner_client, charge, sure="1")
    told()
    stripe.control("/tests/bounce", {"refund": Refund.objects.get().refund_id})
    told()
    assert Refund.objects.get().status == Back.FAILED
    assert sums()["467100"] == -1200
    assert refunding.left_of(whole(charge)) == 3000


# --- the platform's share goes back with it --------------------------------------------------


@pytest.mark.parametrize(("euros", "left"), [("12,00", 18), ("30,00", 0)])
def test_our_share_goes_back_with_the_money(owner_client, sold, told, euros, left):
    charge = sold()
    page = ask(owner_client, charge, euros).text.replace("&nbsp;", "\xa0")
    said = "en proportion" if left else "rendue"
    assert "La part de Comptoir vous est rendue" in page
    assert f"{said}\xa0: 0,{30 - left}\xa0€" in page
    ask(owner_client, charge, euros, sure="1")
    told()
    assert whole(charge).share_cents == left
    assert sums().get("622800", 0) == left
    assert "Part de Comptoir, rendue" in owner_client.get(f"{PAGE}{charge.pk}/").text


def test_given_back_in_parts_the_shares_add_up_and_the_bank_agrees(
    owner_client, sold, stripe, told, account
):
    charge = sold(4990)
    for euros in ("3,33", "10,01", "36,56"):
        ask(owner_client, charge, euros, sure="1")
    told()
    assert whole(charge).share_cents == 0
    assert "622800" not in sums()
    stripe.control("/tests/payout", {"account": account})
    told()
    assert "517000" not in sums()
    assert prove_chain().broken is None


def test_of_a_payment_without_share_nothing_of_it_is_asked(owner_client, sold, stripe, told):
    charge = sold(share="")
    assert "part de Comptoir" not in ask(owner_client, charge).text
    ask(owner_client, charge, sure="1")
    told()
    assert whole(charge).refunded_cents == 1200
    assert not Movement.objects.filter(what="share").exists()


def test_a_share_given_back_from_our_own_dashboard_is_followed(sold, stripe, told):
    charge = sold()
    with stripe.books.changing():
        money.give_share_back(stripe.books, stripe.books.things[charge.share_id], 20)
    told()
    assert (whole(charge).share_cents, sums()["622800"]) == (10, 10)


# --- contested -----------------------------------------------------------------------------


@pytest.fixture
def contested(sold, stripe, told):
    charge = sold()
    stripe.control("/tests/dispute", {"charge": charge.charge_id, "reason": "product_not_received"})
    told()
    return charge


def test_a_dispute_says_until_when_what_to_gather_and_where(owner_client, contested):
    page = owner_client.get(f"{PAGE}{contested.pk}/").text
    assert "À répondre avant le" in page
    assert "La preuve de remise" in page
    assert f"https://dashboard.stripe.com/test/disputes/{Dispute.objects.get().dispute_id}" in page
    assert "Continuer" not in page
    assert sums()["467100"] == 3000


def test_what_is_contested_is_not_given_back_as_well(owner_client, contested):
    page = ask(owner_client, contested, sure="1").text
    assert "le rendrait deux fois" in page
    assert not Refund.objects.exists()


@pytest.mark.parametrize(
    ("verdict", "left"),
    [("won", {"517000": 2900}), ("lost", {"517000": 2900 - 5000, "658000": 3000})],
)
def test_its_end_is_in_the_books(contested, stripe, told, verdict, left):
    said = {"dispute": Dispute.objects.get().dispute_id, "verdict": verdict}
    stripe.control("/tests/verdict", said)
    told()
    found = sums()
    assert {number: found[number] for number in left} == left
    assert "467100" not in found
    assert prove_chain().broken is None


# --- paid out ------------------------------------------------------------------------------


def test_what_reaches_the_bank_leaves_the_online_account_empty(sold, stripe, told, account):
    sold()
    stripe.control("/tests/payout", {"account": account})
    told()
    assert Payout.objects.get().status == "paid"
    found = sums()
    assert "517000" not in found
    assert found["512000"] == 2900


def test_the_accountants_file_of_all_of_it_passes(owner_client, contested, sold, stripe, told):
    ask(owner_client, sold(4500), "12,34", sure="1")
    told()
    today = timezone.localdate()
    lines = b"".join(fec(Books(today.replace(month=1, day=1), today, {}))).decode()
    assert "Frais de paiement en ligne" in lines
    assert "Paiements contestés" in lines


# --- compared each night -------------------------------------------------------------------


def test_a_refund_nobody_told_of_is_listed_and_set_right(owner_client, sold, stripe):
    charge = sold()
    name = ShopAccount.objects.get().account_id
    with stripe.books.changing():
        money.give_back(stripe.books, {"charge": charge.charge_id, "amount": "700"}, name)
        del stripe.events[-2:]
    with in_schema("public"):
        reconciling.reconcile(timezone.now())
    gap = Difference.objects.get(gap=Gap.CHARGE, gone_at=None)
    assert (gap.about, gap.account, gap.here, gap.there) == (
        charge.charge_id, name, "3000 -0", "3000 -700",
    )  # fmt: skip
    assert charge.charge_id in owner_client.get(PAGE).text
    assert whole(charge).refunded_cents == 700
    with in_schema("public"):
        reconciling.reconcile(timezone.now() + timedelta(days=1))
    assert not Difference.objects.filter(gap=Gap.CHARGE, gone_at=None).exists()


def test_events_of_an_account_that_were_lost_are_fetched_at_night(owner_client, sold, account):
    sold()
    with in_schema("public"):
        lost = StripeEvent.objects.filter(account=account).delete()[0]
        reconciling.reconcile(timezone.now() + timedelta(hours=2))
    assert f"{lost} événements de Stripe n’étaient jamais arrivés" in owner_client.get(PAGE).text
    assert StripeEvent.objects.filter(account=account, kind="charge.succeeded").exists()


def test_events_of_an_account_are_replayed_at_will(sold, account, run_jobs):
    charge = sold()
    Charge.objects.filter(pk=charge.pk).update(fee_cents=1)
    with in_schema("public"):
        assert events.replay(StripeEvent.objects.filter(account=account)) >= 2
    run_jobs()
    assert whole(charge).fee_cents == 70
    kinds = StripeEvent.objects.filter(kind__in=["account.updated", "charge.succeeded"])
    assert set(kinds.values_list("outcome", flat=True)) == {Outcome.APPLIED}


def test_two_owners_at_once_give_back_no_more_than_there_is(shop, stripe, committed):
    now = timezone.now()
    charge = committed(
        lambda _: Charge.objects.create(
            shop=shop, charge_id="ch_1", amount_cents=1000, made_at=now, read_at=now
        ),
        1,
    )[0]

    def claim(_):
        asked = {"reason": "gesture", "once": uuid4(), "by": OWNER, "now": now}
        return refunding._claim(charge, 600, **asked)

    found = committed(claim, 1, 2, 3, 4)
    assert sum(isinstance(one, refunding.NothingLeft) for one in found) == 3
    committed(lambda _: Charge.objects.all().delete()[0], 1)


def test_what_stripe_refuses_is_said_and_may_be_tried_again(owner_client, sold, stripe):
    charge = sold()
    del stripe.books.things[charge.charge_id]
    page = ask(owner_client, charge, sure="1").text
    assert "Rien n’est parti" in page
    found = Refund.objects.get()
    assert (found.status, found.why_not) == (Back.FAILED, "resource_missing")
    assert refunding.left_of(charge) == 3000
