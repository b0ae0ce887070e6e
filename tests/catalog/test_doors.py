"""The catalogue by its doors: written, found, counted."""

from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.catalog.details import Kind
from apps.catalog.models import PriceChange, Product, StockMove, Variant
from apps.catalog.services.products import ProductWords, VariantWords, save_product
from apps.core.actor import Actor

MORGON = {
    "name": "Morgon Côte du Py",
    "kind": "wine",
    "vat": "2000",
    "fact-region": "beaujolais",
    "fact-colour": "rouge",
    "fact-vintage": "2023",
    "v-TOTAL_FORMS": "2",
    "v-INITIAL_FORMS": "0",
    "v-0-price": "14,90",
    "v-0-is_counted": "on",
    "v-1-label": "Magnum",
    "v-1-price": "32",
    "v-1-is_counted": "on",
}


def made(name: str = "Morgon", **more) -> Product:
    words = ProductWords(name, Kind.WINE, [VariantWords(1490)], **more)
    return save_product(words, by=Actor("team", 1), now=timezone.now())


def test_an_empty_catalogue_says_what_to_do(owner_client):
    page = owner_client.get(reverse("catalogue")).content.decode()
    assert "Votre étagère est vide" in page
    assert reverse("product_new") in page


def test_a_product_is_written_with_its_formats(owner_client):
    answer = owner_client.post(reverse("product_new"), MORGON, follow=True)
    page = answer.content.decode()
    assert "Beaujolais" in page
    assert "Magnum" in page
    product = Product.objects.get()
    assert [v.price_cents for v in product.variants.all()] == [1490, 3200]
    listed = owner_client.get(reverse("catalogue"), {"q": "cote du py"}).content.decode()
    assert "Morgon Côte du Py" in listed


def test_the_kind_of_a_new_product_follows_the_shop_s_trade(owner_client):
    assert 'value="wine" selected' in owner_client.get(reverse("product_new")).content.decode()


def test_another_kind_asks_for_its_own_details_and_keeps_what_was_typed(owner_client):
    sent = {**MORGON, "kind": "shoes", "other_kind": "1"}
    page = owner_client.post(reverse("product_new"), sent).content.decode()
    assert "Coloris" in page
    assert "Appellation" not in page
    assert "Morgon Côte du Py" in page
    assert 'value="14,90"' in page
    assert not Product.objects.exists()


def test_one_more_format_is_one_more_line_without_losing_a_word(owner_client):
    page = owner_client.post(reverse("product_new"), {**MORGON, "more": "1"}).content.decode()
    assert 'name="v-2-price"' in page
    assert 'value="Magnum"' in page


@pytest.mark.parametrize(
    ("slip", "sentence"),
    [
        ({"name": ""}, "Donnez un nom"),
        ({"v-0-price": "douze"}, "Écrivez le montant comme 42,50"),
        ({"v-1-price": ""}, "Il manque le prix"),
        ({"v-0-price": "", "v-1-price": "", "v-1-label": ""}, "au moins un format avec son prix"),
        ({"v-0-ean": "3760000000001"}, "chiffre de travers"),
        ({"fact-vintage": "l’an dernier"}, "ne convient pas"),
        ({"v-0-label": "Magnum"}, "même format"),
    ],
)
def test_a_slip_is_said_and_nothing_is_lost(owner_client, slip, sentence):
    answer = owner_client.post(reverse("product_new"), {**MORGON, **slip})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page.replace("\u00a0", " ")
    assert 'value="32"' in page or "v-1-price" in slip
    assert not Product.objects.exists()


def test_a_changed_price_joins_the_history(owner_client):
    product = made()
    variant = product.variants.get()
    sent = {**MORGON, "v-TOTAL_FORMS": "1", "v-INITIAL_FORMS": "1", "v-0-pk": str(variant.pk)}
    sent["v-0-price"] = "12,90"
    owner_client.post(reverse("product_edit", args=[product.pk]), sent)
    assert set(PriceChange.objects.values_list("price_cents", flat=True)) == {1490, 1290}
    page = owner_client.get(reverse("product", args=[product.pk])).content.decode()
    assert "Plus bas des 30 derniers jours" in page


def test_a_delivery_posted_twice_is_counted_once(owner_client):
    variant = made().variants.get()
    sent = {"token": str(uuid4()), "cause": "receipt", "units": "12"}
    for _ in range(2):
        owner_client.post(reverse("stock", args=[variant.pk]), sent)
    assert Variant.objects.get().on_hand == 12


def test_what_broke_is_taken_off_and_what_was_counted_is_what_there_is(owner_client):
    variant = made().variants.get()
    for cause, units in (("receipt", 12), ("loss", 1), ("count", 10)):
        sent = {"token": str(uuid4()), "cause": cause, "units": units}
        owner_client.post(reverse("stock", args=[variant.pk]), sent)
    assert list(StockMove.objects.order_by("pk").values_list("units", flat=True)) == [12, -1, -1]


@pytest.mark.parametrize("units", ["", "-3", "douze", "0", "999999999"])
def test_a_quantity_that_is_none_is_refused_in_words(owner_client, units):
    variant = made().variants.get()
    sent = {"token": str(uuid4()), "cause": "receipt", "units": units}
    answer = owner_client.post(reverse("stock", args=[variant.pk]), sent)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()


def test_a_product_put_away_leaves_the_list_and_comes_back(owner_client):
    product = made("Fleurie")
    path = reverse("product_shelve", args=[product.pk])
    owner_client.post(path)
    assert product.name not in owner_client.get(reverse("catalogue")).content.decode()
    archived = owner_client.get(reverse("catalogue"), {"shelf": "archived"}).content.decode()
    assert product.name in archived
    owner_client.post(path)
    assert product.name in owner_client.get(reverse("catalogue")).content.decode()


def test_the_list_finds_what_is_out_of_stock(owner_client):
    made("Épuisé")
    full = made("Plein").variants.get()
    sent = {"token": str(uuid4()), "cause": "receipt", "units": "12"}
    owner_client.post(reverse("stock", args=[full.pk]), sent)
    page = owner_client.get(reverse("catalogue"), {"stock": "out"}).content.decode()
    assert "Épuisé" in page
    assert "Plein" not in page


def test_a_long_list_costs_no_more_queries_than_a_short_one(
    owner_client, django_assert_max_num_queries
):
    for turn in range(60):
        made(f"Vin {turn:02d}")
    with django_assert_max_num_queries(12):
        page = owner_client.get(reverse("catalogue")).content.decode()
    assert "Page 1 sur 2" in page


def test_a_product_of_many_formats_costs_no_more(owner_client, django_assert_max_num_queries):
    lines = [VariantWords(1000 + n, label=f"{n} cl") for n in range(20)]
    words = ProductWords("Morgon", "wine", lines)
    product = save_product(words, by=Actor("team", 1), now=timezone.now())
    with django_assert_max_num_queries(8):
        page = owner_client.get(reverse("product", args=[product.pk])).content.decode()
    assert page.count('class="stack shelf"') == 20


def test_a_wrong_quantity_keeps_the_movement_that_was_chosen(owner_client):
    bottle = made("Casse").variants.get()
    sent = {"token": str(uuid4()), "cause": "loss", "units": "beaucoup"}
    answer = owner_client.post(reverse("stock", args=[bottle.pk]), sent)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert '<option value="loss" selected>' in page
    assert 'value="beaucoup"' in page


def test_a_helper_does_not_keep_the_catalogue(helper_client):
    assert helper_client.get(reverse("catalogue")).status_code == 403
