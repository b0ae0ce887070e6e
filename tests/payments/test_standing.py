"""What a shop that is not paid for may still do: nothing of its customers' is ever lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts import services, team
from apps.accounts.models import Membership, User
from apps.core.actor import SYSTEM
from apps.messaging import outbox
from apps.messaging.models import Message
from apps.shops import domains
from apps.shops.models import Shop, Unpaid
from apps.shops.plans import GRACE_DAYS, TRIAL_DAYS
from apps.shops.standing import Standing, standing
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory
from tests.outbox import post_to

pytestmark = pytest.mark.django_db


@pytest.fixture
def read_only(shop):
    ago = timezone.now() - timedelta(days=GRACE_DAYS + 1)
    Shop.objects.filter(pk=shop.pk).update(unpaid_from=ago, unpaid_why=Unpaid.LATE)
    shop.refresh_from_db()
    return shop


@pytest.mark.parametrize(
    ("days", "stands"),
    [
        (3, Standing.TRIAL),
        (-1, Standing.GRACE),
        (-GRACE_DAYS + 1, Standing.GRACE),
        (-GRACE_DAYS - 1, Standing.READ_ONLY),
    ],
)
def test_it_goes_from_trial_to_grace_to_read_only(shop, days, stands):
    now = timezone.now()
    shop.unpaid_from, shop.unpaid_why = now + timedelta(days=days), Unpaid.TRIAL
    assert standing(shop, now) == stands


def test_a_shop_opened_where_one_can_pay_is_on_trial(settings, monkeypatch):
    monkeypatch.setattr(services, "provision", lambda **said: said)
    opened = services.open_shop(user=User(), name="Cave Neuve", slug="cave-neuve")
    assert (opened["unpaid_from"], opened["unpaid_why"]) == (None, "")
    settings.STRIPE_SECRET_KEY = "sk_test_" + "0" * 24
    opened = services.open_shop(user=User(), name="Cave Neuve", slug="cave-neuve")
    left = opened["unpaid_from"] - timezone.now()
    assert timedelta(days=TRIAL_DAYS - 1) < left <= timedelta(days=TRIAL_DAYS)
    assert opened["unpaid_why"] == Unpaid.TRIAL


@pytest.mark.parametrize(
    "address",
    [
        "/gestion/messages/nouveau/",
        "/gestion/catalogue/nouveau/",
        "/gestion/fidelite/",
        "/gestion/imports/clients/",
    ],
)
def test_in_a_read_only_office_nothing_is_written(read_only, owner_client, address):
    answer = owner_client.post(address, {})
    assert answer.status_code == 402
    assert "lecture seule" in answer.text
    assert "rien n’est perdu" in answer.text


def test_htmx_gets_the_sentence_as_a_line(read_only, owner_client):
    answer = owner_client.post("/gestion/fidelite/", {}, HTTP_HX_REQUEST="true")
    assert answer.status_code == 402
    assert "<html" not in answer.text


def test_the_counter_stamps_on(read_only, helper_client):
    ProgrammeFactory()
    card = CardFactory()
    form = {"token": "a" * 22}
    answer = helper_client.post(f"/comptoir/carte/{card.pk}/tampon/", form)
    assert answer.status_code != 402
    assert helper_client.get("/comptoir/").status_code == 200


def test_everything_is_still_exported(read_only, owner_client):
    answer = owner_client.post("/gestion/clients/exporter/", {"style": "excel"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"


def test_customers_still_join_and_see_their_card(read_only, visitor):
    ProgrammeFactory()
    assert visitor.get("/").status_code == 200


def test_commercial_messages_wait_service_ones_leave_and_paid_again_all_do(read_only):
    shop = read_only
    shop.quiet_until, shop.quiet_from, shop.sundays_allowed = "00:00", "23:59:59", True
    shop.save()
    post_to(ContactFactory.create_batch(3, agreeing=True), cause="drop:1")
    post_to(ContactFactory.create_batch(2), kind="service", cause="card:1")
    noon = timezone.now().replace(hour=11)
    Message.objects.update(available_at=noon)
    shop.refresh_from_db()
    assert len(outbox.claim(shop, noon)) == 2
    assert not outbox.more_is_due(shop, noon)
    Shop.objects.filter(pk=shop.pk).update(unpaid_from=None, unpaid_why="")
    shop.refresh_from_db()
    assert outbox.more_is_due(shop, noon)


def test_banners_say_it_on_every_page_and_only_when_there_is_something_to_do(owner_client, shop):
    def said(days, why=Unpaid.TRIAL):
        at = timezone.now() + timedelta(days=days)
        Shop.objects.filter(pk=shop.pk).update(unpaid_from=at, unpaid_why=why)
        return owner_client.get("/gestion/equipe/").text

    assert "Votre essai" not in said(20)
    assert "Votre essai se termine le" in said(5)
    assert "Votre essai est terminé" in said(-2)
    assert "Votre abonnement est terminé" in said(-2, Unpaid.ENDED)
    assert "lecture seule" in said(-40, Unpaid.LATE)
    assert "Voir l’abonnement" in said(-40)


# --- the limits of a plan ------------------------------------------------------------------


@pytest.fixture
def smallest(shop):
    Shop.objects.filter(pk=shop.pk).update(plan="echoppe")
    shop.refresh_from_db()
    return shop


def test_a_team_is_as_large_as_its_plan(smallest, owner):
    by = Membership.objects.select_related("shop").get(user=owner)
    team.invite(by=by, email="lea@exemple.fr", role="helper")
    with pytest.raises(team.TeamFull) as full:
        team.invite(by=by, email="tom@exemple.fr", role="helper")
    assert "La formule Échoppe comprend une équipe de 2 personnes" in str(full.value)
    Shop.objects.filter(pk=smallest.pk).update(plan="")
    team.invite(by=by, email="tom@exemple.fr", role="helper")


def test_a_domain_of_ones_own_is_of_the_larger_plans(smallest):
    with pytest.raises(domains.NotInThePlan) as refused:
        domains.claim(shop=smallest, text="www.macave.example", by=SYSTEM)
    assert "formule Boutique" in str(refused.value)


def test_a_smaller_plan_takes_nothing_away(shop, member):
    domains.claim(shop=shop, text="www.macave.example", by=SYSTEM)
    for _ in range(3):
        member("helper")
    Shop.objects.filter(pk=shop.pk).update(plan="echoppe")
    assert shop.domain_claims.count() == 1
    assert Membership.objects.filter(shop=shop).count() == 3
