"""Export everything, any day, one click; and no spreadsheet runs what a customer typed."""

import csv
import io
import json
from decimal import Decimal
from uuid import uuid4
from zipfile import ZipFile

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.audience.exporting import _contacts, archive
from apps.audit.models import Entry
from apps.catalog.models import PurchaseSource
from apps.catalog.services.purchases import LineWords, record_purchase
from apps.contacts.consent import write_consent
from apps.contacts.models import ConsentState
from apps.contacts.services import tag_named
from apps.core.actor import SYSTEM, Actor
from apps.core.sheets import STYLES, cell
from apps.imports.services import upload
from apps.loyalty.importing import import_stamps
from apps.loyalty.models import Movement
from apps.messaging.services import post
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db

EXPORT = "/gestion/clients/exporter/"


def buy(person, cents, *lines, at=None):
    record_purchase(
        contact=person,
        amount_cents=cents,
        at=at or timezone.now(),
        source=PurchaseSource.TILL,
        reference=uuid4().hex,
        lines=lines,
    )


def full_shop():
    ProgrammeFactory(goal=10)
    person = ContactFactory(first_name="=cmd()", last_name="Dupré; « Né »", agreeing=True)
    person.tags.add(tag_named("bulles"))
    card = CardFactory(contact=person)
    import_stamps(card, 12, token=uuid4(), by=SYSTEM, now=timezone.now())
    Movement.objects.create(
        card=card, kind="earn", stamps=1, token=uuid4(), amount_cents=1250, actor_kind="system"
    )
    buy(person, 1250, LineWords("Morgon", 1250, units=2))
    write_consent(person, "sms", ConsentState.WITHDRAWN, source="reply", by=SYSTEM)
    post(contact=person, channel="email", kind="service", cause="c:1", body="Bonjour")
    return person


def opened(data):
    return ZipFile(io.BytesIO(data))


def table(made, name, style="excel"):
    text = made.read(f"{name}.csv").decode(STYLES[style].encoding)
    return list(csv.DictReader(io.StringIO(text), delimiter=STYLES[style].separator))


def test_one_click_brings_everything(owner_client, shop):
    person = full_shop()
    answer = owner_client.post(EXPORT)
    today = timezone.localdate().isoformat()
    assert answer["Content-Disposition"] == f'attachment; filename="cave-{today}.zip"'
    made = opened(b"".join(answer.streaming_content))
    assert made.testzip() is None
    names = {"contacts", "consentements", "tampons", "recompenses", "achats"}
    names |= {
        "parrainages",
        "factures",
        "reservations",
        "messages",
        "reponses",
        "box",
        "demandes",
        "codes",
    }
    assert set(made.namelist()) == {f"{name}.csv" for name in names} | {"tout.json"}
    (contact,) = table(made, "contacts")
    assert contact["Nom"] == "Dupré; « Né »"
    assert contact["Tampons"] == "2"
    assert contact["Étiquettes"] == "bulles"
    assert table(made, "tampons")[-1]["Montant"] == "12,50"
    total, article = table(made, "achats")
    assert (total["Total"], total["Article"]) == ("12,50", "")
    assert (article["Article"], article["Quantité"], article["Montant"]) == ("Morgon", "2", "12,50")
    assert table(made, "consentements")[0]["État"] == "retiré"
    assert len(table(made, "recompenses")) == len(table(made, "messages")) == 1
    whole = json.loads(made.read("tout.json"))
    assert set(whole) == names
    assert whole["contacts"][0]["Client"] == person.pk
    assert Entry.objects.get(verb="contacts.exported").after == {"style": "excel"}


def test_a_standard_csv_has_commas_points_and_iso_days(shop):
    full_shop()
    made = opened(b"".join(archive(shop, STYLES["standard"])))
    row = table(made, "tampons", "standard")[-1]
    assert row["Montant"] == "12.50"
    assert row["Le"].startswith(timezone.localdate().isoformat())
    assert not made.read("contacts.csv").startswith(b"\xef\xbb\xbf")


@given(st.text(max_size=20))
def test_no_cell_begins_as_a_formula(text):
    shown = cell(text, STYLES["excel"])
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert shown.removeprefix("'") == text.removeprefix("'") or shown == text


def test_amounts_and_days_are_written_the_french_way():
    assert cell(Decimal("1234.5"), STYLES["excel"]) == "1234,50"
    assert cell(None, STYLES["excel"]) == ""


def test_what_each_spent_is_told_beside_them_also_what_a_merged_record_bought(shop):
    person = ContactFactory()
    gone = ContactFactory(merged_into=person)
    buy(person, 1000, at=timezone.now() - timezone.timedelta(days=500))
    buy(gone, 450)
    made = opened(b"".join(archive(shop, STYLES["excel"])))
    kept = next(row for row in table(made, "contacts") if row["Client"] == str(person.pk))
    assert (kept["Achats"], kept["Dépensé en 12 mois"]) == ("2", "4,50")
    assert kept["Dépensé en tout"] == "14,50"


def test_spending_costs_a_batch_of_people_one_statement(shop, django_assert_num_queries):
    for person in ContactFactory.create_batch(9):
        buy(person, 500)
    with django_assert_num_queries(3) as asked:
        list(_contacts(None))
    assert sum("catalog_purchase" in query["sql"] for query in asked.captured_queries) == 1


def test_the_archive_comes_in_pieces_and_as_the_table_grows(shop):
    ContactFactory.create_batch(700, note="x" * 900)
    pieces = list(archive(shop, STYLES["excel"]))
    made = opened(b"".join(pieces))
    assert len(table(made, "contacts")) == 700
    assert len(json.loads(made.read("tout.json"))["contacts"]) == 700


def test_what_we_export_we_can_import(shop, owner):
    person = full_shop()
    made = opened(b"".join(archive(shop, STYLES["excel"])))
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = SimpleUploadedFile("contacts.csv", made.read("contacts.csv"))
    run = upload(shop, file, by=Actor("team", owner.pk), now=timezone.now())
    assert {"first_name", "last_name", "phone", "email", "stamps", "tags"} <= set(run.mapping)
    assert (run.separator, run.encoding, run.header, run.total) == (";", "utf-8-sig", True, 1)
    assert person.phone


def test_one_person_s_file_holds_her_and_no_other(owner_client):
    person = full_shop()
    ContactFactory(first_name="Voisine")
    answer = owner_client.get(f"/gestion/clients/{person.pk}/fiche.json")
    whole = json.loads(answer.content)
    assert [row["Client"] for row in whole["contacts"]] == [person.pk]
    assert whole["messages"][0]["Texte"] == "Bonjour"
    assert [row["Article"] for row in whole["achats"]] == [None, "Morgon"]
    assert "Voisine" not in answer.content.decode()
