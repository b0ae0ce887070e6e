"""What customers paid online, read and given back in a browser; what the plan was invoiced."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from apps.core.tenancy import in_schema
from apps.payments.models import PlanBill, ShopAccount
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.e2e.shops import paid_online
from tests.e2e.stack import STRIPE_SECRET
from tests.peers.stripe import fake_stripe

PAGE = "/gestion/factures/en-ligne/"


@views(PHONE, DESK_DARK)
def test_a_payment_is_read_and_given_back_with_a_word_before(page, stack, view, listener):
    listener.expect("422")
    shop = stack.open_shop(f"enligne-{view.name}", "Cave des Paiements")
    sign_in(page, stack, shop, "owner")

    def seen(name: str) -> None:
        axe(page)
        fits(page)
        look(page, f"online-{name}-{view.name}")

    with in_schema(shop.schema_name):
        charges = paid_online(shop)
        ShopAccount.objects.create(shop=shop, account_id=f"acct_{shop.slug}", takes_cards=True)
    page.goto(stack.url(shop, PAGE))
    expect(page.get_by_text("contesté, à répondre")).to_be_visible()
    seen("list")
    page.goto(stack.url(shop, f"{PAGE}{charges[1].pk}/"))
    expect(page.get_by_role("link", name="Répondre chez Stripe")).to_be_visible()
    seen("contested")
    with fake_stripe(stack.stripe_port, secret=STRIPE_SECRET):
        page.goto(stack.url(shop, f"{PAGE}{charges[0].pk}/"))
        seen("part")
        page.get_by_label("Montant à rembourser").fill("40")
        page.get_by_role("button", name="Continuer").click()
        expect(page.get_by_text("Entre un centime et")).to_be_visible()
        page.get_by_label("Montant à rembourser").fill("10")
        page.get_by_role("button", name="Continuer").click()
        expect(page.get_by_role("heading", name="Rembourser 10,00")).to_be_visible()
        seen("recap")
        page.get_by_role("button", name="Rembourser 10,00").click()  # Stripe knows no such charge
        expect(page.get_by_text("Rien n’est parti")).to_be_visible()


@views(PHONE_DARK, DESK)
def test_the_plans_invoices_stand_on_its_page(page, stack, view):
    shop = stack.open_shop(f"factures-{view.name}", "Cave des Factures")
    sign_in(page, stack, shop, "owner")
    now = timezone.now()
    with in_schema(shop.schema_name):
        for place, number in enumerate(["", "A2026-00001", "F2026-00004"]):
            cents = -1200 if number.startswith("A") else 4680
            sums = {"net_cents": 3900, "total_cents": cents, "paid_cents": cents}
            PlanBill.objects.create(
                shop=shop,
                stripe_id=f"in_{shop.slug}{place}",
                number=number,
                happened_at=now - timedelta(days=30 * place),
                **sums,
            )
    page.goto(stack.url(shop, "/gestion/reglages/abonnement/"))
    expect(page.get_by_text("Vos factures attendent")).to_be_visible()
    axe(page)
    fits(page)
    look(page, f"plan-invoices-{view.name}")
