"""The file one hands over: read by people and by programs, released only once it is right."""

import io
from dataclasses import replace
from datetime import date, timedelta

import pypdfium2
import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from facturx import get_facturx_xml_from_pdf
from hypothesis import HealthCheck, given, settings
from lxml import etree
from pypdf import PdfReader

from apps.core.jobs import JobFailed
from apps.core.tenancy import in_schema, use_public
from apps.invoicing import checks, electronic
from apps.invoicing.checks import CheckAbsent, InvalidInvoice, check
from apps.invoicing.electronic import xml_of
from apps.invoicing.models import Paper, PaperState
from apps.invoicing.services import ask_for_paper, change_terms
from apps.invoicing.tasks import sweep
from apps.shops.models import Shop
from tests.invoicing.test_money import LINES, take_back
from tests.invoicing.writing import CLAIRE, HOTEL, OWNER, bottles, file_of, issued


def made(invoice, run_jobs):
    run_jobs()
    paper = Paper.objects.get(pk=invoice.pk)
    assert paper.state == PaperState.READY, paper.reason
    return file_of(paper)


def words_on(pdf):
    page = pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_range()
    return " ".join(page.replace("\u202f", " ").replace("\xa0", " ").split())


def test_the_worker_makes_a_pdf_that_people_read(seller, run_jobs):
    change_terms({"iban": "FR7630006000011234567890189", "on_debits": True}, by=OWNER)
    invoice = issued(bottles(6, 1490, discount_share=1000), buyer=HOTEL)
    said = words_on(made(invoice, run_jobs))
    for mention in (
        "Facture F2026-00001",
        "Émise le 20 novembre 2026",
        "À payer avant le 20 décembre 2026",
        "Vente de biens du 20 novembre 2026",
        "Hôtel de la Poste SAS",
        "SIREN 552 100 554",
        "TVA FR96552100554",
        "SIREN 732 829 320",
        "RCS Dijon 732 829 320",
        "Remise de 10 % : −8,94 €",
        "12,42 €",  # a bottle without VAT
        "Total HT 67,05 €",
        "80,46 €",
        "trois fois le taux d’intérêt légal",
        "recouvrement : 40 €",
        "Pas d’escompte",
        "d’après les débits",
        "IBAN FR7630006000011234567890189",
    ):
        assert mention in said, mention


def test_and_that_programs_read(seller, run_jobs):
    invoice = issued(bottles(3, 1490), buyer=HOTEL)
    pdf = made(invoice, run_jobs)
    name, xml = get_facturx_xml_from_pdf(io.BytesIO(pdf), check_xsd=True)
    assert name == "factur-x.xml"
    root = etree.fromstring(xml)
    ram = {"ram": root.nsmap["ram"]}
    assert root.xpath("//ram:GrandTotalAmount/text()", namespaces=ram) == ["44.70"]
    assert root.xpath("//ram:BuyerTradeParty/ram:Name/text()", namespaces=ram) == [HOTEL.name]
    catalogue = PdfReader(io.BytesIO(pdf)).trailer["/Root"]
    assert catalogue["/Lang"] == "fr-FR"
    assert catalogue["/MarkInfo"]["/Marked"]
    assert catalogue["/OutputIntents"]
    xmp = catalogue["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in xmp
    assert "EN 16931" in xmp


def test_what_was_paid_before_asks_for_no_money_again(seller, run_jobs):
    change_terms({"iban": "FR7630006000011234567890189"}, by=OWNER)
    invoice = issued(bottles(3, 1490), paid_on=date(2026, 11, 19))
    pdf = made(invoice, run_jobs)
    said = words_on(pdf)
    assert "Payée le 19 novembre 2026" in said
    assert "À payer" not in said
    assert "IBAN" not in said
    xml = get_facturx_xml_from_pdf(io.BytesIO(pdf), check_xsd=True)[1]
    for told in (b"TotalPrepaidAmount>44.70", b"DuePayableAmount>0.00", b"<ram:ID>B2<"):
        assert told in xml
    assert b"FR7630006000011234567890189" not in xml


def _facts(invoice):
    return invoice.record.facts


@pytest.mark.parametrize(
    "who", ["private", "company", "paid", "abroad", "elsewhere", "exempt", "réunion"]
)
def test_every_kind_of_invoice_passes_every_check(seller, who):
    buyer, more = CLAIRE if who == "private" else HOTEL, {}
    if who == "abroad":
        address = replace(HOTEL.address, country="BE", postal_code="1000", city="Bruxelles")
        buyer = replace(HOTEL, siren="", vat_number="BE0428759497", address=address)
    if who == "elsewhere":
        more = {"delivery": CLAIRE.address, "note": "Merci de votre visite."}
    if who == "paid":
        more = {"paid_on": date(2026, 11, 20)}
    if who == "exempt":
        change_terms({"is_exempt": True, "vat_number": ""}, by=OWNER)
    if who == "réunion":
        Shop.objects.filter(pk=seller.pk).update(region="RE", postal_code="97400")
        seller.refresh_from_db()
    high, low = (850, 210) if who == "réunion" else (2000, 550)
    lines = [bottles(3, 1490, vat=high), bottles(1, 333, vat=low)]
    invoice = issued(*lines, buyer=buyer, operation="mixed", **more)
    for facts in (_facts(invoice), _facts(take_back(invoice, {0: 1000}))):
        check(xml_of(facts), between_companies=bool(buyer.siren))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES)
