"""What the shop takes home proves itself, with tools that every machine has."""

import hashlib
import io
import re
import subprocess
import zipfile
from datetime import timedelta

import pytest
from django.urls import reverse

from apps.core.container import Damaged, Reader
from apps.invoicing.archiving import README
from apps.invoicing.closing import run
from apps.invoicing.models import Method, Move, Period, Record, RecordKind
from apps.invoicing.services import reverse as reverse_payment
from tests.invoicing.test_money import take_back
from tests.invoicing.test_seal import a_life
from tests.invoicing.writing import NOON, OWNER, bottles, file_of, issued, paid, paid_out


@pytest.fixture
def kept(seller, owner_client):
    a_life()
    answer = owner_client.post(reverse("invoice_archive"))
    assert answer["Content-Disposition"].startswith('attachment; filename="factures-cave-')
    return b"".join(answer.streaming_content)


def test_its_lines_are_the_records_and_each_proves_the_next(kept):
    reader = Reader(io.BytesIO(kept))
    lines = b"".join(reader.blocks("registre.jsonl")).decode().splitlines()
    assert lines == list(Record.objects.order_by("number").values_list("body", flat=True))
    sums = b"".join(reader.blocks("empreintes.txt")).decode().split()[1::2]
    assert sums == [hashlib.sha256(line.encode()).hexdigest() for line in lines]


def test_it_says_how_to_read_it_and_what_it_says_works(kept, tmp_path):
    (tmp_path / "archive.zip").write_bytes(kept)
    with zipfile.ZipFile(tmp_path / "archive.zip") as opened:
        opened.extractall(tmp_path)
    told = (tmp_path / "LISEZMOI.txt").read_text()
    assert "SIREN 732829320" in told
    assert Record.objects.latest("number").hash in told

    def shell(line):
        run = subprocess.run(
            line, shell=True, check=True, cwd=tmp_path, text=True, capture_output=True
        )
        return run.stdout.split()[0]

    line = next(line for line in told.splitlines() if "sed -n 7p" in line)
    assert shell(line.replace("7p", "2p")) == Record.objects.get(number=2).hash
    whole = next(line for line in told.splitlines() if "head -c -71" in line)
    first, second = whole.split(";")
    assert shell(second) == f"sha256:{shell(first)}"


def test_it_names_all_that_a_link_says(seller):
    bill = issued(bottles(3))
    reverse_payment(paid(bill, 1200, method=Method.ONLINE), by=OWNER, now=NOON)
    take_back(bill, {0: 1000})
    paid_out(seller)
    run(NOON + timedelta(days=1))
    told = set()
    for facts in (one.facts for one in Record.objects.all()):
        told |= facts.keys() | {key for line in facts.get("lines", ()) for key in line}
    told |= {*RecordKind.values, *Method.values, *Move.values, *Period.values}
    assert [one for one in sorted(told) if not re.search(rf"\b{one}\b", README)] == []


def test_a_flipped_byte_is_seen(kept):
    broken = bytearray(kept)
    broken[len(broken) // 2] ^= 1
    with pytest.raises(Damaged):
        Reader(io.BytesIO(bytes(broken)))


def test_the_invoices_stand_in_a_table_for_people(kept):
    table = b"".join(Reader(io.BytesIO(kept)).blocks("factures.csv")).decode("utf-8-sig")
    assert table.splitlines()[1].startswith("F2026-00001;20/11/2026;Claire Dupont;30,00;6,00;36,00")


def test_each_invoice_that_was_handed_over_lies_in_it_as_it_was(seller, owner_client, run_jobs):
    bill = issued()
    run_jobs()
    issued()  # its file is still to be made
    answer = owner_client.post(reverse("invoice_archive"))
    reader = Reader(io.BytesIO(b"".join(answer.streaming_content)))
    pdf = b"".join(reader.blocks(f"pdf/{bill.number}.pdf"))
    bill.paper.refresh_from_db()
    assert pdf == file_of(bill.paper)
    assert reader.manifest["members"][f"pdf/{bill.number}.pdf"]["sha256"] == (
        hashlib.sha256(pdf).hexdigest()
    )
    table = b"".join(reader.blocks("factures.csv")).decode("utf-8-sig").splitlines()
    assert table[1].endswith(f";pdf/{bill.number}.pdf")
    assert table[2].endswith(";")
    assert "pdfdetach" in b"".join(reader.blocks("LISEZMOI.txt")).decode()
