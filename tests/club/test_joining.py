"""From the form to the club: a place kept, Stripe's page, a member, a period, an invoice."""

from datetime import date

import pytest
from django.utils import timezone

from apps.club import story
from apps.club.models import Member, Period, State
from apps.club.services import joining, planning
from apps.core.actor import SYSTEM
from apps.invoicing.models import Invoice, PaperState, Payment
from apps.shops.models import Shop
from tests.payments.conftest import SEPA

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seller")]


def test_who_pays_is_a_member_with_a_period_and_an_invoice(make_plan, join, drawn):
    member = join(make_plan(), handover="shipping")
    assert (member.state, member.contact.email) == (State.ACTIVE, "camille@exemple.fr")
    assert member.subscription_id
    period = Period.objects.get()
    assert (period.state, period.amount_cents, period.ship_cents) == ("paid", 4000, 800)
    invoice = Invoice.objects.get()
    assert (invoice.total_cents, invoice.vat_cents, invoice.buyer) == (4000, 667, "Camille Martin")
    assert invoice.paper.state == PaperState.READY, "Factur-X, by XSD and Schematron"
    assert Payment.objects.get().amount_cents == 4000
    assert period.invoice == invoice
    said = [line.said for line in story.lines(member)]
    assert f"Facture {invoice.number} émise." in said
    assert said[-1] == "Inscription commencée."


def test_the_platform_keeps_what_the_shops_plan_says(make_plan, join, stripe, account):
    join(make_plan())
    (sub,) = stripe.books.all("subscription", account.account_id)
    assert sub["application_fee_percent"] == 1.0
    (fee,) = stripe.books.all("application_fee")
    assert (fee["amount"], fee["account"]) == (32, account.account_id)


def test_a_debit_makes_a_member_at_once_and_an_invoice_when_it_has_gone_through(
    make_plan, join, stripe, told
):
    member = join(make_plan(), number=SEPA)
    assert member.state == State.ACTIVE
    assert Period.objects.get().state == "due"
    assert not Invoice.objects.exists()
    stripe.advance(6)
    told()
    assert Period.objects.get().state == "paid"
    assert Payment.objects.get().method == "online"


def test_the_same_form_twice_is_one_page_and_one_membership(make_plan, a_wish, account, shop):
    plan, wish = make_plan(), a_wish()
    how = {"shop": shop, "client_address": "192.0.2.1"}
    first = joining.order(wish, plan, now=timezone.now(), **how)
    assert joining.order(wish, plan, now=timezone.now(), **how) == first
    assert Member.objects.count() == 1


def test_two_tabs_are_two_pages_and_the_first_can_be_paid_no_more(make_plan, order, stripe):
    plan = make_plan()
    first = order(plan)
    order(plan)
    name = first.rpartition("/")[2]
    assert stripe.books.things[name]["status"] == "expired"


def test_who_types_anothers_mail_meets_none_of_their_cards(make_plan, join):
    """Stripe's page offers a customer the card they paid with before: each joining is its own."""
    first = join(make_plan(), "lea")
    second = join(make_plan(name="Prestige"), "lea")
    assert second.contact == first.contact
    assert second.customer_id != first.customer_id


@pytest.mark.parametrize("changed", [{"bottles": 2}, {"every": 3}, {"term_months": 12}])
def test_what_members_were_promised_is_not_changed_under_them(make_plan, join, changed):
    plan = make_plan()
    join(plan)
    said = {"name": "Découverte", "price_cents": 3200, "bottles": 3, "ship_cents": 800}
    words = planning.PlanWords(**{**said, **changed})
    with pytest.raises(planning.Promised):
        planning.save_plan(words, by=SYSTEM, now=timezone.now(), plan=plan)


def test_an_agreed_price_outlives_the_plans(make_plan, join, stripe, told):
    plan = make_plan()
    member = join(plan)
    words = planning.PlanWords(name="Découverte", price_cents=4500, bottles=3)
    planning.save_plan(words, by=SYSTEM, now=timezone.now(), plan=plan)
    stripe.advance(31)
    told()
    member.refresh_from_db()
    assert member.price_cents == 3200
    assert set(Period.objects.values_list("amount_cents", flat=True)) == {3200}
    plan.refresh_from_db()
    assert join(plan, "lea").price_cents == 4500


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"adult": False}, joining.AgeUnsaid),
        ({"birth_date": date(2012, 5, 1)}, joining.Minor),
        ({"handover": "shipping"}, joining.NotBrought),
        ({"gift": joining.Gift(2, "Nour")}, joining.NotAGift),
    ],
)
def test_what_may_not_be_is_refused_and_nothing_is_kept(make_plan, order, more, refusal):
    with pytest.raises(refusal):
        order(make_plan(ship_cents=None), **more)
    assert not Member.objects.exists()


def test_a_closed_plan_takes_nobody(make_plan, order):
    plan = make_plan()
    planning.close_plan(plan, by=SYSTEM, now=timezone.now())
    plan.refresh_from_db()
    with pytest.raises(planning.PlanGone):
        order(plan)


def test_a_shop_that_cannot_invoice_yet_says_so_and_is_invoiced_later(
    make_plan, join, shop, owner_client
):
    Shop.objects.filter(pk=shop.pk).update(siren="")
    join(make_plan())
    assert "SIREN" in Period.objects.get().why_not
    page = owner_client.get("/gestion/club/membres/").text
    assert "payée sans facture" in page
    Shop.objects.filter(pk=shop.pk).update(siren="552100554")
    owner_client.post("/gestion/club/factures/")
    assert Invoice.objects.count() == 1
