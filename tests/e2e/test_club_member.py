"""A member's card is refused and mended by two taps; their page is opened by a code; they leave in
three clicks. In a browser, the leaving without a script."""

import re
from dataclasses import replace
from uuid import uuid4

from django.utils import timezone
from playwright.sync_api import expect

from apps.club.models import Member
from apps.club.services import planning
from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.payments.models import ShopAccount
from tests.e2e.browser import DESK_DARK, PHONE, axe, fits, look, views
from tests.e2e.stack import STRIPE_SECRET, wait_for
from tests.e2e.test_club import _order, _pay
from tests.invoicing.writing import settle_in
from tests.peers.stripe import billing, fake_stripe, pages, shapes


@views(PHONE, DESK_DARK)
def test_a_refused_card_is_mended_and_a_contract_left(page, someone, stack, view):
    shop = stack.open_shop(f"membre-{view.name}", "Cave des Membres", sells_alcohol=True)
    mail = f"{view.name}-{uuid4().hex[:6]}@exemple.fr"

    def seen(name: str) -> None:
        axe(page)
        fits(page)
        look(page, f"member-{name}-{view.name}")

    webhook = stack.url("platform", "/webhooks/stripe/")
    with fake_stripe(stack.stripe_port, webhook=webhook, secret=STRIPE_SECRET) as fake:
        _open_club(shop, fake)
        _order(page, stack.url(shop, "/club/"))
        page.get_by_label("Votre e-mail").fill(mail)
        page.get_by_role("button", name="Commander avec obligation de paiement").click()
        _pay(page)
        expect(page.get_by_role("heading", name="Bienvenue au club, Camille")).to_be_visible()
        wait_for(lambda: _state(shop) == "active", "the membership")

        _refuse_next_month(shop, fake)
        _mend(page, stack, mail, seen)

        page.goto(_mail(stack, mail, "Votre paiement est passé").link("/club/m/"))
        seen("door")
        page.get_by_role("button", name=re.compile("Un code par e-mail")).click()
        code = re.search(r"\b\d{6}\b", _mail(stack, mail, "Votre code").body)
        page.get_by_label("Le code à six chiffres").fill(code[0])
        page.get_by_role("button", name="Ouvrir ma page").click()
        expect(page.get_by_role("heading", name="La Découverte")).to_be_visible()
        seen("page")
        page.get_by_text("Faire une pause").click()
        page.get_by_role("button", name="1 box").click()
        expect(page.get_by_text("Votre abonnement est en pause")).to_be_visible()
        page.get_by_role("button", name="Reprendre dès maintenant").click()
        reference = page.get_by_text(re.compile(r"^C\d{5}-\w{4}$")).inner_text()

        plain = someone(replace(view, javascript=False))
        plain.goto(stack.url(shop, "/club/resilier/"))
        _leave(plain, mail, reference)
        look(plain, f"member-left-{view.name}")
        assert reference in _mail(stack, mail, "Votre résiliation est enregistrée").body
        wait_for(lambda: _state(shop) == "leaving", "the end at Stripe")
        page.goto(stack.url(shop, f"/club/m/{_member(shop).token}/"))
        expect(page.get_by_text("Votre contrat prend fin le")).to_be_visible()
        seen("leaving")


def _mend(page, stack, mail: str, seen) -> None:
    """Two taps from the letter to what is paid."""
    letter = _mail(stack, mail, "Votre carte ne passe plus")
    page.goto(letter.link("/club/regler/"))
    seen("owes")
    page.get_by_role("button", name="Régler maintenant").click()
    page.get_by_label("Moyen de paiement").select_option("4242 4242 4242 4242")
    page.get_by_role("button", name="Payer").click()
    expect(page.get_by_role("heading", name="Cette facture est réglée")).to_be_visible()
    _mail(stack, mail, "Votre paiement est passé")
    page.goto(letter.link("/club/regler/"))
    expect(page.get_by_role("heading", name="C’est réglé, merci")).to_be_visible()


def _leave(page, mail: str, reference: str) -> None:
    page.get_by_label("Votre prénom et votre nom").fill("Camille Martin")
    page.get_by_label("Votre e-mail").fill(mail)
    page.get_by_label("La référence de votre contrat").fill(reference)
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_role("heading", name="Relisez, puis confirmez")).to_be_visible()
    page.get_by_role("button", name="Confirmer la résiliation").click()
    done = page.get_by_role("heading", name="Votre résiliation est enregistrée")
    expect(done).to_be_visible()


def _open_club(shop, fake) -> None:
    """An account that takes cards, and one plan."""
    account = shapes.account(fake.books, {"country": "FR"}) | {"id": f"acct_{shop.slug}"}
    pages.onboard(fake.books, fake.books.put(account, account["id"]), "all")
    with in_schema(shop.schema_name):
        settle_in()
        ShopAccount.objects.create(shop=shop, account_id=account["id"], takes_cards=True)
        words = planning.PlanWords(name="La Découverte", price_cents=3400, bottles=3)
        planning.save_plan(words, by=SYSTEM, now=timezone.now())


def _refuse_next_month(shop, fake) -> None:
    member = _member(shop)
    owner = fake.books.owners[member.subscription_id]
    billing.use(fake.books, "4000 0000 0000 0069", member.customer_id, owner)
    fake.advance(31)


def _mail(stack, to: str, subject: str):
    """The newest mail to somebody under that subject."""
    return wait_for(
        lambda: next((m for m in stack.posted(to)[::-1] if m.subject.startswith(subject)), None),
        f"« {subject} »",
        60,
    )


def _member(shop) -> Member:
    with in_schema(shop.schema_name):
        return Member.objects.get()


def _state(shop) -> str:
    with in_schema(shop.schema_name):
        return Member.objects.values_list("state", flat=True).get()
