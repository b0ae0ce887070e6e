"""dj-stripe's tables, kept by us: what Stripe said last of prices and subscriptions.

Its models are the state; its own synchronisation is not used. It fetches related objects inside a
transaction, writes our secret key into a table to know whose an object is, takes a connected
account's objects for the platform's, and stumbles over discounts. What is kept here is named field
by field: nothing of a person, whatever Stripe adds to its objects.

The platform's rows are written standing in public. Those of a shop's own account say whose they are
(``on``) and stand behind the wall of that shop: they are written and read standing in it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import models
from djstripe.models import (
    Account,
    Customer,
    Invoice,
    PaymentIntent,
    Price,
    Product,
    Subscription,
    TaxRate,
)

from apps.core.tenancy import current_schema, in_schema
from apps.payments.providers.stripe import Thing

PUBLIC = "public"  # dj-stripe's tables are the platform's: they are written from there
_SUBSCRIPTION = (
    *("id", "object", "created", "livemode", "status", "customer", "metadata", "trial_end"),
    *("cancel_at", "cancel_at_period_end", "canceled_at", "ended_at", "application_fee_percent"),
    "pause_collection",
)
_PRICE = (
    *("id", "object", "created", "livemode", "active", "currency", "lookup_key", "metadata"),
    *("product", "unit_amount", "nickname", "recurring", "tax_behavior", "type"),
)
_PRODUCT = ("id", "object", "created", "livemode", "active", "name", "metadata")
_INVOICE = (
    *("id", "object", "created", "livemode", "status", "customer", "currency", "billing_reason"),
    *("amount_due", "amount_paid", "attempt_count", "next_payment_attempt", "status_transitions"),
)
_INTENT = (
    *("id", "object", "created", "livemode", "status", "customer", "currency", "metadata"),
    *("amount", "amount_received", "latest_charge"),
)
_TAX_RATE = (
    *("id", "object", "created", "livemode", "active", "percentage", "inclusive", "country"),
    *("display_name", "metadata"),
)


def moment(stamp: int | None) -> datetime | None:
    return datetime.fromtimestamp(stamp, UTC) if stamp else None


def _some(data: Thing, names: Iterable[str]) -> Thing:
    return {name: data.get(name) for name in names}


def _put(model: Any, data: Thing, on: str = "", **fields: Any) -> None:
    kept = {
        "djstripe_owner_account_id": on or None,
        "stripe_data": data,
        "livemode": data.get("livemode"),
        "created": moment(data.get("created")),
        "metadata": data.get("metadata"),
        **fields,
    }
    with in_schema(current_schema() if on else PUBLIC):
        model.objects.bulk_create(
            [model(id=data["id"], **kept)],
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=[*kept, "djstripe_updated"],
        )


def keep_customer(name: str) -> None:
    """Its id alone: who the shop's people are is in our own tables."""
    _put(Customer, {"id": name, "object": "customer"})


def keep_account(name: str) -> None:
    """A shop's own account: its id alone, so that rows can name it."""
    _put(Account, {"id": name, "object": "account"})


def keep_buyer(name: str, on: str, read_at: datetime) -> bool:
    """A customer of a shop's, by a read that began at ``read_at``; False when a later one was
    kept before. In the caller's transaction, which holds the row."""
    Customer.objects.bulk_create(
        [Customer(id=name, djstripe_owner_account_id=on, stripe_data={"read_at": ""})],
        ignore_conflicts=True,
    )
    held = Customer.objects.select_for_update().get(id=name, djstripe_owner_account_id=on)
    moment_read = read_at.astimezone(UTC).isoformat()
    if held.stripe_data["read_at"] >= moment_read:
        return False
    held.stripe_data = {"id": name, "object": "customer", "read_at": moment_read}
    Customer.objects.filter(pk=held.pk).update(stripe_data=held.stripe_data)
    return True


def keep_product(data: Thing, on: str = "") -> None:
    _put(Product, _some(data, _PRODUCT), on, name=data["name"], active=data["active"])


