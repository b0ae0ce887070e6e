"""What a shop pays for its plan is invoiced to it by the platform's own shop, once, for ever."""

from datetime import timedelta

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


@pytest.mark.parametrize(("region", "vat"), [("RE", 332), ("YT", 0)])
def test_overseas_the_vat_is_that_of_the_buyer(kept, invoiced, subscribe, region, vat):
    kept(region=region)
    subscribe("boutique")
    (bill,) = invoiced()
    assert (bill.net_cents, bill.vat_cents) == (3900, vat)
    assert bool(bill.record.facts["mentions"]["exemption"]) is not bool(vat)
