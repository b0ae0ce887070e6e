"""What a shop pays for its plan is invoiced to it by the platform's own shop, once, for ever."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.core.tenancy import in_schema
from apps.invoicing.models import Invoice, Method, Paper, Payment, Type
from apps.invoicing.verifying import prove_chain
from apps.payments import billing, reconciling
from apps.payments.models import Difference, Gap
from apps.shops.models import Shop, Unpaid
from apps.shops.services import change_settings
from tests.conftest import ShopClient
from tests.invoicing.writing import FACTS, NOON, OWNER, settle_in
from tests.payments.conftest import PAGE, REFUSED_LATER

pytestmark = pytest.mark.django_db
OUR_OWN = "404833048"


@pytest.fixture
def ours(other_shop, settings, kept):
    """The café plays the platform's own shop; the wine merchant has said who it is."""
    settings.PLATFORM_SHOP = other_shop.slug
    kept(**FACTS)
    with in_schema(other_shop.schema_name):
        settle_in(days_to_pay=0)
        Shop.objects.filter(pk=other_shop.pk).update(legal_name="Comptoir SAS", siren=OUR_OWN)
    return other_shop


@pytest.fixture
def invoiced(ours):
    """``invoiced()``: what stands in the platform's books, in order."""

    def read():
        with in_schema(ours.schema_name):
            return list(Invoice.objects.select_related("record").order_by("pk"))

    return read


@pytest.fixture
def bills(shop):
    """``bills()``: what the wine merchant paid, as it sees it."""

    def read():
        with in_schema(shop.schema_name):
            return billing.listed(shop)

    return read


@pytest.fixture
def give_back(stripe, catch_up):
    """``give_back(1000, None)``: from Stripe's own dashboard ten euros, then the rest; told."""

    def back(*amounts):
        charge = stripe.books.all("charge")[0]["id"]
        for cents in amounts:
            stripe.refund({"charge": charge, **({"amount": str(cents)} if cents else {})})
        catch_up()

    return back


def test_a_paid_month_is_a_sealed_invoice_of_the_platforms_own(invoiced, subscribe, ours):
    subscribe("maison")
    (bill,) = invoiced()
    said = bill.record.facts
    assert (bill.net_cents, bill.vat_cents, bill.total_cents) == (7900, 1580, 9480)
    assert (said["buyer"]["siren"], said["seller"]["siren"]) == (FACTS["siren"], OUR_OWN)
    assert "formule Maison, du " in said["lines"][0]["label"]
    with in_schema(ours.schema_name):
        assert Payment.objects.get().method == Method.ONLINE
        assert Invoice.objects.with_balance().get().owed == 0
        assert prove_chain().broken is None


def test_its_file_passes_the_norm_and_is_found_on_the_plans_page(
    owner_client, subscribe, bills, ours
):
    subscribe()
    page = owner_client.get(PAGE).text
    (bill,) = bills()
    assert f"Facture {bill.number}" in page
    with in_schema(ours.schema_name):
        assert Paper.objects.get().state == "ready"
    answer = owner_client.get(f"{PAGE}factures/{bill.pk}/")
    assert b"".join(answer.streaming_content).startswith(b"%PDF")


def test_neither_the_neighbour_nor_a_helper_reads_it(subscribe, bills, ours, member, helper_client):
    subscribe()
    file = f"{PAGE}factures/{bills()[0].pk}/"
    assert helper_client.get(file).status_code == 403
    with in_schema(ours.schema_name):
        client = ShopClient(ours).enter(member("owner", ours))
        assert client.get(file).status_code == 404


def test_told_in_any_order_and_again_it_is_one(invoiced, stripe, subscribe, tell, run_jobs):
    subscribe()
    for event in stripe.events[::-1]:
        tell(event)
        tell({**event, "id": event["id"] + "x"})
    run_jobs()
    assert len(invoiced()) == 1


