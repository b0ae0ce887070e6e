"""A CSV is read as it was meant, however French software wrote it."""

import csv
import io
from datetime import date, datetime

import pytest
from django.utils import timezone
from hypothesis import assume, example, given
from hypothesis import strategies as st

from apps.audience.importing import PEOPLE
from apps.audience.reading import read_consent, read_person
from apps.imports.cells import (
    clean,
    read_amount,
    read_count,
    read_day,
    read_moment,
    read_phone_cell,
    read_units,
)
from apps.imports.reading import EmptyFile, NotACsv, data_records, guess_layout, records

TODAY = timezone.localdate()


def read(data):
    file = io.BytesIO(data)
    layout = guess_layout(file, PEOPLE.tells, PEOPLE.names_a_column)
    return layout, list(data_records(file, layout))


words = st.text("abcdéèçàïôABCÉ -’;,\"'", min_size=1, max_size=12).map(str.strip).filter(bool)
rows = st.lists(
    st.tuples(words, words, st.from_regex(r"\A0[67][0-9]{8}\Z")), min_size=3, max_size=8
)


@example([(";", ",,,", "0600000000")] * 3, ";", "utf-8", False)
@given(
    rows,
    st.sampled_from([";", ",", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.booleans(),
)
def test_any_encoding_any_separator_with_or_without_header(table, separator, encoding, header):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    if header:
        writer.writerow(["Prénom", "Nom", "Téléphone"])
    writer.writerows(table)
    data = text.getvalue().encode(encoding, errors="replace")
    layout, found = read(data)
    assert layout.separator == separator
    assert layout.header is header
    same = [[clean(c.encode(encoding, "replace").decode(encoding)) for c in row] for row in table]
    assert found == same


def test_commas_inside_the_cells_do_not_cut_them():
    lines = ["Nom;Adresse;Téléphone", *["Petit;12, rue Haute, 21200, Beaune;0612345678"] * 3]
    layout, found = read("\r\n".join(lines).encode())
    assert layout.separator == ";"
    assert found[0] == ["Petit", "12, rue Haute, 21200, Beaune", "0612345678"]


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(data):
    try:
        layout, found = read(data)
    except (NotACsv, EmptyFile):
        return
    for cells in found:
        read_person(cells, {"phone": 0, "email": 1, "stamps": 2, "birth_date": 3}, "FR", TODAY)
    assert layout.separator in ";,\t|"


cells = st.text(max_size=30)


@given(st.lists(cells, max_size=13))
def test_no_line_breaks_the_reader(line):
    names = ("phone", "email", "full_name", "birth_date", "postal_code", "tags", "note", "stamps")
    mapping = {name: n for n, name in enumerate((*names, "last_visit", "sms_consent"))}
    person = read_person([clean(cell) for cell in line], mapping, "FR", TODAY)
    assert person.stamps >= 0
    assert person.postal_code == "" or len(person.postal_code) == 5


@given(st.from_regex(r"\A[67][0-9]{8}\Z"), st.integers(0, 8))
def test_one_mobile_is_one_number_however_a_spreadsheet_spoils_it(rest, form):
    forms = [
        f"0{rest}",
        rest,
        f"+33{rest}",
        f"33{rest}",
        f"0033{rest}",
        f'="0{rest}"',
        f"'0{rest}",
        f"{rest[0]},{rest[1:]}E+08",
        f"{rest}.0",
    ]
    plain = read_phone_cell(f"0{rest}", "FR")
    assume(plain is not None and plain.region == "FR")
    assert read_phone_cell(clean(forms[form]), "FR") == plain


@pytest.mark.parametrize(
    ("cell", "e164"),
    [
        ("06 12 34 56 78", "+33612345678"),
        ("=0612345678", "+33612345678"),
        ("612345678", "+33612345678"),
        ("0690 12 34 56", "+590690123456"),
        ("692123456", "+262692123456"),
        ("+32 470 12 34 56", "+32470123456"),
        ("03.80.24.00.00", "+33380240000"),
    ],
)
def test_numbers_as_they_come(cell, e164):
    assert read_phone_cell(clean(cell), "FR").e164 == e164


@pytest.mark.parametrize("cell", ["", "12", "6,1E+08", "bonjour", "0612", "99999999999999999"])
def test_what_is_no_number_is_none(cell):
    assert read_phone_cell(clean(cell), "FR") is None


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("03/02/1980", date(1980, 2, 3)),
        ("1980-02-03", date(1980, 2, 3)),
        ("3.2.1980", date(1980, 2, 3)),
        ("03/02/80", date(1980, 2, 3)),
        ("03/02/1980 14:30", date(1980, 2, 3)),
        ("31/02/1980", None),
        ("01/01/2999", None),
        ("hier", None),
    ],
)
def test_days_are_read_the_french_way(cell, day):
    assert read_day(cell, date(2026, 11, 21)) == day


