"""What was sold to private customers, day by day; and the sheet of a day that is over."""

import re
from datetime import date, timedelta
from io import BytesIO
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader

from apps.invoicing import day_sheet
from apps.invoicing.closing import run
from apps.invoicing.daily import by_rate, sold_in
from apps.invoicing.models import Closure, Method, Period
from apps.invoicing.services import credit
from apps.invoicing.services import reverse as take_back
from tests.invoicing.writing import HOTEL, NOON, OWNER, bottles, issued, lose, paid, stored

MONTH = date(2026, 11, 1)


def text(answer):
    return re.sub(r"\s+", " ", answer.content.decode().replace("\u202f", " ").replace("\xa0", " "))


def test_private_sales_stand_by_day_and_rate(seller):
    issued(bottles(2), bottles(1, 550, vat=550, label="Pain d’épices"))
    issued(bottles(1), at=NOON + timedelta(days=1))
    assert [(one.on.day, one.vat, one.total_cents) for one in sold_in(MONTH)] == [
        (20, 2000, 2400),
        (20, 550, 550),
        (21, 2000, 1200),
    ]


def test_a_company_s_invoice_is_not_among_them(seller):
    issued(buyer=HOTEL, taxed=False)
    assert sold_in(MONTH) == []


def test_a_credit_note_lowers_its_day(seller):
    bill = issued(bottles(2))
    credit(bill, {0: 1000}, reason="Bouchonnée", token=uuid4(), by=OWNER, now=NOON)
    (line,) = sold_in(MONTH)
    assert (line.total_cents, line.invoices, line.credits) == (1200, 1, 1)


def test_the_month_is_the_sum_of_its_days(seller):
    for day in range(3):
        issued(bottles(1), bottles(3, 333, vat=550), at=NOON + timedelta(days=day))
    lines = sold_in(MONTH)
    assert sum(one.total_cents for one in by_rate(lines)) == sum(one.total_cents for one in lines)


def test_the_page_and_its_file_say_the_same(owner_client, seller):
    issued(bottles(2))
    page = text(owner_client.get(reverse("daily_sales")))
    assert "Novembre 2026" in page
    assert "24,00 €" in page
    answer = owner_client.get(reverse("daily_csv", args=[2026, 11]))
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[1] == "20/11/2026;Vente de biens;20,00;20,00;4,00;24,00;1;0"
    assert owner_client.get("/gestion/factures/ventes/2026-13.csv").status_code == 404


def test_the_page_asks_the_same_of_a_busy_month(owner_client, seller):
    def asked():
        with CaptureQueriesContext(connection) as found:
            owner_client.get(reverse("daily_sales"))
        return len(found)

    issued()
    few = asked()
    for _ in range(5):
        issued(bottles(2))
    assert asked() <= few


# --- the sheet of a day ----------------------------------------------------------------------


def closed_day():
    bill = issued(bottles(3))
    paid(bill, 3000)
    slip = paid(bill, 600, method=Method.CASH)
    take_back(slip, by=OWNER, now=NOON)
    credit(bill, {0: 1000}, reason="Bouchonnée", token=uuid4(), by=OWNER, now=NOON)
    paid(bill, -600, method=Method.CARD)
    run(NOON + timedelta(days=1))
    return Closure.objects.select_related("record").get(period=Period.DAY)


def said_by(pdf):
    pages = (page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    return re.sub(r"\s+", " ", " ".join(pages).replace("\u202f", " ").replace("\xa0", " "))


def test_the_sheet_says_what_a_till_s_would(seller, run_jobs):
    closure = closed_day()
    run_jobs()
    said = said_by(stored(day_sheet.stored_name(closure)))
    assert "Clôture du 20 novembre 2026" in said
    assert "Clôture journalière n° 1" in said
    assert "20 % 20,00 € 4,00 € 24,00 €" in said
    assert "Factures 1 36,00 €" in said
    assert "Avoirs 1 −12,00 €" in said or "Avoirs 1 -12,00 €" in said
    assert "Carte 30,00 €" in said
    assert "Espèces 6,00 €" in said
    assert "Total perpétuel 24,00 €" in said
    assert closure.record.hash in said.replace(" ", "")


def test_a_sheet_that_is_missing_is_drawn_when_asked_for(owner_client, seller, run_jobs):
    closure = closed_day()
    lose(day_sheet.stored_name(closure))
    at = reverse("closure_sheet", args=[closure.pk])
    assert "se prépare" in text(owner_client.get(at, follow=True))
    run_jobs()
    answer = owner_client.get(at)
    drawn = b"".join(answer.streaming_content)
    answer.close()
    assert drawn.startswith(b"%PDF")
