"""The accountant's file: every rule of the FEC, and books that balance to the cent."""

import io
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.refusal import Refusal
from apps.invoicing.books import (
    COLUMNS,
    Books,
    WrongLine,
    Year,
    balances,
    checked,
    fec,
    letters,
    plain,
)
from apps.invoicing.models import Method
from tests.invoicing.test_money import LINES, STEP, _step, take_back
from tests.invoicing.writing import CLAIRE, HOTEL, NOON, bottles, issued, paid

YEAR = Books(date(2026, 1, 1), date(2026, 12, 31), {})
NEXT = Books(date(2027, 1, 1), date(2027, 12, 31), {})


def rows(books=YEAR):
    whole = b"".join(fec(books)).decode()
    assert whole.endswith("\r\n")
    head, *lines = [line.split("\t") for line in whole.split("\r\n")[:-1]]
    assert tuple(head) == COLUMNS
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines]


def cents(text):
    return int(text.replace(",", ""))


def test_a_sale_and_its_payment_as_the_accountant_reads_them(seller):
    paid(issued(bottles(3, 1490), bottles(1, 550, vat=550), buyer=HOTEL), 5020, method=Method.CASH)
    told = [
        (row["JournalCode"], row["EcritureNum"], row["CompteNum"], row["Debit"], row["Credit"])
        for row in rows()
    ]
    assert told == [
        ("VE", "1", "411000", "50,20", "0,00"),
        ("VE", "1", "707000", "0,00", "37,25"),
        ("VE", "1", "445710", "0,00", "7,45"),
        ("VE", "1", "707000", "0,00", "5,21"),
        ("VE", "1", "445710", "0,00", "0,29"),
        ("CA", "2", "530000", "50,20", "0,00"),
        ("CA", "2", "411000", "0,00", "50,20"),
    ]
    sale, *_others = rows()
    assert sale["EcritureDate"] == sale["PieceDate"] == sale["ValidDate"] == "20261120"
    assert (sale["CompAuxNum"], sale["CompAuxLib"]) == ("S552100554", HOTEL.name)
    assert sale["PieceRef"] == "F2026-00001"
    assert sale["EcritureLib"] == f"Facture F2026-00001 {HOTEL.name}"


def test_what_is_settled_bears_one_letter_and_the_day(seller):
    settled, open_ = issued(bottles(2)), issued()
    take_back(settled, {0: 1000})
    paid(settled, 1200, at=NOON + timedelta(days=3), on=NOON.date())
    customers = [row for row in rows() if row["CompteNum"] == "411000"]
    lettered = [row for row in customers if row["EcritureLet"]]
    assert {row["EcritureLet"] for row in lettered} == {"AA"}
    assert {row["DateLet"] for row in lettered} == {"20261123"}
    assert sum(cents(row["Debit"]) - cents(row["Credit"]) for row in lettered) == 0
    assert len(lettered) == 3
    assert [row["PieceRef"] for row in customers if not row["EcritureLet"]] == [open_.number]


def test_a_new_year_opens_with_what_the_last_one_left(seller):
    late = issued(bottles(2), buyer=HOTEL)
    paid(issued(), 1200, method=Method.CASH)
    paid(late, 2400, at=datetime(2027, 1, 8, 12, tzinfo=UTC), method=Method.TRANSFER)
    opening = [row for row in rows(NEXT) if row["JournalCode"] == "AN"]
    told = {row["CompteNum"]: (row["Debit"], row["Credit"]) for row in opening}
    assert told == {
        "411000": ("24,00", "0,00"),
        "530000": ("12,00", "0,00"),
        "445710": ("0,00", "6,00"),
        "120000": ("0,00", "30,00"),
    }
    assert rows(NEXT)[0]["JournalCode"] == "AN"
    assert {row["EcritureDate"] for row in opening} == {"20270101"}
    lettered = [row for row in rows(NEXT) if row["EcritureLet"]]
    assert [row["JournalCode"] for row in lettered] == ["AN", "BQ"]


def test_no_name_breaks_a_line(seller):
    issued(buyer=replace(CLAIRE, name="Dupont\t|\u200b & «\u202fFils\u202f»"))
    assert rows()[0]["EcritureLib"] == "Facture F2026-00001 Dupont & « Fils »"
    assert plain("a\tb\nc|d\u200be") == "a b c d e"


def test_letters_follow_one_another():
    assert [letters(n) for n in (0, 1, 25, 26, 675, 676)] == ["AA", "AB", "AZ", "BA", "ZZ", "AAA"]


WRONG = {
    "un caractère interdit": {"label": "a\tb"},
    "trois chiffres": {"account": "VENTES"},
    "est vide": {"piece": ""},
    "hors de l’exercice": {"on": date(2025, 12, 31)},
    "lettrage": {"letter": "AA"},
    "équilibrée": {"cents": 1},
}


