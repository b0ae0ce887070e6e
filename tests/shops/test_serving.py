"""Code that is ahead of a schema does not serve it: it says so, and waits."""

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from apps.core.jobs import enqueue
from apps.messaging.tasks import forget_old_callbacks
from apps.shops import ledger
from apps.shops.models import Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def ahead(monkeypatch):
    """This code expects a migration that no schema has had."""
    monkeypatch.setattr(ledger, "_served", {})
    monkeypatch.setattr(ledger, "version_here", lambda schema: "newer")
    more = ledger.wanted("") | {"loyalty.0999_later"}
    monkeypatch.setattr(ledger, "wanted", lambda schema: more)


def test_a_shop_that_is_behind_says_it_is_being_updated(ahead, shop, visitor):
    page = visitor.get("/")
    assert page.status_code == 503
    assert "La boutique est en cours de mise à jour" in page.content.decode()
    assert (page["Retry-After"], page["Refresh"]) == ("15", "15")
    assert "Cave du Marché" in page.content.decode()


def test_trying_again_leads_where_one_was_going(ahead, shop, visitor):
    assert 'href="/c/abc/?a=1&amp;b=2"' in visitor.get("/c/abc/?a=1&b=2").content.decode()
    assert 'href="/"' in visitor.post("/c/abc/", {}).content.decode()


def test_what_was_sent_meanwhile_is_not_sent_again_by_itself(ahead, shop, visitor):
    page = visitor.post("/", {})
    assert page.status_code == 503
    assert "n’a pas été enregistré" in page.content.decode()
    assert "Refresh" not in page


def test_code_that_is_behind_its_schema_goes_on_serving(shop, visitor, monkeypatch):
    """The version that serves while ``migrate_shops`` of the next one runs."""
    monkeypatch.setattr(ledger, "_served", {})
    monkeypatch.setattr(ledger, "version_here", lambda schema: "older")
    fewer = frozenset(sorted(ledger.wanted(""))[1:])
    monkeypatch.setattr(ledger, "wanted", lambda schema: fewer)
    assert visitor.get("/").status_code == 200


def test_a_shop_up_to_the_code_costs_no_statement(shop, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert ledger.may_work(shop)


def test_a_version_nobody_wrote_down_is_not_served(shop):
    Shop.objects.filter(pk=shop.pk).update(schema_version="unheard")
    assert not ledger.may_work(Shop.objects.get(pk=shop.pk))
    assert shop.pk not in {one.pk for one in ledger.served_shops()}


def test_health_says_that_public_is_behind(ahead, platform_client, monkeypatch):
    monkeypatch.setattr(ledger, "_public_is_served", False)
    answer = platform_client.get("/health/ready")
    assert answer.status_code == 503
    assert "migrate_shops" in answer.json()["reason"]
    page = platform_client.get("/")
    assert page.status_code == 503
    assert "Le service est en cours de mise à jour" in page.content.decode()


def test_a_job_for_a_shop_that_is_behind_is_put_back(ahead, shop, run_jobs):
    enqueue(forget_old_callbacks)
    assert run_jobs() == 1
    (again,) = OrmQ.objects.all()
    assert again.lock > timezone.now()
    assert "forget_old_callbacks" in str(again.task["args"])
