"""A file of products: each format once, known ones completed, prices with their history."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.catalog.details import Kind
from apps.catalog.importing import PRODUCTS, Products
from apps.catalog.models import Product, StockMove, Variant
from apps.catalog.reading import FIELDS, read_article
from apps.catalog.services.products import ProductWords, VariantWords, save_product
from apps.core.actor import Actor
from apps.imports.cells import clean
from apps.imports.intake import ColumnMissing
from apps.imports.services import start, upload
from apps.imports.tasks import continue_import

pytestmark = pytest.mark.django_db
OWNER = Actor("team", 1)
HEADER = "Produit;Famille;Format;Prix TTC;Réf;EAN;Stock;Région;Couleur;Millésime\n"
PY = "Morgon Côte du Py;Vin rouge;75 cl;14,90 €;MOR75;;24;Beaujolais;Rouge;2022\n"


def drafted(shop, text):
    file = SimpleUploadedFile("produits.csv", text.encode("cp1252"))
    return upload(shop, file, kind="products", by=OWNER, now=timezone.now())


def brought(shop, text):
    run = drafted(shop, text)
    start(run, mapping=run.mapping, options={}, by=OWNER, now=timezone.now())
    continue_import(run.pk)
    return [(line.fate, line.reasons) for line in run.lines.order_by("number")]


def test_a_wine_list_comes_in_with_its_formats_prices_and_stock(shop):
    text = (
        HEADER
        + PY
        + (
            "Morgon Côte du Py;Vin rouge;Magnum;32;MOR150;;6;;;2022\n"
            "Crémant de Loire;Bulles;75 cl;1 012,5;CRE;3760123450099;;Loire;blanc;\n"
        )
    )
    assert brought(shop, text) == [("created", "")] * 2 + [("created", "ean")]
    morgon = Product.objects.get(name="Morgon Côte du Py")
    assert (morgon.kind, morgon.region, morgon.colour) == ("wine", "beaujolais", "rouge")
    assert (morgon.details["vintage"], morgon.is_alcohol) == ("2022", True)
    told = [(v.label, v.price_cents, v.on_hand) for v in morgon.variants.all()]
    assert told == [("75 cl", 1490, 24), ("Magnum", 3200, 6)]
    assert Product.objects.get(name="Crémant de Loire").variants.get().price_cents == 101250
    assert Variant.objects.get(sku="CRE").on_hand == 0


def test_the_same_file_again_changes_nothing(shop):
    brought(shop, HEADER + PY)
    assert brought(shop, HEADER + PY) == [("same", "")]
    assert (Variant.objects.count(), StockMove.objects.count()) == (1, 1)
    assert Variant.objects.get().prices.count() == 1


def test_a_known_format_takes_the_new_price_and_stock_and_keeps_its_history(shop):
    brought(shop, HEADER + PY)
    newer = PY.replace("14,90 €", "13,50").replace(";24;", ";30;")
    assert brought(shop, HEADER + newer) == [("updated", "")]
    variant = Variant.objects.get()
    assert (variant.price_cents, variant.on_hand) == (1350, 30)
    assert [change.price_cents for change in variant.prices.order_by("pk")] == [1490, 1350]


@pytest.mark.parametrize(
    "line",
    [
        "Autre nom;;;13,50;mor75;;;;;\n",
        "Autre nom;;;13,50;;3760123450010;;;;\n",
        "morgon côte du py;;75 CL;13,50;;;;;;\n",
    ],
    ids=["reference", "barcode", "name and format"],
)
def test_a_format_is_known_again(shop, line):
    words = [VariantWords(1490, "75 cl", "MOR75", "3760123450010")]
    save_product(ProductWords("Morgon Côte du Py", Kind.WINE, words), by=OWNER, now=timezone.now())
    assert brought(shop, HEADER + line)[0][0] == "updated"
    assert Variant.objects.get().price_cents == 1350


def test_what_the_shop_says_of_a_product_is_completed_never_overwritten(shop):
    words = ProductWords("Morgon Côte du Py", Kind.WINE, [VariantWords(1490, "75 cl")])
    save_product(words, by=OWNER, now=timezone.now())
    Product.objects.update(colour="rose")
    brought(shop, HEADER + PY)
    product = Product.objects.get()
    assert (product.region, product.colour) == ("beaujolais", "rose")


def test_another_vintage_is_another_product(shop):
    brought(shop, HEADER + PY + PY.replace("2022", "2019").replace("MOR75", "MOR19"))
    years = Product.objects.values_list("details__vintage", flat=True)
    assert sorted(years) == ["2019", "2022"]


def test_a_bad_line_says_why_and_the_rest_comes_in(shop):
    text = HEADER + (
        ";;;12;;;;;;\n"
        "Sans prix;Vin;;;;;;;;\n"
        "Chinon;Fusée;;cher;;;;;;\n"
        "Chablis;Vin;;21;;123;peu;Mars;vert;3000\n"
    )
    assert brought(shop, text) == [
        ("refused", "nameless"),
        ("refused", "no_price"),
        ("refused", "no_price,kind"),
        ("created", "stock,ean,region,colour,vintage"),
    ]


def test_a_reference_of_another_format_is_said_and_not_moved(shop):
    brought(shop, HEADER + PY)
    text = HEADER + PY.replace("MOR75", "AUTRE")
    assert brought(shop, text) == [("same", "taken")]
    assert Variant.objects.get().sku == "MOR75"


def test_what_we_export_we_can_import(shop, owner_client):
    brought(shop, HEADER + PY + "Thé noir;Thé;100 g;9,50;;;;;;\n")
    answer = owner_client.get("/gestion/catalogue/produits.csv")
    told = b"".join(answer.streaming_content)
    rows = list(csv.DictReader(io.StringIO(told.decode("utf-8-sig")), delimiter=";"))
    assert [row["Produit"] for row in rows] == ["Morgon Côte du Py", "Thé noir"]
    assert (rows[0]["Prix TTC"], rows[0]["Stock"]) == ("14,90", "24")
    file = SimpleUploadedFile("p.csv", told)
    run = upload(shop, file, kind="products", by=OWNER, now=timezone.now())
    start(run, mapping=run.mapping, options={}, by=OWNER, now=timezone.now())
    continue_import(run.pk)
    assert set(run.lines.values_list("fate", "reasons")) == {("same", "")}


def test_a_product_must_be_named_by_some_column(shop):
    run = drafted(shop, HEADER + PY)
    with pytest.raises(ColumnMissing, match="nom du produit"):
        start(run, mapping={"price": 3}, options={}, by=OWNER, now=timezone.now())


def test_a_killed_import_of_products_goes_on_behind_its_last_batch(shop, monkeypatch):
    text = HEADER + "".join(f"Vin {n};Vin;75 cl;{n % 90 + 5},50;R{n};;;;;\n" for n in range(120))
    run = drafted(shop, text)
    start(run, mapping=run.mapping, options={}, by=OWNER, now=timezone.now())
    whole, seen = Products.bring, []

    def dies(products, lines):
        done = whole(products, lines)
        seen.append(lines)
        if len(seen) == 2:
            raise SystemExit
        return done

    monkeypatch.setattr(Products, "batch", 50)
    monkeypatch.setattr(Products, "bring", dies)
    with pytest.raises(SystemExit):
        continue_import(run.pk)
    assert Variant.objects.count() == Products.batch
    continue_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, Variant.objects.count()) == ("done", 120, 120)


@given(st.lists(st.text(max_size=20), max_size=len(FIELDS)))
def test_no_line_breaks_the_reader(line):
    mapping = {name: n for n, name in enumerate(FIELDS)}
    read_article([clean(cell) for cell in line], mapping, "wine", timezone.localdate())


def test_columns_are_guessed_from_a_till_s_names():
    header = ["Désignation", "Rayon", "PV TTC", "Gencod", "Qté", "Domaine", "Cépages", "Pointure"]
    assert PRODUCTS.guess_mapping(header, [], "FR") == {
        "name": 0,
        "kind": 1,
        "price": 2,
        "ean": 3,
        "stock": 4,
        "producer": 5,
        "grape": 6,
        "label": 7,
    }


def test_the_owner_walks_from_file_to_shelf(owner_client, run_jobs):
    file = SimpleUploadedFile("p.csv", (HEADER + PY).encode())
    place = owner_client.post("/gestion/imports/produits/", {"file": file})["Location"]
    page = owner_client.get(place).content.decode()
    assert "Beaujolais" in page
    assert not Product.objects.exists()
    columns = {"column_0": "name", "column_3": "price", "act": "start"}
    owner_client.post(place, columns)
    run_jobs()
    assert "Import terminé" in owner_client.get(place).content.decode()
    assert "Morgon" in owner_client.get("/gestion/catalogue/").content.decode()
