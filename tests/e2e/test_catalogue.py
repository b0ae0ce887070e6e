"""The catalogue by hand: an empty shelf, a product, its stock, a file; on a phone and a desk."""

import io
from uuid import uuid4

import pytest
from PIL import Image

from tests.e2e.browser import (
    DESK,
    DESK_DARK,
    PHONE,
    PHONE_DARK,
    View,
    axe,
    fits,
    look,
    sign_in,
    views,
)
from tests.e2e.shops import full_shop

FILE = (
    "Produit;Famille;Format;Prix TTC;Réf;Stock;Région;Couleur\n"
    "Morgon;Vin;75 cl;14,90 €;MOR75;24;Beaujolais;Rouge\n"
    "Chablis;Vin;75 cl;22;CHA75;12;Mars;Blanc\n"
    ";;;9;;;;\n"
)


def _photo() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (1200, 900), "#7a1f3d").save(made, "JPEG")
    return made.getvalue()


def _seen(page, name: str) -> None:
    fits(page)
    axe(page)
    page.screenshot(path=look(page, name), full_page=True)


@views(PHONE, DESK_DARK)
def test_from_an_empty_shelf_to_a_product_with_its_stock_and_photo(page, stack, view, listener):
    listener.expect("422")
    shop = stack.open_shop(f"rayon-{uuid4().hex[:6]}", "Cave vide", trade="wine")
    sign_in(page, stack, shop, "manager")
    page.goto(stack.url(shop, "/gestion/catalogue/"))
    _seen(page, f"catalogue-vide-{view.name}")
    page.get_by_role("link", name="Ajouter un premier produit").click()
    page.get_by_label("Sorte").select_option("shoes")
    page.get_by_label("Coloris").wait_for()
    page.get_by_label("Sorte").select_option("wine")
    page.get_by_label("Région").wait_for()
    page.get_by_role("button", name="Enregistrer").click()
    page.get_by_role("alert").wait_for()
    _seen(page, f"produit-faux-{view.name}")
    page.get_by_label("Nom", exact=True).fill("Morgon, Domaine du Py")
    page.get_by_label("Région").select_option("beaujolais")
    page.get_by_label("Couleur").select_option("rouge")
    page.get_by_label("Prix TTC").first.fill("14,90")
    page.get_by_label("Format, taille").first.fill("75 cl")
    page.get_by_role("button", name="Ajouter un format").click()
    page.get_by_label("Format, taille").nth(1).fill("Magnum")
    page.get_by_label("Prix TTC").nth(1).fill("32")
    _seen(page, f"produit-nouveau-{view.name}")
    page.get_by_role("button", name="Enregistrer").click()
    page.get_by_role("heading", name="Morgon, Domaine du Py").wait_for()
    page.get_by_label("Quantité").first.fill("24")
    page.get_by_role("button", name="Enregistrer").first.click()
    page.get_by_text("Le stock est à jour.").wait_for()
    page.get_by_label("Choisir une photo").set_input_files(
        {"name": "m.jpg", "mimeType": "image/jpeg", "buffer": _photo()}
    )
    page.get_by_role("button", name="Envoyer").click()
    page.locator("img.product-photo").wait_for()
    _seen(page, f"produit-{view.name}")


@views(PHONE_DARK, DESK)
def test_a_file_of_products_from_choice_to_report(page, stack, view):
    shop = stack.open_shop(f"rayon-{uuid4().hex[:6]}", "Cave vide", trade="wine")
    sign_in(page, stack, shop, "manager")
    page.goto(stack.url(shop, "/gestion/catalogue/"))
    page.get_by_role("link", name="Importer un fichier").click()
    page.get_by_role("heading", name="Importer des produits").wait_for()
    _seen(page, f"importer-produits-{view.name}")
    file = {"name": "p.csv", "mimeType": "text/csv", "buffer": FILE.encode("cp1252")}
    page.get_by_label("Votre fichier CSV").set_input_files(file)
    page.get_by_role("button", name="Lire le fichier").click()
    page.get_by_role("heading", name="Vérifier avant d’importer").wait_for()
    _seen(page, f"import-produits-{view.name}")
    page.get_by_role("button", name="Importer 3 lignes").click()
    page.get_by_role("heading", name="Import terminé").wait_for()
    _seen(page, f"rapport-produits-{view.name}")


@pytest.mark.parametrize("width", [320, 360, 390])
def test_the_bar_under_the_thumb_holds_on_every_phone(page, stack, someone, width):
    shop = full_shop(stack)
    phone = someone(View(f"phone-{width}", width, 700))
    sign_in(phone, stack, shop, "owner")
    phone.goto(stack.url(shop, "/gestion/catalogue/"))
    fits(phone)
    told = phone.locator(".nav .first > :is(a, button)").evaluate_all(
        """all => all.map(
          a => [a.textContent, a.getBoundingClientRect(), a.scrollWidth - a.clientWidth]
        )"""
    )
    assert len(told) == 5
    assert all(over <= 0 for _name, _box, over in told), told
    assert told[-1][1]["right"] <= width, told
    assert all(box["height"] >= 48 for _name, box, _over in told)
    look(phone, f"barre-{width}")


@views(PHONE, DESK)
def test_the_list_of_a_full_shelf_and_a_person_who_buys(page, stack, view):
    shop = full_shop(stack)
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, "/gestion/catalogue/"))
    _seen(page, f"catalogue-{view.name}")
    page.get_by_label("Nom, région, cépage, marque").fill("morgon")
    page.get_by_text("1 produit pour ce choix").wait_for()
    page.goto(stack.url(shop, "/gestion/clients/?sort=stamps"))
    page.locator(".people .who a").first.click()
    page.get_by_role("heading", name="Achats").wait_for()
    _seen(page, f"client-achats-{view.name}")