def keep_price(data: Thing, on: str = "") -> None:
    kept = _some(data, _PRICE)
    _put(
        Price,
        kept,
        on,
        active=kept["active"],
        currency=kept["currency"],
        nickname=kept["nickname"] or "",
        product_id=kept["product"],
        lookup_key=kept["lookup_key"],
    )


def keep_tax_rate(data: Thing) -> None:
    _put(TaxRate, _some(data, _TAX_RATE))


def keep_subscription(data: Thing, on: str = "") -> None:
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
    _put(Subscription, kept, on, customer_id=kept["customer"])


def keep_invoice(data: Thing, on: str) -> None:
    """What a period was asked for: sums, days and tries; ``payments`` must be expanded."""
    kept = _some(data, _INVOICE) | {
        "subscription": subscription_of(data),
        "intents": intents_of(data),
        "lines": [_some(line, ("amount", "period")) for line in data["lines"]["data"]],
    }
    of = {"customer_id": kept["customer"], "subscription_id": kept["subscription"]}
    _put(Invoice, kept, on, **of)


def keep_intent(data: Thing, on: str) -> None:
    """A payment and its tries, with the code of why the last one failed."""
    error = data.get("last_payment_error") or {}
    failure = _some(error, ("type", "code", "decline_code"))
    failure["by"] = (error.get("payment_method") or {}).get("type")
    kept = _some(data, _INTENT) | {"failure": failure}
    _put(PaymentIntent, kept, on, customer_id=kept["customer"])


def subscription_of(invoice: Thing) -> str:
    """What an invoice is for; empty for one that is for something else."""
    parent = (invoice.get("parent") or {}).get("subscription_details") or {}
    return str(parent.get("subscription") or "")


def intents_of(invoice: Thing) -> list[str]:
    """By which payments it is paid, or is tried to be."""
    paid = (one["payment"].get("payment_intent") for one in invoice["payments"]["data"])
    return [name for name in paid if name]


def _pays_by(method: Any) -> Thing | None:
    """Card or debit, and its last signs; None where it was not expanded."""
    if not isinstance(method, dict):
        return None
    detail = method.get(method["type"]) or {}
    return {"type": method["type"], "brand": detail.get("brand"), "last4": detail.get("last4")}


def subscriptions(customer: str) -> list[Thing]:
    """What is kept of a customer's subscriptions, newest first."""
    return _of(Subscription, customer)


def invoices(customer: str) -> list[Thing]:
    """What is kept of a customer's invoices, newest first."""
    return _of(Invoice, customer)


def intents(customer: str) -> list[Thing]:
    """What is kept of a customer's payments, newest first."""
    return _of(PaymentIntent, customer)


def _of(model: Any, customer: str) -> list[Thing]:
    kept = model.objects.filter(customer_id=customer).order_by("-created", "-djstripe_id")
    return list(kept.values_list("stripe_data", flat=True))


def all_subscriptions(on: str = "") -> dict[str, Thing]:
    """Those of the platform, or of a shop's account, by id."""
    ours = Subscription.objects.filter(djstripe_owner_account_id=on or None)
    return dict(ours.values_list("id", "stripe_data"))


# What hangs on what: taken away in this order.
_OF_BUYERS: tuple[type[models.Model], ...] = (PaymentIntent, Invoice, Subscription)


def forget(*, customer: str = "", account: str = "") -> None:
    """Take away what is kept of a shop's customer, or of its whole account. Standing in it."""
    for model in _OF_BUYERS:
        rows = model._default_manager.all()
        if customer:
            rows.filter(customer_id=customer).exclude(djstripe_owner_account_id=None).delete()
        else:
            rows.filter(djstripe_owner_account_id=account).delete()
    if customer:
        buyers = Customer.objects.filter(id=customer).exclude(djstripe_owner_account_id=None)
        buyers.delete()
        return
    for other in (Customer, Price, Product):
        other.objects.filter(djstripe_owner_account_id=account).delete()
    with in_schema(PUBLIC):
        Account.objects.filter(id=account).delete()
