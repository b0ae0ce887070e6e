"""An owner chooses a plan, pays on Stripe's page, pays late, and pays again, in a browser."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from apps.core.tenancy import in_schema
from apps.shops.models import Shop, Unpaid
from apps.shops.plans import GRACE_DAYS
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.e2e.stack import STRIPE_SECRET
from tests.peers.stripe import fake_stripe

PAGE = "/gestion/reglages/abonnement/"


@views(PHONE, DESK_DARK)
def test_a_plan_is_chosen_paid_late_and_paid_again(page, stack, view, listener):
    listener.expect("402")
    shop = stack.open_shop(f"formule-{view.name}", "Cave de l’Abonnement")
    sign_in(page, stack, shop, "owner")

    def unpaid(days: int, why: Unpaid) -> None:
        at = timezone.now() + timedelta(days=days)
        with in_schema(shop.schema_name):
            Shop.objects.filter(pk=shop.pk).update(unpaid_from=at, unpaid_why=why)

    def seen(name: str) -> None:
        axe(page)
        fits(page)
        look(page, f"plan-{name}-{view.name}")

    webhook = stack.url("platform", "/webhooks/stripe/")
    with fake_stripe(stack.stripe_port, webhook=webhook, secret=STRIPE_SECRET):
        unpaid(12, Unpaid.TRIAL)
        page.goto(stack.url(shop, PAGE))
        expect(page.get_by_text("Votre essai dure jusqu’au")).to_be_visible()
        seen("trial")
        page.get_by_role("button", name="Choisir Maison").click()
        expect(page.get_by_role("heading", name="Paiement")).to_be_visible()
        page.get_by_label("Moyen de paiement").select_option("4242 4242 4242 4242")
        page.get_by_role("button", name="Payer et s’abonner").click()
        expect(page.get_by_text("votre boutique est en formule Maison")).to_be_visible()
        expect(page.get_by_text("•••• 4242")).to_be_visible()
        seen("paid")

        unpaid(-3, Unpaid.LATE)
        page.goto(stack.url(shop, "/gestion/equipe/"))
        page.get_by_role("link", name="Voir l’abonnement").click()
        expect(page.get_by_text("Tout fonctionne jusqu’au")).to_be_visible()
        seen("late")

        unpaid(-GRACE_DAYS - 2, Unpaid.LATE)
        page.goto(stack.url(shop, "/gestion/catalogue/nouveau/"))
        expect(page.get_by_text("la gestion est en lecture seule")).to_be_visible()
        seen("read-only")
        page.goto(stack.url(shop, PAGE))
        page.get_by_role("button", name="Régler maintenant").click()
        page.get_by_label("Moyen de paiement").select_option("4242 4242 4242 4242")
        page.get_by_role("button", name="Enregistrer ce moyen").click()
        expect(page.get_by_text("votre boutique est en formule Maison")).to_be_visible()
        expect(page.get_by_text("lecture seule", exact=True)).to_have_count(0)


@views(PHONE_DARK, DESK)
def test_an_account_is_opened_completed_and_in_service(page, stack, view):
    shop = stack.open_shop(f"encaisse-{view.name}", "Cave de la Caisse")
    sign_in(page, stack, shop, "owner")

    def seen(name: str) -> None:
        axe(page)
        fits(page)
        look(page, f"account-{name}-{view.name}")

    with fake_stripe(stack.stripe_port):
        page.goto(stack.url(shop, "/gestion/reglages/encaissement/"))
        seen("none")
        page.get_by_role("button", name="Ouvrir mon compte").click()
        page.get_by_role("button", name="Tout sauf la pièce d’identité").click()
        expect(page.get_by_text("Stripe attend encore")).to_be_visible()
        expect(page.get_by_text("une pièce d’identité")).to_be_visible()
        seen("asked")
        page.get_by_role("button", name="Compléter chez Stripe").click()
        page.get_by_role("button", name="Tout fournir").click()
        expect(page.get_by_text("en service")).to_be_visible()
        seen("open")
