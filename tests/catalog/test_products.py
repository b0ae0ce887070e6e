"""What the shop sells: kinds and details, variants, and a price's history."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.catalog.details import DETAILS, FACETS, Kind, WrongDetail, clean, shown
from apps.catalog.models import PriceChange, Product
from apps.catalog.services.products import (
    NothingToSell,
    ProductWords,
    VariantTwice,
    VariantWords,
    archive_product,
    lowest_price,
    restore_product,
    save_product,
    set_price,
)
from apps.core.actor import Actor

OWNER = Actor("team", 1)
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
MORGON = ProductWords(
    name="Morgon Côte du Py",
    kind=Kind.WINE,
    facts={"region": "beaujolais", "colour": "rouge", "vintage": "2023", "grape": "Gamay"},
    variants=[VariantWords(1490), VariantWords(3200, label="Magnum", sku="MOR-M")],
)


def made(words: ProductWords = MORGON, now: datetime = NOW) -> Product:
    return save_product(words, by=OWNER, now=now)


def test_a_wine_is_known_by_its_region_its_colour_and_the_rest(shop):
    product = made()
    assert (product.region, product.colour, product.is_alcohol) == ("beaujolais", "rouge", True)
    assert product.details == {"vintage": "2023", "grape": "Gamay"}
    said = shown(product.kind, product.facts)
    assert said == [
        ("Région", "Beaujolais"),
        ("Couleur", "Rouge"),
        ("Millésime", "2023"),
        ("Cépages", "Gamay"),
    ]


@pytest.mark.parametrize("text", ["cote du py", "MORGON", "gamay 2023", "beaujolais"])
def test_a_product_is_found_by_its_name_and_by_its_details(shop, text):
    product = made()
    assert list(Product.objects.on_sale().matching(text)) == [product]


@pytest.mark.parametrize(
    "facts", [{"colour": "bleu"}, {"vintage": "2027"}, {"vintage": "l’an dernier"}]
)
def test_a_detail_that_cannot_be_is_refused_by_its_name(facts):
    with pytest.raises(WrongDetail) as refused:
        clean(Kind.WINE, facts, date(2026, 11, 20))
    assert next(iter(facts.values())) in str(refused.value)


def test_a_detail_of_another_kind_is_left_aside():
    assert clean(Kind.SHOES, {"colour": "rouge", "brand": "Spring Court"}, NOW.date()) == {
        "brand": "Spring Court"
    }


def test_facets_are_columns_of_the_product():
    assert set(FACETS) <= {field.name for field in Product._meta.get_fields()}
    assert {one.name for kind in DETAILS.values() for one in kind} >= set(FACETS)
    assert set(DETAILS) == set(Kind)


def test_two_variants_cannot_share_a_label_or_a_barcode(shop):
    twice = [VariantWords(100, label="75 cl"), VariantWords(200, label="75 CL")]
    with pytest.raises(VariantTwice):
        made(ProductWords("Vin", Kind.WINE, twice))
    barcodes = [VariantWords(1, label="a", ean="376000"), VariantWords(2, label="b", ean="376000")]
    with pytest.raises(VariantTwice):
        made(ProductWords("Vin", Kind.WINE, barcodes))
    assert not Product.objects.exists()


def test_a_product_without_a_price_is_refused(shop):
    with pytest.raises(NothingToSell):
        made(ProductWords("Vin", Kind.WINE, []))


def test_a_variant_that_is_left_out_is_put_away_and_its_label_is_free_again(shop):
    product = made()
    bottle, magnum = product.variants.all()
    kept = [VariantWords(1490, pk=bottle.pk), VariantWords(3500, label="Magnum")]
    save_product(ProductWords("Morgon", Kind.WINE, kept), by=OWNER, now=NOW, product=product)
    magnum.refresh_from_db()
    assert magnum.archived_at == NOW
    labels = product.variants.filter(archived_at=None).values_list("label", "price_cents")
    assert list(labels) == [("", 1490), ("Magnum", 3500)]


def test_what_was_put_away_can_be_taken_back(shop):
    product = made()
    archive_product(product=product, by=OWNER, now=NOW)
    assert not Product.objects.on_sale().exists()
    restore_product(product=product, by=OWNER)
    assert Product.objects.on_sale().get() == product


def test_the_same_price_again_is_no_change(shop):
    bottle = made().variants.first()
    set_price(variant=bottle, price_cents=1490, by=OWNER, now=NOW)
    set_price(variant=bottle, price_cents=1290, by=OWNER, now=NOW + timedelta(days=1))
    changes = PriceChange.objects.filter(variant=bottle).order_by("pk")
    assert list(changes.values_list("price_cents", flat=True)) == [1490, 1290]


def test_a_price_that_was_never_practised_is_no_former_price(shop):
    bottle = made().variants.first()
    assert lowest_price(bottle, NOW) is None


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(
        st.tuples(st.integers(1, 70), st.integers(100, 5000)),
        min_size=1,
        max_size=12,
        unique_by=lambda change: change[0],
    ),
    asked=st.integers(1, 80),
)
def test_an_au_lieu_de_names_the_lowest_price_of_the_thirty_days_before(shop, changes, asked):
    """Against the definition, day by day: what was the price at any moment of the window."""
    start = NOW - timedelta(days=100)
    opening = ProductWords("Vin", Kind.WINE, [VariantWords(2500)])
    bottle = made(opening, start).variants.get()
    on_day = [2500] * 80
    for day, price in sorted(changes):
        set_price(variant=bottle, price_cents=price, by=OWNER, now=start + timedelta(days=day))
        on_day[day:] = [price] * len(on_day[day:])
    expected = min(on_day[max(0, asked - 30) : asked])
    assert lowest_price(bottle, start + timedelta(days=asked)) == expected