@pytest.mark.parametrize(
    ("cell", "count"),
    [("7", 7), ("7,0", 7), ("7.00", 7), ("1 200", 1200), ("7,5", None), ("-3", None), ("x", None)],
)
def test_stamps_are_whole_also_with_a_decimal_comma(cell, count):
    assert read_count(cell) == count


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("Oui", "yes"),
        ("x", "yes"),
        ("opt-in", "yes"),
        ("Désabonné", "stop"),
        ("STOP", "stop"),
        ("Non", ""),
        ("0", ""),
        ("", ""),
        ("peut-être", ""),
    ],
)
def test_a_no_is_no_stop_and_a_doubt_is_no_yes(cell, said):
    assert read_consent(cell) == said


@pytest.mark.parametrize(
    ("cell", "cents"),
    [
        ("12,50", 1250),
        ("12,5 €", 1250),
        ("1 284,50 €", 128450),
        ("1.284,50", 128450),
        ("1,284.50", 128450),
        ("12.5", 1250),
        ("14", 1400),
        ("-4,00", -400),
        ("−4,00 EUR", -400),
        ("12,505", None),
        ("prix", None),
        ("", None),
        ("1E99", None),
    ],
)
def test_amounts_are_read_the_french_way_and_the_other(cell, cents):
    assert read_amount(cell) == cents


@pytest.mark.parametrize(("cell", "units"), [("2", 2), ("-1", -1), ("12,0", 12), ("1,5", None)])
def test_units_may_come_back(cell, units):
    assert read_units(cell) == units


def test_a_moment_is_noon_unless_an_hour_is_told_and_never_to_come():
    now = timezone.make_aware(datetime(2026, 11, 21, 15))
    at = {
        cell: read_moment(cell, now) for cell in ("20/11/2026", "20/11/26 9h30", "21/11/2026 18:00")
    }
    assert [timezone.localtime(moment).hour for moment in at.values()] == [12, 9, 15]
    assert read_moment("22/11/2026", now) is None
    assert read_moment("20/11/2026 25:00", now) is None


@given(st.text(max_size=20))
def test_no_cell_breaks_an_amount_or_a_moment(cell):
    read_amount(cell)
    read_moment(clean(cell), timezone.now())


def test_columns_are_guessed_from_french_and_english_names():
    header = ["First Name", "NOM", "Tél. portable", "Courriel", "CP", "Nb tampons", "Opt-in SMS"]
    assert PEOPLE.guess_mapping(header, [], "FR") == {
        "first_name": 0,
        "last_name": 1,
        "phone": 2,
        "email": 3,
        "postal_code": 4,
        "stamps": 5,
        "sms_consent": 6,
    }


def test_columns_are_guessed_from_what_they_hold():
    sample = [["Zoé", "612345678", "zoe@exemple.fr"], ["Marc", "", "m@exemple.fr"]]
    assert PEOPLE.guess_mapping([], sample, "FR") == {"phone": 1, "email": 2}


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04rest", b"%PDF-1.7", b"a;b\n\x00\x01\x02", b"\xd0\xcf\x11\xe0"]
)
def test_a_workbook_is_refused_with_the_way_out(data):
    with pytest.raises(NotACsv) as refusal:
        read(data)
    assert "Enregistrer sous" in str(refusal.value)


@pytest.mark.parametrize("data", [b"", b"\n\n", b";;;\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(data):
    with pytest.raises(EmptyFile):
        read(data)


def test_reading_leaves_the_file_open_for_the_next_reader():
    file = io.BytesIO(b"a;b\n1;2\n")
    next(records(file, "utf-8", ";"))
    assert not file.closed
