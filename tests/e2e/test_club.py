"""A club is written, joined on Stripe's page, given and opened, in a browser."""

import re

from django.utils import timezone
from playwright.sync_api import expect

from apps.club.models import Member
from apps.core.tenancy import in_schema
from tests.e2e.browser import DESK_DARK, PHONE, axe, fits, look, sign_in, views
from tests.e2e.stack import STRIPE_SECRET, wait_for
from tests.invoicing.writing import settle_in
from tests.peers.stripe import fake_stripe


@views(PHONE, DESK_DARK)
def test_a_club_is_written_joined_and_given(page, someone, stack, view):
    shop = stack.open_shop(f"club-{view.name}", "Cave du Club", sells_alcohol=True)
    with in_schema(shop.schema_name):
        settle_in()
    sign_in(page, stack, shop, "owner")

    def seen(where, name: str) -> None:
        axe(where)
        fits(where)
        look(where, f"club-{name}-{view.name}")

    webhook = stack.url("platform", "/webhooks/stripe/")
    with fake_stripe(stack.stripe_port, webhook=webhook, secret=STRIPE_SECRET):
        _open_account(page, stack.url(shop, "/gestion/club/"))
        _write_plan(page, stack.url(shop, "/gestion/club/"))
        seen(page, "plans")

        street = someone(view)
        _order(street, stack.url(shop, "/club/"))
        seen(street, "order")
        street.get_by_role("button", name="Commander avec obligation de paiement").click()
        _pay(street)
        expect(street.get_by_role("heading", name="Bienvenue au club, Camille")).to_be_visible()
        seen(street, "thanks")
        wait_for(lambda: _invoiced(shop), "the invoice of the first period")
        page.goto(stack.url(shop, "/gestion/club/membres/"))
        page.get_by_role("link", name="Camille Martin").click()
        expect(page.get_by_text(re.compile("Facture F.* émise"))).to_be_visible()
        seen(page, "member")

        _order(street, stack.url(shop, "/club/"), gift=True)
        street.get_by_label("Son prénom").fill("Nour")
        street.get_by_role("button", name="Commander avec obligation de paiement").click()
        _pay(street)
        expect(street.get_by_role("heading", name="Votre cadeau est prêt")).to_be_visible()
        street.locator("a[href*='/club/cadeau/']").click()
        _fill(street, "Nour", "Haddad")
        seen(street, "gift")
        street.get_by_role("button", name="Ouvrir mon cadeau").click()
        expect(street.get_by_role("heading", name="Bienvenue au club, Nour")).to_be_visible()


def _open_account(page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_text("Personne ne peut encore rejoindre le club")).to_be_visible()
    page.get_by_role("link", name="Terminer le compte").click()
    page.get_by_role("button", name="Ouvrir mon compte").click()
    page.get_by_role("button", name="Tout fournir").click()
    expect(page.get_by_text("en service")).to_be_visible()


def _write_plan(page, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Écrire une première formule").click()
    page.get_by_label("Nom", exact=True).fill("La Découverte")
    page.get_by_label("Prix d’une période").fill("34")
    page.get_by_role("button", name="Enregistrer la formule").click()
    expect(page.get_by_role("link", name="La Découverte")).to_be_visible()


def _order(page, address: str, *, gift: bool = False) -> None:
    page.goto(address)
    page.get_by_role("link", name=re.compile("La Découverte")).click()
    if gift:
        page.get_by_role("link", name="L’offrir à quelqu’un").click()
    _fill(page, "Camille", "Martin")


def _fill(page, first: str, last: str) -> None:
    page.get_by_label("Votre prénom").fill(first)
    page.get_by_label("Votre nom", exact=True).fill(last)
    page.get_by_label("Votre e-mail").fill(f"{first.lower()}@exemple.fr")
    page.get_by_label("Votre adresse").fill("3 rue des Clercs")
    page.get_by_label("Code postal").fill("57000")
    page.get_by_label("Ville").fill("Metz")
    page.locator("[name=adult]").check()


def _pay(page) -> None:
    expect(page.get_by_role("heading", name="Paiement")).to_be_visible()
    page.get_by_label("Moyen de paiement").select_option("4242 4242 4242 4242")
    page.get_by_role("button", name=re.compile("^Payer")).click()


def _invoiced(shop) -> bool:
    with in_schema(shop.schema_name):
        member = Member.objects.filter(began_at__lte=timezone.now()).first()
        return bool(member and member.periods.exclude(invoice=None).exists())