def test_whatever_is_sold_the_standard_agrees_with_the_sums(seller, lines):
    """BR-CO and BR-S, by the standard's own rules."""
    for taxed in (True, False):
        check(xml_of(_facts(issued(*lines, taxed=taxed, buyer=HOTEL))), between_companies=True)


def test_a_sum_that_is_a_cent_off_is_refused_by_its_rule(seller):
    facts = _facts(issued(bottles(3)))
    facts["net_cents"] += 1
    with pytest.raises(InvalidInvoice) as refusal:
        check(xml_of(facts), between_companies=False)
    assert "BR-CO-" in refusal.value.reason


def test_a_shape_that_is_wrong_is_refused_before_any_rule_is_asked(seller):
    xml = xml_of(_facts(issued())).replace(b"TypeCode>380", b"TypeKode>380")
    with pytest.raises(InvalidInvoice):
        check(xml, between_companies=False)


def test_a_check_that_cannot_be_made_is_no_passed_check(seller, monkeypatch):
    xml = xml_of(_facts(issued()))
    checks._child.end()
    monkeypatch.setattr(checks.sys, "executable", "/bin/false")
    with pytest.raises(CheckAbsent):
        check(xml, between_companies=False)
    monkeypatch.undo()
    check(xml, between_companies=False)


def test_a_child_that_was_killed_is_replaced(seller):
    xml = xml_of(_facts(issued()))
    check(xml, between_companies=False)
    checks._child.process.kill()
    checks._child.process.wait()
    check(xml, between_companies=False)


def test_a_refused_invoice_says_why_keeps_its_number_and_is_made_again(
    seller, owner_client, run_jobs, monkeypatch
):
    invoice = issued()
    monkeypatch.setitem(electronic._TYPES, "invoice", "999")
    with pytest.raises(JobFailed):
        run_jobs()
    connection.set_tenant(seller)  # where a failing job leaves it, nobody stands
    paper = Paper.objects.get()
    assert paper.state == PaperState.REFUSED
    assert "TypeCode" in paper.reason
    assert not paper.file
    page = owner_client.get(invoice.get_absolute_url()).content.decode()
    assert "Le contrôle de la norme l’a refusé" in page
    assert invoice.number in page
    address = reverse("invoice_file", args=[invoice.number])
    assert owner_client.get(address).status_code == 302
    monkeypatch.undo()
    owner_client.post(address)
    made(invoice, run_jobs)
    assert issued().number == "F2026-00002"


def test_the_owner_opens_the_file_and_nobody_else(seller, owner_client, helper_client, run_jobs):
    invoice = issued()
    assert "se prépare" in owner_client.get(invoice.get_absolute_url()).content.decode()
    pdf = made(invoice, run_jobs)
    address = reverse("invoice_file", args=[invoice.number])
    assert b"".join(owner_client.get(address).streaming_content) == pdf
    assert helper_client.get(address).status_code == 403


def test_it_is_drawn_once(seller, run_jobs):
    invoice = issued()
    made(invoice, run_jobs)
    before = Paper.objects.get()
    ask_for_paper(invoice)
    assert run_jobs() == 0
    assert Paper.objects.get().file == before.file


def test_a_file_that_was_being_made_when_the_shop_was_lost_is_made_again(seller, run_jobs):
    hours_ago = issued(at=timezone.now() - timedelta(hours=2))
    issued(at=timezone.now())  # its own job is on its way
    OrmQ.objects.all().delete()
    schema = seller.schema_name
    use_public()
    sweep()
    with in_schema(schema):
        (job,) = (one.task["args"] for one in OrmQ.objects.all())
        assert job[-1] == hours_ago.pk
        made(hours_ago, run_jobs)
