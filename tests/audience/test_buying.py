"""A till's file of purchases: counted once, for the right person, writing to nobody."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.catalog.details import Kind
from apps.catalog.models import Purchase, PurchaseLine
from apps.catalog.queries import spending, taste
from apps.catalog.services.products import ProductWords, VariantWords, save_product
from apps.core.actor import Actor
from apps.imports.intake import ColumnMissing
from apps.imports.services import start, upload
from apps.imports.tasks import continue_import
from apps.messaging.models import Message
from tests.factories import CardFactory, ContactFactory

pytestmark = pytest.mark.django_db
OWNER = Actor("team", 1)
HEADER = "Date;Montant TTC;Téléphone;E-mail;Carte\n"
TICKETS = "Date;N° ticket;Article;Qté;Montant;Téléphone\n"


@pytest.fixture
def person(shop):
    return ContactFactory(phone="+33612345678", email="zoe@exemple.fr")


def drafted(shop, text):
    file = SimpleUploadedFile("achats.csv", text.encode("cp1252"))
    return upload(shop, file, kind="purchases", by=OWNER, now=timezone.now())


def brought(shop, text):
    run = drafted(shop, text)
    start(run, mapping=run.mapping, options={}, by=OWNER, now=timezone.now())
    continue_import(run.pk)
    return [(line.fate, line.reasons) for line in run.lines.order_by("number")]


def spent(person):
    return spending(person, timezone.now()).cents


def test_a_purchase_finds_its_person_by_phone_mail_or_card(shop, person):
    card = CardFactory(contact=person)
    text = HEADER + (
        "02/03/2026 10:42;12,50;06 12 34 56 78;;\n"
        "03/03/2026;1 284,50 €;;ZOE@exemple.fr;\n"
        f"04/03/2026;8;;;{card.number}\n"
    )
    assert brought(shop, text) == [("created", "")] * 3
    assert spent(person) == 1250 + 128450 + 800
    first = Purchase.objects.order_by("at").first()
    assert timezone.localtime(first.at).strftime("%H:%M") == "10:42"
    assert not Message.objects.exists()


def test_the_same_file_twice_counts_once_and_two_coffees_are_two(shop, person):
    text = HEADER + "02/03/2026;2,50;0612345678;;\n" * 2
    assert brought(shop, text) == [("created", "")] * 2
    assert brought(shop, text) == [("same", "known")] * 2
    assert spent(person) == 500


def test_two_exports_that_overlap_count_once(shop, person):
    march = "02/03/2026;2,50;0612345678;;\n"
    brought(shop, HEADER + march)
    april = "02/04/2026;4,00;0612345678;;\n"
    assert brought(shop, HEADER + march + april) == [("same", "known"), ("created", "")]
    assert spent(person) == 650


def test_a_line_for_somebody_unknown_or_for_two_is_refused_one_for_nobody_is_a_sale(shop, person):
    ContactFactory(email="marc@exemple.fr")
    text = HEADER + (
        "02/03/2026;2,50;0699999999;;\n"
        "02/03/2026;2,50;0612345678;marc@exemple.fr;\n"
        "02/03/2026;3,00;;;\n"
        "31/02/2026;gratuit;0612345678;;\n"
    )
    assert brought(shop, text) == [
        ("refused", "nobody"),
        ("refused", "two_people"),
        ("created", "stranger"),
        ("refused", "at,amount"),
    ]
    assert Purchase.objects.get().contact is None


def test_the_lines_of_a_ticket_are_one_purchase_with_the_taste_of_its_articles(shop, person):
    facts = {"region": "beaujolais", "colour": "rouge"}
    words = ProductWords("Morgon Côte du Py", Kind.WINE, [VariantWords(1490)], facts)
    save_product(words, by=OWNER, now=timezone.now())
    text = TICKETS + (
        "02/03/2026 18:03;T-81;Morgon Côte du Py;2;29,80;0612345678\n"
        "02/03/2026 18:03;T-81;Tire-bouchon;1;9,00;0612345678\n"
        "05/03/2026 11:00;T-96;Morgon Côte du Py;1;-14,90;0612345678\n"
    )
    assert brought(shop, text) == [("created", ""), ("created", "article"), ("created", "")]
    ticket = Purchase.objects.get(reference="ticket:T-81")
    assert (ticket.amount_cents, ticket.lines.count()) == (3880, 2)
    assert spent(person) == 3880 - 1490
    assert taste(person, "colour") == [("rouge", 1)]
    assert brought(shop, text) == [("same", "known"), ("same", "article,known"), ("same", "known")]
    assert PurchaseLine.objects.count() == 3


def test_a_ticket_that_another_file_told_whole_is_not_told_again(shop, person):
    line = "02/03/2026;T-81;Tire-bouchon;1;9,00;0612345678\n"
    brought(shop, TICKETS + line)
    assert brought(shop, TICKETS + "01/03/2026;T-80;Verre;1;4,00;0612345678\n" + line) == [
        ("created", "article"),
        ("same", "article,known"),
    ]
    assert spent(person) == 1300


def test_a_date_and_an_amount_are_needed(shop, person):
    run = drafted(shop, HEADER + "02/03/2026;2,50;0612345678;;\n")
    mapping = {name: column for name, column in run.mapping.items() if name != "amount"}
    with pytest.raises(ColumnMissing, match="date et le montant"):
        start(run, mapping=mapping, options={}, by=OWNER, now=timezone.now())


def test_the_owner_walks_from_file_to_the_person_s_page(owner_client, person, run_jobs):
    file = SimpleUploadedFile("a.csv", (HEADER + "02/03/2026;42,50;0612345678;;\n").encode())
    place = owner_client.post("/gestion/imports/achats/", {"file": file})["Location"]
    page = owner_client.get(place).content.decode()
    assert "42,50\u00a0€" in page
    columns = {"column_0": "at", "column_1": "amount", "column_2": "phone", "act": "start"}
    owner_client.post(place, columns)
    run_jobs()
    assert "Import terminé" in owner_client.get(place).content.decode()
    page = owner_client.get(f"/gestion/clients/{person.pk}/").content.decode()
    assert "Achat de 42,50\u00a0€" in page
    assert "12 derniers mois" in page