def test_each_month_has_the_next_number(invoiced, stripe, subscribe, catch_up):
    subscribe()
    stripe.advance(62)
    catch_up()
    assert [bill.position for bill in invoiced()] == [1, 2, 3]


def test_a_trial_costs_nothing_and_has_no_invoice(invoiced, kept, stripe, subscribe):
    kept(unpaid_from=timezone.now() + timedelta(days=12), unpaid_why=Unpaid.TRIAL)
    subscribe()
    assert invoiced() == []


def test_a_refused_month_has_none_until_it_is_paid(invoiced, stripe, subscribe, catch_up):
    subscribe("boutique", REFUSED_LATER)
    stripe.advance(31)
    catch_up()
    assert invoiced() == []


def test_a_shop_without_siren_is_told_and_nothing_is_lost(
    owner_client, kept, invoiced, subscribe, run_jobs
):
    shop = kept(siren="")
    subscribe()
    assert invoiced() == []
    assert "Vos factures attendent votre SIREN" in owner_client.get(PAGE).text
    change_settings(shop=shop, by=OWNER, values={"siren": FACTS["siren"]})
    run_jobs()
    assert [bill.siren for bill in invoiced()] == [FACTS["siren"]]
    assert "attendent" not in owner_client.get(PAGE).text


def test_what_waits_is_listed_each_night_and_asked_again(
    kept, invoiced, stripe, subscribe, run_jobs
):
    kept(street="")
    subscribe()
    kept(**FACTS)  # written past the settings: nobody announced it
    reconciling.reconcile(NOON)
    assert Difference.objects.get(gap=Gap.UNBILLED).here.endswith("votre adresse.")
    run_jobs()
    assert len(invoiced()) == 1
    reconciling.reconcile(NOON)
    assert Difference.objects.get(gap=Gap.UNBILLED).gone_at


def test_before_the_platforms_shop_is_open_bills_wait_for_it(
    ours, subscribe, settings, bills, run_jobs
):
    settings.PLATFORM_SHOP = "pas-encore"
    subscribe()
    assert [bill.number for bill in bills()] == [""]
    settings.PLATFORM_SHOP = ours.slug
    reconciling.reconcile(NOON)
    run_jobs()
    assert all(bill.number for bill in bills())


@pytest.mark.parametrize("cents", [1, 1000, None])
def test_money_given_back_is_a_credit_note(invoiced, subscribe, give_back, ours, cents):
    subscribe("boutique")
    give_back(cents)
    bill, note = invoiced()
    assert note.type == Type.CREDIT
    assert note.corrects_id == bill.pk
    assert note.total_cents == -(cents or 4680)
    with in_schema(ours.schema_name):
        assert Invoice.objects.with_balance().get(pk=bill.pk).owed == 0
        assert Paper.objects.get(pk=note.pk).state == "ready"


def test_given_back_in_parts_the_notes_add_up_to_the_invoice(invoiced, subscribe, give_back):
    subscribe("boutique")
    give_back(333, 1001, None)
    bill, *notes = invoiced()
    for name in ("net_cents", "vat_cents", "total_cents"):
        assert sum(getattr(note, name) for note in notes) == -getattr(bill, name)


# --- another plan within a month that was paid -----------------------------------------------


class Months:
    """Of the wine merchant's subscription, as Stripe and the platform's books have them."""

    def __init__(self, client, stripe, catch_up, ours):
        self.client, self.stripe, self.catch_up, self.ours = client, stripe, catch_up, ours

    def change(self, code):
        """Chosen, confirmed on Stripe's page, told."""
        url = self.client.post(f"{PAGE}{code}/", {"once": uuid4().hex})["Location"]
        self.stripe.pressed(url.removeprefix(self.stripe.url), {"act": "change"})
        self.catch_up()

    def go_by(self, days):
        self.stripe.advance(days)
        self.catch_up()

    @property
    def left(self):
        """What the last invoice at Stripe leaves the shop."""
        return -self.stripe.books.all("invoice")[0]["total"]

    @property
    def owed(self):
        """What is left to pay of each of our invoices, in order."""
        with in_schema(self.ours.schema_name):
            bills = Invoice.objects.with_balance().filter(type=Type.INVOICE).order_by("pk")
            return list(bills.values_list("owed", flat=True))


