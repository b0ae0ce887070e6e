"""The card in a phone's own wallet: the owner hands in the keys, and an iPhone is offered it."""

from uuid import uuid4

from django.utils import timezone
from playwright.sync_api import expect

from apps.core.tenancy import in_schema
from apps.loyalty.services import card_of
from apps.ops.demo.authority import Authority
from tests.e2e.browser import DESK_DARK, PHONE, axe, fits, look, sign_in, views
from tests.factories import ContactFactory, ProgrammeFactory
from tests.wallet.conftest import SECRET, files
from tests.wallet.reader import read_pass

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) Version/26.1 Mobile Safari/604.1"


def chosen(page, **found):
    """The owner has picked these files."""
    for name, data in found.items():
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        page.locator(f"#id_{name}").set_input_files(file)


@views(PHONE, DESK_DARK)
def test_the_owner_hands_in_the_keys_and_a_card_goes_into_a_phone(
    page, stack, someone, view, listener
):
    shop = stack.open_shop(f"poche-{uuid4().hex[:8]}", "Cave du Marché")
    with in_schema(shop.schema_name):
        ProgrammeFactory(goal=10)
        card = card_of(ContactFactory())
    now = timezone.now()
    keys = files(Authority(now).identity("pass.fr.cave.carte", now=now, days=40))
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, f"/c/{card.token}/"))
    page.get_by_role("link", name="Ce qu’il faut faire").first.click()
    expect(page.get_by_text("pas encore proposé")).to_have_count(2)
    look(page, f"wallet-none-{view.name}")
    listener.expect("422")
    page.get_by_text("Signer de votre nom").click()
    for password, told in (("faux", "ne s’ouvre pas"), (SECRET, "signées de votre nom")):
        chosen(page, **keys)
        page.get_by_label("Mot de passe du .p12").fill(password)
        page.get_by_label("Identifiant de cette clé").fill("ABC123DEFG")
        page.get_by_role("button", name="Vérifier et signer").click()
        expect(page.get_by_text(told)).to_be_visible()
    expect(page.get_by_text("certificat à renouveler")).to_be_visible()
    look(page, f"wallet-own-{view.name}")
    fits(page)
    axe(page)
    phone = someone(view)
    phone.set_extra_http_headers({"User-Agent": IPHONE})
    phone.goto(stack.url(shop, f"/c/{card.token}/"))
    look(phone, f"wallet-card-{view.name}")
    fits(phone)
    axe(phone)
    with phone.expect_download() as taken:
        phone.get_by_role("link", name="Ajouter à Apple Wallet").click()
    assert read_pass(taken.value.path().read_bytes()).json["serialNumber"]
