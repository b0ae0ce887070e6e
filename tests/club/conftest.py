"""A wine merchant with a club, an account that takes cards, and people who join."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from apps.club.models import Member
from apps.club.services import joining, planning
from apps.core.actor import SYSTEM
from apps.invoicing import tasks
from apps.payments import connecting
from apps.payments.models import ShopAccount
from tests.invoicing.conftest import seller, tills  # noqa: F401
from tests.payments.conftest import CARD, catch_up, stripe, tell  # noqa: F401
from tests.peers.stripe import billing


@pytest.fixture(autouse=True)
def _one_paper_is_drawn_for_all(request, monkeypatch):
    """Each takes a second: only who asks for ``drawn`` has its invoices drawn and checked."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(tasks, "make_paper", lambda record_id: None)


@pytest.fixture
def drawn():
    """This test's invoices have their papers."""


@pytest.fixture
def account(shop, stripe):  # noqa: F811
    """The shop's own account, complete: it takes cards and debits."""
    page = connecting.open_account(shop=shop, by=SYSTEM)
    stripe.pressed(page.removeprefix(stripe.url), {"act": "all"})
    found = ShopAccount.objects.get(shop=shop)
    connecting.refresh(found)
    found.refresh_from_db()
    return found


@pytest.fixture
def make_plan(shop):
    """``make_plan(places=2)``: « Découverte », 32 € a month for three bottles."""

    def make(**words):
        said = {"name": "Découverte", "price_cents": 3200, "bottles": 3, "ship_cents": 800}
        return planning.save_plan(
            planning.PlanWords(**{**said, **words}), by=SYSTEM, now=timezone.now()
        )

    return make


@pytest.fixture
def a_wish():
    """``a_wish("lea")``: what Léa types; ``a_wish("lea", handover="shipping")``."""

    def make(name="camille", **more):
        said = {
            "key": uuid4(),
            "first_name": name.title(),
            "last_name": "Martin",
            "email": f"{name}@exemple.fr",
            "street": "3 rue des Clercs",
            "postal_code": "57000",
            "city": "Metz",
            "adult": True,
        }
        return joining.Wish(**{**said, **more})

    return make


@pytest.fixture
def order(shop, account, a_wish):
    """``order(plan, "lea")``: Léa's way to Stripe's page; its address."""

    def go(plan, name="camille", now=None, **more):
        wish = a_wish(name, **more)
        now = now or timezone.now()
        return joining.order(wish, plan, shop=shop, client_address="192.0.2.1", now=now)

    return go


@pytest.fixture
def told(catch_up, shop):  # noqa: F811
    """What happened at Stripe is told and carried out; the connection stands in the shop."""

    def carry():
        catch_up()
        connection.set_tenant(shop)

    return carry


@pytest.fixture
def join(order, stripe, told):  # noqa: F811
    """``join(plan, "lea")``: ordered, paid, told; the membership."""

    def go(plan, name="camille", number=CARD, **more):
        stripe.pay(order(plan, name, **more), number)
        told()
        return Member.objects.latest("pk")

    return go


@pytest.fixture
def later():
    return lambda **span: timezone.now() + timedelta(**span)


@pytest.fixture
def lea(join, make_plan, seller):  # noqa: F811
    """Léa belongs to the club since today."""
    return again(join(make_plan(), "lea"))


@pytest.fixture
def month(stripe, told):  # noqa: F811
    """``month(member, number)``: her next month is asked of that card or account, and told."""

    def ask(member, number, days=31):
        books = stripe.books
        billing.use(books, number, member.customer_id, books.owners[member.subscription_id])
        stripe.advance(days)
        told()
        return again(member)

    return ask


def again(member):
    """As the database has her now."""
    return Member.objects.select_related("plan", "contact").get(pk=member.pk)