@pytest.fixture
def months(owner_client, stripe, catch_up, ours):
    return Months(owner_client, stripe, catch_up, ours)


def test_a_lesser_plan_is_a_credit_note_by_itself(owner_client, subscribe, months, invoiced, bills):
    subscribe("maison")
    months.go_by(10)
    months.change("echoppe")
    bill, note = invoiced()
    assert (note.type, note.corrects_id, note.total_cents) == (Type.CREDIT, bill.pk, -months.left)
    assert note.record.facts["reason"] == "Changement de formule"
    assert note.vat_cents * 5 == pytest.approx(note.net_cents, abs=5)
    assert months.owed == [-months.left]  # at Stripe, for the months to come
    assert bills()[0].waits_for == ""
    assert f"Avoir {note.number}" in owner_client.get(PAGE).text
    with in_schema(months.ours.schema_name):
        assert Paper.objects.get(pk=note.pk).state == "ready"


def test_what_is_left_of_it_pays_the_months_that_come(subscribe, months, invoiced):
    subscribe("maison")
    months.go_by(10)
    months.change("echoppe")
    for _ in range(4):
        months.go_by(31)
    took = [one["amount"] for one in months.stripe.books.all("charge")]
    assert len(took) < 4
    assert set(months.owed) == {0}
    with in_schema(months.ours.schema_name):
        paid = sum(Payment.objects.values_list("amount_cents", flat=True))
        assert prove_chain().broken is None
    assert paid == sum(took) == sum(bill.total_cents for bill in invoiced())


def test_back_and_forth_it_is_taken_off_bill_after_bill(subscribe, months, invoiced, bills):
    subscribe("boutique")
    months.go_by(2)
    months.change("maison")
    months.change("echoppe")
    first, dearer, *notes = invoiced()
    assert [note.corrects_id for note in notes] == [dearer.pk, first.pk]
    assert notes[0].total_cents == -dearer.total_cents
    assert sum(note.total_cents for note in notes) == -months.left
    assert all(bill.number for bill in bills())


def test_a_lesser_plan_told_in_any_order_and_again_is_one(subscribe, months, invoiced, tell):
    subscribe("maison")
    months.change("boutique")
    for event in months.stripe.events[::-1]:
        tell({**event, "id": event["id"] + "x"})
    months.catch_up()
    assert [one.type for one in invoiced()] == [Type.INVOICE, Type.CREDIT]


def test_while_the_invoice_waits_what_is_left_of_it_waits_too(kept, subscribe, months, invoiced):
    shop = kept(siren="")
    subscribe("maison")
    months.change("echoppe")
    months.go_by(31)
    assert invoiced() == []
    with in_schema(shop.schema_name):
        change_settings(shop=shop, by=OWNER, values={"siren": FACTS["siren"]})
    months.catch_up()
    assert [one.type for one in invoiced()] == [Type.INVOICE, Type.CREDIT, Type.INVOICE]
    assert months.owed[1] == 0


def test_who_is_given_back_what_was_left_has_one_credit_note(
    subscribe, months, invoiced, give_back
):
    subscribe("maison")
    months.change("echoppe")
    give_back(months.left)
    assert [one.type for one in invoiced()] == [Type.INVOICE, Type.CREDIT]
    assert months.owed == [0]


@pytest.mark.parametrize(("region", "vat"), [("RE", 332), ("YT", 0)])
def test_overseas_the_vat_is_that_of_the_buyer(kept, invoiced, subscribe, region, vat):
    kept(region=region)
    subscribe("boutique")
    (bill,) = invoiced()
    assert (bill.net_cents, bill.vat_cents) == (3900, vat)
    assert bool(bill.record.facts["mentions"]["exemption"]) is not bool(vat)
