"""dj-stripe's tables, kept by us: what Stripe said last of prices and subscriptions.

Its models are the state; its own synchronisation is not used. It fetches related objects inside a
transaction, writes our secret key into a table to know whose an object is, takes a connected
account's objects for the platform's, and stumbles over discounts. What is kept here is named field
by field: nothing of a person, whatever Stripe adds to its objects.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from djstripe.models import Customer, Price, Product, Subscription, TaxRate

from apps.core.tenancy import in_schema
from apps.payments.providers.stripe import Thing

PUBLIC = "public"  # dj-stripe's tables are the platform's: they are written from there
_SUBSCRIPTION = (
    *("id", "object", "created", "livemode", "status", "customer", "metadata", "trial_end"),
    *("cancel_at", "cancel_at_period_end", "canceled_at", "ended_at", "application_fee_percent"),
)
_PRICE = (
    *("id", "object", "created", "livemode", "active", "currency", "lookup_key", "metadata"),
    *("product", "unit_amount", "nickname", "recurring", "tax_behavior", "type"),
)
_PRODUCT = ("id", "object", "created", "livemode", "active", "name", "metadata")
_TAX_RATE = (
    *("id", "object", "created", "livemode", "active", "percentage", "inclusive", "country"),
    *("display_name", "metadata"),
)


def moment(stamp: int | None) -> datetime | None:
    return datetime.fromtimestamp(stamp, UTC) if stamp else None


def _some(data: Thing, names: Iterable[str]) -> Thing:
    return {name: data.get(name) for name in names}


def _put(model: Any, data: Thing, **fields: Any) -> None:
    kept = {
        "stripe_data": data,
        "livemode": data.get("livemode"),
        "created": moment(data.get("created")),
        "metadata": data.get("metadata"),
        **fields,
    }
    with in_schema(PUBLIC):
        model.objects.bulk_create(
            [model(id=data["id"], **kept)],
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=[*kept, "djstripe_updated"],
        )


def keep_customer(name: str) -> None:
    """Its id alone: who the shop's people are is in our own tables."""
    _put(Customer, {"id": name, "object": "customer"})


def keep_product(data: Thing) -> None:
    _put(Product, _some(data, _PRODUCT), name=data["name"], active=data["active"])


def keep_price(data: Thing) -> None:
    kept = _some(data, _PRICE)
    _put(
        Price,
        kept,
        active=kept["active"],
        currency=kept["currency"],
        nickname=kept["nickname"] or "",
        product_id=kept["product"],
        lookup_key=kept["lookup_key"],
    )


def keep_tax_rate(data: Thing) -> None:
    _put(TaxRate, _some(data, _TAX_RATE))


def keep_subscription(data: Thing) -> None:
    """Its customer's row must stand; ``default_payment_method`` may be expanded."""
    kept = _some(data, _SUBSCRIPTION)
    kept["items"] = [
        {
            "id": item["id"],
            "price": _some(item["price"], _PRICE),
            "current_period_start": item["current_period_start"],
            "current_period_end": item["current_period_end"],
        }
        for item in data["items"]["data"]
    ]
    kept["pays_by"] = _pays_by(data.get("default_payment_method"))
    _put(Subscription, kept, customer_id=kept["customer"])


def _pays_by(method: Any) -> Thing | None:
    """Card or debit, and its last signs; None where it was not expanded."""
    if not isinstance(method, dict):
        return None
    detail = method.get(method["type"]) or {}
    return {"type": method["type"], "brand": detail.get("brand"), "last4": detail.get("last4")}


def subscriptions(customer: str) -> list[Thing]:
    """What is kept of a customer's subscriptions, newest first."""
    kept = Subscription.objects.filter(customer_id=customer).order_by("-created", "-djstripe_id")
    return list(kept.values_list("stripe_data", flat=True))


def all_subscriptions() -> dict[str, Thing]:
    """Those of the platform, by id."""
    return dict(Subscription.objects.values_list("id", "stripe_data"))
