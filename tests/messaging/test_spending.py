"""The page that says what messages cost."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.messaging.models import Flow, Month, Spending
from apps.messaging.quality import rule
from apps.shops.models import Shop
from apps.shops.plans import PLANS
from tests.conftest import ShopClient
from tests.factories import ContactFactory

PAGE = "/gestion/messages/depenses/"


@pytest.fixture
def today(shop):
    return timezone.now().astimezone(shop.zone).date()


def left(day, messages, tenths, *, channel="sms", origin="drop"):
    Spending.objects.create(
        day=day,
        channel=channel,
        origin=origin,
        tried=messages,
        messages=messages,
        segments=messages,
        cost_tenths=tenths,
    )


def text(response):
    page = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(page.replace("\u00a0", " ").replace("\u202f", " ").split())


def test_an_empty_month_teaches(owner_client):
    page = text(owner_client.get(PAGE))
    assert "Rien n’est parti ce mois-ci" in page
    assert "Personne n’a dit stop" in page
    assert "SMS 0,07 €" in page


def test_a_month_is_told_by_channel_cause_and_day(owner_client, today):
    left(today, 100, 7000)
    left(today, 3, 210, origin="service")
    left(today, 40, 0, channel="email", origin="trigger")
    page = text(owner_client.get(PAGE))
    assert "7,21 €" in page
    assert "143 messages partis" in page
    assert re.search(r"SMS 7,00 € 100 messages — 0,21 € 3 messages — 7,21 € 103 messages", page)
    assert re.search(r"E-mail — 40 messages — — 40 messages", page)


def test_past_months_are_kept_and_exported(owner_client, today):
    before = today.replace(day=1) - timedelta(days=1)
    left(before, 10, 700)
    left(today, 1, 70)
    here = f"{before:%Y}-{before.month}"
    assert f"depenses/{here}/" in owner_client.get(PAGE).content.decode()
    assert "0,70 €" in text(owner_client.get(f"{PAGE}{here}/"))
    file = owner_client.get(f"{PAGE}{here}.csv")
    assert b"".join(file.streaming_content).decode() == (
        "\ufeffjour;canal;cause;messages;segments;euros HT\r\n"
        f"{before};SMS;Daily Drops;10;10;0,700\r\n"
    )


@pytest.mark.parametrize("month", ["2026-13", "2999-1", "1999-12", "2026-0"])
def test_a_month_that_is_none_is_not_found(owner_client, month):
    assert owner_client.get(f"{PAGE}{month}/").status_code == 404


def test_the_owner_sets_the_budget_and_a_manager_sees_it(owner_client, shop, member):
    assert owner_client.post(f"{PAGE}budget/", {"budget": "49,90 €"}).status_code == 302
    shop.refresh_from_db()
    assert shop.budget_cents == 4990
    assert Month.objects.get().budget_tenths == 49_900
    assert "0,00 € sur 49,90 € de budget" in text(owner_client.get(PAGE))
    manager = ShopClient(shop).enter(member("manager"))
    assert "49,90 € par mois" in text(manager.get(PAGE))
    assert manager.post(f"{PAGE}budget/", {"budget": "1"}).status_code == 403
    owner_client.post(f"{PAGE}budget/", {"budget": ""})
    shop.refresh_from_db()
    assert shop.budget_cents is None


@pytest.mark.parametrize("typed", ["beaucoup", "0", "-5", "1000000", "12,345"])
def test_a_budget_that_makes_no_sense_is_explained_beside_the_field(owner_client, shop, typed):
    response = owner_client.post(f"{PAGE}budget/", {"budget": typed})
    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    shop.refresh_from_db()
    assert shop.budget_cents is None


def test_the_page_costs_as_many_queries_in_a_full_year_as_in_an_empty_one(
    owner_client, today, django_assert_max_num_queries
):
    for month in range(12):
        day = today.replace(day=1) - timedelta(days=30 * month)
        left(day, 10, 700)
        left(day, 10, 0, channel="email")
    Flow.objects.create(channel="sms", messages=100, judged_at=timezone.now())
    owner_client.get(PAGE)
    with django_assert_max_num_queries(14):
        owner_client.get(PAGE)


def test_the_quality_of_each_channel_is_shown(owner_client):
    now = timezone.now()
    judged = {"judged_at": now, "tried": 200, "messages": 200}
    Flow.objects.create(channel="sms", stopped=6, slow_since=now, **judged)
    Flow.objects.create(channel="email", stopped=1, **judged)
    page = text(owner_client.get(PAGE))
    assert f"3,0 % de stops 0,0 % d’adresses refusées ralenti, {rule().slow_per_hour} par" in page
    assert "0,5 % de stops 0,0 % d’adresses refusées bien" in page
    assert "Ralentir" in text(owner_client.get("/gestion/"))


def test_a_list_longer_than_the_plan_is_told_before_anything_is_refused(owner_client, monkeypatch):
    small = tuple(replace(plan, contacts=1) for plan in PLANS)
    monkeypatch.setattr("apps.shops.plans.PLANS", small)
    ContactFactory.create_batch(2)
    page = text(owner_client.get(PAGE))
    assert "2 clients, quand la formule Boutique en comprend 1." in page
    assert "un Daily Drop a besoin de la formule Maison" in page


def test_the_home_says_when_the_budget_is_nearly_spent(owner_client, shop, today):
    Shop.objects.update(budget_cents=1000)
    Month.objects.create(
        month=today.replace(day=1), budget_tenths=10_000, taken_tenths=8_500, told=80
    )
    assert "est dépensé à 85 % : 8,50 € sur 10,00 €" in text(owner_client.get("/gestion/"))
