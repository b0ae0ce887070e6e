"""What dj-stripe's tables hold of a shop's own account stands behind the wall of that shop."""

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction
from djstripe.models import Account, Customer, Subscription

from apps.core.tenancy import across_shops, in_schema
from apps.payments import selling
from apps.payments.models import ShopAccount
from apps.shops.walls import account_walls

pytestmark = pytest.mark.django_db
FIELD = "djstripe_owner_account"


@pytest.fixture
def both(shop, other_shop):
    """Each shop has an account, and a customer who subscribed on it; the platform has its own."""
    for one in (shop, other_shop):
        with in_schema(one.schema_name):
            ShopAccount.objects.create(shop=one, account_id=f"acct_{one.slug}")
            Account.objects.create(id=f"acct_{one.slug}")
            _subscribed(one.slug, f"acct_{one.slug}")
    _subscribed("platform", None)
    return shop


def _subscribed(name, account):
    Customer.objects.create(id=f"cus_{name}", djstripe_owner_account_id=account)
    Subscription.objects.create(
        id=f"sub_{name}", customer_id=f"cus_{name}", djstripe_owner_account_id=account
    )


def seen():
    return set(Subscription.objects.values_list("id", flat=True))


def test_a_shop_sees_its_own_and_the_platforms(both):
    assert seen() == {"sub_cave", "sub_platform"}


def test_in_public_nobodys_are_seen_but_the_platforms(both):
    connection.set_schema_to_public()
    assert seen() == {"sub_platform"}
    with across_shops():
        assert len(seen()) == 3


def test_another_shops_are_neither_changed_nor_made(both):
    assert Subscription.objects.filter(id="sub_cafe").update(livemode=True) == 0
    assert Subscription.objects.filter(id="sub_cafe").delete()[0] == 0
    with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        _subscribed("intruder", "acct_cafe")
    with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        Subscription.objects.filter(id="sub_cave").update(djstripe_owner_account_id="acct_cafe")


def test_every_table_that_names_an_account_has_the_wall():
    named = {
        model._meta.db_table
        for model in apps.get_app_config("djstripe").get_models()
        if any(one.name == FIELD for one in model._meta.concrete_fields)
    }
    assert {wall.table for wall in account_walls()} == named
    assert "djstripe_subscription" in named


def test_a_customer_is_forgotten_alone(both):
    selling.forget_buyer("cus_cave")
    assert seen() == {"sub_platform"}
    with across_shops():
        assert seen() == {"sub_cafe", "sub_platform"}


def test_the_platforms_own_customers_are_not_forgotten_so(both):
    selling.forget_buyer("cus_platform")
    assert "sub_platform" in seen()


def test_an_account_is_forgotten_whole(both, settings):
    settings.STRIPE_SECRET_KEY = ""
    connection.set_schema_to_public()
    for _twice in range(2):
        selling.forget_account(both.schema_name)
    with across_shops():
        assert seen() == {"sub_cafe", "sub_platform"}
        assert not Account.objects.filter(id="acct_cave").exists()
