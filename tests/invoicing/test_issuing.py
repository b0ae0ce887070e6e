"""A draft becomes an invoice: numbered, sealed, with every mention the law wants."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from apps.audit.models import Entry
from apps.invoicing.document import MissingFact, RateNotInForce
from apps.invoicing.models import Draft, Invoice, Record
from apps.invoicing.services import DraftGone, change_terms, issue, save_draft, throw_away
from apps.invoicing.words import CompanyWithoutSiren, NothingToInvoice
from apps.shops.models import Shop
from tests.factories import ContactFactory
from tests.invoicing.writing import CLAIRE, HOTEL, NOON, OWNER, bottles, issued, settle_in, words


def said(invoice):
    return invoice.record.facts


def test_numbers_follow_one_another_in_the_year_s_series(seller):
    first, second = issued(), issued()
    assert [first.number, second.number] == ["F2026-00001", "F2026-00002"]


def test_a_new_year_begins_a_new_series(seller):
    issued()
    with timezone.override(seller.zone):  # half past midnight at the shop
        later = issued(at=datetime(2026, 12, 31, 23, 30, tzinfo=UTC))
    assert later.number == "F2027-00001"


def test_an_invoice_is_never_dated_before_the_one_it_follows(seller):
    first = issued()
    second = issued(at=NOON - timedelta(days=2))
    assert second.issued_on == first.issued_on
    assert second.record.at >= first.record.at


def test_issuing_twice_is_one_invoice_and_the_draft_is_gone(seller):
    draft = save_draft(words(), now=NOON)
    first, again = (issue(draft, by=OWNER, now=NOON) for _ in range(2))
    assert first == again
    assert not Draft.objects.exists()
    assert Invoice.objects.count() == Record.objects.count() == 1


def test_a_draft_that_was_thrown_away_becomes_nothing(seller):
    draft = save_draft(words(), now=NOON)
    throw_away(draft)
    with pytest.raises(DraftGone):
        issue(draft, by=OWNER, now=NOON)
    with pytest.raises(DraftGone):
        save_draft(words(), now=NOON, draft=draft)
    assert not Record.objects.exists()


def test_what_a_private_customer_s_invoice_says(seller):
    facts = said(issued(bottles(3, 1490), bottles(1, 550, vat=550, label="Farine")))
    assert facts["seller"]["siren"] == "732829320"
    assert facts["seller"]["vat_number"] == "FR44732829320"
    assert facts["seller"]["registration"] == "RCS Dijon 732 829 320"
    assert facts["buyer"]["name"] == CLAIRE.name
    assert facts["buyer"]["address"]["city"] == "Dijon"
    assert (facts["on"], facts["supplied_on"], facts["due_on"]) == ("2026-11-20",) * 3
    assert facts["operation"] == "goods"
    assert facts["lines"][0] == {
        "label": "Morgon 2022",
        "quantity": 3000,
        "unit_cents": 1490,
        "discount_cents": 0,
        "discount_share": 0,
        "amount_cents": 4470,
        "net_cents": 3725,
        "vat": 2000,
    }
    assert facts["bases"] == [
        {"vat": 2000, "net_cents": 3725, "vat_cents": 745},
        {"vat": 550, "net_cents": 521, "vat_cents": 29},
    ]
    assert (facts["net_cents"], facts["vat_cents"], facts["total_cents"]) == (4246, 774, 5020)
    assert "penalty" not in facts["mentions"]


def test_what_a_company_s_invoice_says_besides(seller):
    change_terms({"on_debits": True, "days_to_pay": 45}, by=OWNER)
    delivery = replace(CLAIRE.address, street="Quai 4")
    line = bottles(6, 1000, discount_share=1000)
    facts = said(issued(line, buyer=HOTEL, taxed=False, delivery=delivery))
    assert facts["buyer"]["siren"] == "552100554"
    assert facts["buyer"]["vat_number"] == "FR96552100554"
    assert facts["delivery"]["street"] == "Quai 4"
    assert facts["due_on"] == "2027-01-04"
    assert facts["lines"][0]["discount_cents"] == 600
    assert (facts["net_cents"], facts["vat_cents"], facts["total_cents"]) == (5400, 1080, 6480)
    assert facts["mentions"] == {
        "exemption": "",
        "on_debits": True,
        "penalty": "trois fois le taux d’intérêt légal",
        "indemnity_cents": 4000,
        "early_discount": "Pas d’escompte pour paiement anticipé.",
    }


def test_who_charges_no_vat_says_why(seller):
    change_terms({"is_exempt": True, "vat_number": ""}, by=OWNER)
    facts = said(issued(bottles(2)))
    assert facts["mentions"]["exemption"] == "TVA non applicable, art. 293 B du CGI"
    assert (facts["net_cents"], facts["vat_cents"], facts["total_cents"]) == (2400, 0, 2400)


def test_in_guyane_no_vat_is_due(seller):
    Shop.objects.filter(pk=seller.pk).update(region="GF")
    seller.refresh_from_db()
    facts = said(issued())
    assert facts["mentions"]["exemption"] == "TVA non applicable, art. 294 du CGI"
    assert facts["vat_cents"] == 0


@pytest.mark.parametrize("fact", ["legal_name", "street", "postal_code", "city", "siren"])
def test_a_shop_that_has_not_said_who_it_is_issues_nothing(seller, fact):
    Shop.objects.filter(pk=seller.pk).update(**{fact: ""})
    seller.refresh_from_db()
    draft = save_draft(words(), now=NOON)
    with pytest.raises(MissingFact, match="Il manque "):
        issue(draft, by=OWNER, now=NOON)
    assert Draft.objects.get() == draft
    assert not Record.objects.exists()


@pytest.mark.parametrize("fact", ["legal_form", "registration", "vat_number", "penalty"])
def test_nor_one_whose_terms_are_not_said(shop, fact):
    settle_in(**{fact: ""})
    with pytest.raises(MissingFact) as refusal:
        issued()
    assert str(refusal.value).startswith("Il manque ")


@pytest.mark.parametrize(
    ("place", "day", "vat", "stands"),
    [
        ({}, None, 2000, True),
        ({}, None, 1960, False),
        ({}, date(2013, 12, 31), 1960, True),
        ({"postal_code": "20000"}, None, 210, True),
        ({"postal_code": "20000"}, None, 550, False),
        ({"region": "RE", "postal_code": "97400"}, None, 850, True),
        ({"region": "RE", "postal_code": "97400"}, None, 2000, False),
    ],
)
def test_a_rate_counts_where_and_when_it_is_in_force(seller, place, day, vat, stands):
    Shop.objects.filter(pk=seller.pk).update(**place)
    seller.refresh_from_db()
    if stands:
        assert issued(bottles(vat=vat), supplied_on=day)
        return
    with pytest.raises(RateNotInForce):
        issued(bottles(vat=vat), supplied_on=day)
    assert not Record.objects.exists()


def test_a_french_company_without_siren_is_refused(seller):
    nameless = replace(HOTEL, siren="")
    with pytest.raises(CompanyWithoutSiren):
        save_draft(words(buyer=nameless), now=NOON)
    abroad = replace(nameless, address=replace(HOTEL.address, country="BE"))
    assert issued(buyer=abroad)


@pytest.mark.parametrize("line", [bottles(1, 0), bottles(1, 1200, discount_share=10_000)])
def test_an_invoice_of_nothing_is_refused(seller, line):
    with pytest.raises(NothingToInvoice):
        save_draft(words(line), now=NOON)


def test_the_buyer_stays_on_it_whatever_becomes_of_the_person(seller):
    person = ContactFactory(first_name="Claire", last_name="Dupont")
    draft = save_draft(words(), now=NOON)
    Draft.objects.filter(pk=draft.pk).update(contact=person)
    draft.refresh_from_db()
    invoice = issue(draft, by=OWNER, now=NOON)
    person.first_name = person.last_name = person.phone = person.email = ""
    person.save()
    invoice.refresh_from_db()
    assert invoice.buyer == "Claire Dupont"
    assert said(invoice)["buyer"]["address"]["street"] == "3 rue du Lac"


def test_the_trail_names_the_number_and_no_person(seller):
    invoice = issued()
    entry = Entry.objects.get(verb="invoice.issue")
    assert entry.after == {"number": invoice.number}
    assert invoice.due_on == date(2026, 11, 20)
