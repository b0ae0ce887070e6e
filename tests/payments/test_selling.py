"""What a shop's customers pay it: asked for once, on its own account, ended with the shop."""

import pytest
from django.db import connection

from apps.payments import selling
from apps.payments.selling import Sold
from tests.club.conftest import a_wish, account, join, make_plan, order, seller, told  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seller")]
BOX = Sold("club_1", "La Découverte", 3200, 1)


def writes(stripe, path):
    return [one for one in stripe.calls if one.method == "POST" and one.path == f"/v1/{path}"]


def test_a_price_is_made_once_for_each_sum_and_rhythm(account, stripe):  # noqa: F811
    first = selling.price_of(account, BOX)
    assert selling.price_of(account, BOX) == first
    dearer = selling.price_of(account, Sold("club_1", "La Découverte", 3400, 1))
    rarer = selling.price_of(account, Sold("club_1", "La Découverte", 3200, 3))
    assert len({first, dearer, rarer}) == 3
    assert {one.account for one in writes(stripe, "prices")} == {account.account_id}
    assert stripe.books.things[rarer]["recurring"]["interval_count"] == 3


@pytest.mark.parametrize("cents", [0, -100])
def test_nothing_is_sold_for_nothing(account, cents):  # noqa: F811
    with pytest.raises(selling.NothingToPay):
        selling.price_of(account, Sold("club_1", "La Découverte", cents, 1))


def test_a_price_in_another_currency_is_refused(account, stripe):  # noqa: F811
    made = stripe.books.things[selling.price_of(account, BOX)]
    made["currency"] = "usd"
    with pytest.raises(selling.NotEuros):
        selling.price_of(account, BOX)


def test_every_write_has_its_key_and_its_account(make_plan, order, account, stripe):  # noqa: F811
    order(make_plan(), handover="shipping")
    mine = [
        one for one in stripe.calls if one.method == "POST" and one.account == account.account_id
    ]
    assert {one.path for one in mine} >= {"/v1/customers", "/v1/prices", "/v1/checkout/sessions"}
    assert all(one.key.startswith("comptoir:") for one in mine)


def test_an_erased_shop_asks_its_customers_for_nothing_more(
    make_plan,  # noqa: F811
    join,  # noqa: F811
    stripe,
    account,  # noqa: F811
    shop,
):
    join(make_plan())
    connection.set_schema_to_public()
    for _twice in range(2):
        selling.forget_account(shop.schema_name)
    (sub,) = stripe.books.all("subscription", account.account_id)
    assert sub["status"] == "canceled"