@pytest.mark.parametrize("why", WRONG)
def test_a_file_that_would_be_refused_never_leaves_and_names_the_line(seller, why):
    issued()
    issued()
    lines = list(YEAR.lines())
    lines[2] = replace(lines[2], **WRONG[why])
    with pytest.raises(WrongLine) as refusal:
        list(checked(lines, YEAR.since, YEAR.until))
    assert why in str(refusal.value)
    assert refusal.value.values["line"] in (4, 5)  # where it stands, or where its entry ends


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, taxed=st.booleans(), steps=st.lists(STEP, max_size=6))
def test_any_history_gives_books_that_balance(seller, lines, taxed, steps):
    invoice = issued(*lines, taxed=taxed)
    for step in steps:
        try:
            _step(invoice, step)
        except Refusal:
            continue
    told = rows()  # checked: entries, journals, file
    assert sum(cents(row["Debit"]) - cents(row["Credit"]) for row in told) == 0
    assert sum(one.rest for one in balances(YEAR)) == 0
    opening = [row for row in rows(NEXT)]
    assert sum(cents(row["Debit"]) - cents(row["Credit"]) for row in opening) == 0


def test_the_owner_reads_the_balance_and_takes_the_file_home(owner_client, seller):
    paid(issued(bottles(3)), 3600)
    page = reverse("books")
    shown = owner_client.get(page, {"annee": "2026"}).content.decode()
    for word in ("411000", "707000", "30,00", "511500"):
        assert word in shown
    answer = owner_client.post(page, {"annee": "2026"})
    assert answer["Content-Disposition"] == 'attachment; filename="732829320FEC20261231.zip"'
    made = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    names = made.namelist()
    assert names == ["732829320FEC20261231.txt", "732829320FEC20261231-description.txt"]
    assert made.read(names[0]) == b"".join(fec(YEAR))
    assert "tabulation" in made.read(names[1]).decode()


def test_a_year_may_end_with_june_and_its_file_is_named_after_that_day(owner_client, seller):
    assert owner_client.post(reverse("book_accounts"), {"year_ends": "6"}).status_code == 302
    issued(at=NOON.replace(year=2027, month=6, day=30))
    issued(at=NOON.replace(year=2027, month=7, day=1))
    shown = owner_client.get(reverse("books")).text
    assert "2027-2028" in shown
    assert "2026-2027" in shown
    answer = owner_client.post(reverse("books"), {"annee": "2027"})
    made = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    file = made.read("732829320FEC20270630.txt").decode()
    assert "F2027-00001" in file
    assert "F2027-00002" not in file
    assert owner_client.post(reverse("book_accounts"), {"year_ends": "13"}).status_code == 422


@pytest.mark.parametrize(
    ("ends", "day", "since", "until"),
    [
        (12, date(2026, 11, 22), date(2026, 1, 1), date(2026, 12, 31)),
        (6, date(2026, 6, 30), date(2025, 7, 1), date(2026, 6, 30)),
        (6, date(2026, 7, 1), date(2026, 7, 1), date(2027, 6, 30)),
        (2, date(2028, 2, 29), date(2027, 3, 1), date(2028, 2, 29)),
    ],
)
def test_each_day_stands_in_one_year_of_twelve_months(ends, day, since, until):
    found = Year.of(day, ends)
    assert (found.since, found.until) == (since, until)


def test_the_shop_s_own_accounts_are_used(owner_client, seller):
    answer = owner_client.post(reverse("book_accounts"), {"goods": "707100", "vat": "44571"})
    assert answer.status_code == 302
    issued()
    accounts = {row["CompteNum"] for row in rows(replace(YEAR, chosen={"goods": "707100"}))}
    assert "707100" in accounts
    page = owner_client.post(reverse("book_accounts"), {"goods": "VENTES"})
    assert page.status_code == 422


def test_the_journals_bear_the_accountants_codes(owner_client, seller):
    typed = {"VE": "vt", "BQ": "B1"}
    assert owner_client.post(reverse("book_accounts"), typed).status_code == 302
    paid(issued(), 1200)
    answer = owner_client.post(reverse("books"), {"annee": "2026"})
    made = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    lines = made.read("732829320FEC20261231.txt").decode().splitlines()[1:]
    assert {tuple(line.split("\t")[:2]) for line in lines} == {("VT", "Ventes"), ("B1", "Banque")}
    described = made.read("732829320FEC20261231-description.txt").decode()
    assert "AN À nouveau, VT Ventes, B1 Banque, CA Caisse" in described
    for wrong in ({"VE": "BQ"}, {"VE": "V-T"}):
        assert owner_client.post(reverse("book_accounts"), wrong).status_code == 422
