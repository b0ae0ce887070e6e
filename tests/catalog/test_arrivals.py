"""A batch of articles is what its lines one by one would have been, for a few statements."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.audit.models import Entry
from apps.catalog.details import Kind
from apps.catalog.importing import Products
from apps.catalog.models import PriceChange, Product, StockMove, Variant
from apps.catalog.services.products import (
    ProductWords,
    VariantWords,
    archive_product,
    save_product,
)
from apps.core.actor import Actor
from apps.imports.services import go_on, start, upload

OWNER = Actor("team", 1)
HEADER = "Produit;Famille;Format;Prix TTC;Réf;EAN;Stock;Région;Millésime;Description\n"
BARCODES = ("3760123450010", "3760123450027")


def started(shop, lines):
    file = SimpleUploadedFile("produits.csv", (HEADER + "\n".join(lines) + "\n").encode())
    run = upload(shop, file, kind="products", by=OWNER, now=timezone.now())
    start(run, mapping=run.mapping, options={}, by=OWNER, now=timezone.now())
    return run


def brought(shop, run):
    assert go_on(run.pk, shop, timezone.now() + timedelta(minutes=1))
    return [(line.fate, line.reasons) for line in run.lines.order_by("number")]


def shelf():
    """A wine in two formats, and one that was put away under the name of another."""
    now = timezone.now()
    both = [VariantWords(1490, "75 cl", "M-75", BARCODES[0]), VariantWords(3200, "Magnum")]
    save_product(ProductWords("Morgon", Kind.WINE, both), by=OWNER, now=now)
    gone = ProductWords("Chinon", Kind.WINE, [VariantWords(990, sku="C-75")])
    archive_product(product=save_product(gone, by=OWNER, now=now), by=OWNER, now=now)


def all_that_is_known():
    products = Product.objects.order_by("name", "details", "pk").prefetch_related("variants")
    moves = StockMove.objects.order_by("variant__label", "variant__sku", "pk")
    prices = PriceChange.objects.order_by("variant__label", "variant__sku", "pk")
    return (
        [
            (
                (product.name, product.kind, product.facts, product.description, product.search),
                (product.is_alcohol, product.vat),
                [
                    (v.label, v.position, v.sku, v.ean, v.price_cents, v.is_counted, v.on_hand)
                    for v in product.variants.all()
                ],
            )
            for product in products
        ],
        list(moves.values_list("variant__label", "units", "cause")),
        list(prices.values_list("variant__label", "price_cents")),
        sorted(
            Entry.objects.filter(object_kind__in=["product", "variant"]).values_list(
                "verb", "before__price_cents", "after__price_cents", "after__name"
            ),
            key=str,
        ),
    )


LINES = st.lists(
    st.builds(
        lambda *cells: ";".join(cells),
        st.sampled_from(["", "Morgon", "MORGON", "Chinon", "Sancerre"]),
        st.sampled_from(["", "Vin", "Bière"]),
        st.sampled_from(["", "75 cl", "Magnum", "magnum"]),
        st.sampled_from(["", "14,90", "12", "cher"]),
        st.sampled_from(["", "m-75", "C-75", "X-1"]),
        st.sampled_from(["", *BARCODES, "123"]),
        st.sampled_from(["", "0", "6", "12", "peu"]),
        st.sampled_from(["", "Beaujolais", "Loire"]),
        st.sampled_from(["", "2019", "2022"]),
        st.sampled_from(["", "Fruité."]),
    ),
    min_size=1,
    max_size=8,
).filter(lambda lines: any(line.strip(";") for line in lines))


@pytest.mark.django_db
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(LINES)
@example(["Sancerre;Vin;75 cl;21;S-1;;6;Loire;2022;", "sancerre;;Magnum;44;;;2;;2022;Fin."])
@example([";;;15;m-75;;24;;;", "Morgon;Vin;75 cl;13;;;12;Beaujolais;;", "Morgon;;;9;;;;;2019;"])
@example(["Chinon;Vin;;11;C-75;;;;;", "Chinon;Vin;;11;;;4;;;"])
def test_a_batch_brings_what_its_lines_one_by_one_would(shop, lines):
    def so(batch):
        with transaction.atomic():
            shelf()
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(Products, "batch", batch)
                fates = [brought(shop, started(shop, lines)) for _twice in range(2)]
            told = fates, all_that_is_known()
            transaction.set_rollback(True)
        return told

    together, apart = so(500), so(1)
    assert together == apart


@pytest.mark.django_db
def test_a_batch_costs_the_same_whatever_its_length(shop, django_assert_max_num_queries):
    for first, count in ((0, 20), (100, 80)):
        new = [
            f"Vin {n // 2};Vin;{75 * (1 + n % 2)} cl;{n},50;R-{n};;{n + 1};;2022;"
            for n in range(first, first + count)
        ]
        again = [line.replace(",50;", ",90;") for line in new]
        for lines, fate in ((new, "created"), (again, "updated")):
            run = started(shop, lines)
            with django_assert_max_num_queries(26):
                assert {fate for fate, _reasons in brought(shop, run)} == {fate}


@pytest.mark.django_db
def test_a_bar_code_of_another_format_is_said_and_not_moved(shop):
    shelf()
    Variant.objects.filter(label="Magnum").update(sku="M-150")
    fates = brought(shop, started(shop, [f";;;32;M-150;{BARCODES[0]};;;;"]))
    assert fates == [("same", "taken")]
    eans = Variant.objects.filter(sku__startswith="M-").order_by("sku")
    assert list(eans.values_list("sku", "ean")) == [("M-150", ""), ("M-75", BARCODES[0])]


@pytest.mark.django_db
def test_who_waits_for_an_article_hears_that_there_is_more_of_it(shop):
    shelf()
    brought(shop, started(shop, [";;;;M-75;;6;;;", "Sancerre;Vin;;21;;;6;;;"]))
    told = [job.task["args"] for job in OrmQ.objects.all()]
    freed = [ids for _schema, path, *ids in told if path.endswith("units_freed")]
    assert freed == [[Variant.objects.get(sku="M-75").pk]]


@pytest.mark.django_db(transaction=False)
def test_two_files_of_the_same_articles_at_the_same_moment_make_each_once(shop, committed):
    lines = [f"Vin {n};Vin;75 cl;{n + 5},50;R-{n};;{n + 1};;;" for n in range(40)]
    runs = committed(lambda part: started(shop, part), lines[:30], lines[10:])
    committed(lambda run: brought(shop, run), *runs)

    def told(_):
        return Variant.objects.count(), sorted(Variant.objects.values_list("on_hand", flat=True))

    assert committed(told, None) == [(40, list(range(1, 41)))]
