"""Stripe on this machine, and its events on their way to the application."""

import pytest

from apps.core.tenancy import in_schema
from apps.shops.models import Shop
from tests.peers.stripe import fake_stripe
from tests.peers.stripe.posting import signed

SECRET, CONNECT_SECRET = "whsec_essai", "whsec_connect"
CARD, REFUSED_LATER, POOR = "4242 4242 4242 4242", "4000 0000 0000 0341", "4000 0000 0000 9995"
SEPA = "FR14 2004 1010 0505 0001 3M02 606"
WEBHOOK, PAGE = "/webhooks/stripe/", "/gestion/reglages/abonnement/"


@pytest.fixture
def stripe(settings):
    """Takes money of nobody; the application knows it by its keys."""
    with fake_stripe() as fake:
        settings.STRIPE_SECRET_KEY = "sk_test_" + "0123456789abcdef" * 2
        settings.STRIPE_API_URL = fake.url
        settings.STRIPE_WEBHOOK_SECRETS = [SECRET, CONNECT_SECRET]
        yield fake


@pytest.fixture
def tell(platform_client):
    """``tell(event)``: Stripe posts it to the platform's host, signed; the answer's status."""

    def post(event, secret=SECRET, at=None, **headers):
        body, mark = signed(event, secret, at)
        sent = {"HTTP_STRIPE_SIGNATURE": mark["Stripe-Signature"], **headers}
        answer = platform_client.post(WEBHOOK, body, content_type="application/json", **sent)
        return answer.status_code

    return post


@pytest.fixture
def catch_up(stripe, tell, run_jobs):
    """Whatever has happened at Stripe since the last time is told and carried out."""
    told = []

    def carry():
        for event in stripe.events[len(told) :]:
            assert tell(event) == 200
            told.append(event)
        run_jobs()

    return carry


@pytest.fixture
def kept(shop):
    """``kept()``: the wine merchant as the database has it; ``kept(plan="maison")``: once
    somebody has written that there."""

    def row(**written):
        with in_schema(shop.schema_name):
            if written:
                assert Shop.objects.filter(pk=shop.pk).update(**written) == 1
            return Shop.objects.get(pk=shop.pk)

    return row


@pytest.fixture
def subscribe(owner_client, stripe, catch_up):
    """``subscribe("maison", number)``: chosen, paid on Stripe's page, told."""

    def pay(code="boutique", number=CARD):
        answer = owner_client.post(f"{PAGE}{code}/", {"once": "0" * 32})
        assert answer.status_code == 302, answer.content.decode()
        stripe.pay(answer["Location"], number)
        catch_up()

    return pay
