"""The catalogue by keyboard alone: in order, in sight, and Enter does what one expects."""

from uuid import uuid4

from tests.e2e.browser import DESK, focused, sign_in, tab_through, views
from tests.e2e.shops import full_shop

FILE = "Prénom;Téléphone\nZoé;06 12 34 56 78\nLéa;06 12 34 56 79\n"


def _in_order(names: list[str], *wanted: str) -> None:
    places = [next(n for n, name in enumerate(names) if name.endswith(one)) for one in wanted]
    assert places == sorted(places), (wanted, names)


@views(DESK)
def test_the_shelf_is_searched_and_opened_by_keyboard_alone(page, stack, view, listener):
    listener.expect("htmx:sendAbort|htmx:afterRequest")  # what is typed takes the place of before
    shop = full_shop(stack)
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, "/gestion/catalogue/"))
    names = tab_through(page)
    _in_order(names, "/produits.csv", "/nouveau/", "q", "kind", "stock")
    page.get_by_label("Nom, région, cépage, marque").focus()
    page.keyboard.type("morgon")
    page.keyboard.press("Enter")
    page.get_by_text("1 produit pour ce choix").wait_for()
    assert focused(page)["name"] == "q"
    page.keyboard.press("Escape")
    page.get_by_text("1 produit pour ce choix").wait_for(state="detached")
    assert page.locator(".ware").count() > 1
    page.keyboard.type("morgon")
    page.get_by_text("1 produit pour ce choix").wait_for()
    page.locator(".ware .name").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Formats et stock").wait_for()
    names = tab_through(page)
    _in_order(names, "/modifier/", "cause", "units", "photo")


@views(DESK)
def test_a_product_is_written_and_counted_by_keyboard_alone(page, stack, view, listener):
    listener.expect("422")
    shop = stack.open_shop(f"touches-{uuid4().hex[:6]}", "Cave vide", trade="wine")
    sign_in(page, stack, shop, "manager")
    page.goto(stack.url(shop, "/gestion/catalogue/nouveau/"))
    names = tab_through(page)
    _in_order(names, "name", "kind", "vat", "v-0-label", "v-0-price", "v-0-is_counted", "more")
    page.get_by_label("Nom", exact=True).focus()
    page.keyboard.type("Morgon")
    page.keyboard.press("Enter")  # saves, and does not ask for one more format
    page.get_by_role("alert").wait_for()
    assert page.locator("fieldset.variant").count() == 1
    page.get_by_label("Prix TTC").focus()
    page.keyboard.type("14,90")
    page.get_by_role("button", name="Ajouter un format").focus()
    page.keyboard.press("Enter")
    page.locator("fieldset.variant").nth(1).wait_for()
    page.wait_for_function("document.activeElement.name === 'v-1-label'")
    page.keyboard.type("Magnum")
    page.keyboard.press("Tab")
    page.keyboard.type("32")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Morgon").wait_for()
    page.get_by_label("Quantité").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    assert focused(page)["name"] == "units"  # where the quantity is missing
    page.keyboard.type("24")
    page.keyboard.press("Enter")
    page.get_by_text("Le stock est à jour.").wait_for()


@views(DESK)
def test_enter_in_an_import_s_fields_starts_nothing(page, stack, view):
    shop = stack.open_shop(f"touches-{uuid4().hex[:6]}", "Cave vide", trade="wine")
    sign_in(page, stack, shop, "manager")
    page.goto(stack.url(shop, "/gestion/imports/clients/"))
    _in_order(tab_through(page), "/clients/", "/produits/", "/achats/", "file")
    file = {"name": "c.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    page.get_by_label("Votre fichier CSV").set_input_files(file)
    page.get_by_role("button", name="Lire le fichier").click()
    page.get_by_role("heading", name="Vérifier avant d’importer").wait_for()
    names = tab_through(page)
    _in_order(names, "column_0", "column_1", "act", "tag")
    page.locator("select[name=column_0]").select_option("last_name")
    page.get_by_label("Étiquette pour tous").fill("ancien")
    page.get_by_label("Étiquette pour tous").press("Enter")
    page.wait_for_load_state()
    assert page.get_by_role("heading", name="Vérifier avant d’importer").is_visible()
    assert page.locator("select[name=column_0]").input_value() == "last_name"
    assert page.get_by_label("Étiquette pour tous").input_value() == "ancien"
