"""What the shops pay for Comptoir: one by card, one by debit, one still on trial."""

from datetime import datetime, timedelta
from uuid import uuid4

import requests
from django.conf import settings

from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.ops.demo.shops import DemoShop
from apps.payments import subscribing
from apps.shops.models import Shop, Unpaid

TRIAL_LEFT = timedelta(days=6)


def write(demo: DemoShop, shop: Shop, now: datetime) -> None:
    """Nothing where nobody plays Stripe on this machine: the real one's page waits for a person."""
    if "127.0.0.1" not in settings.STRIPE_API_URL:
        return
    plan, pays_by = demo.pays
    if not plan:
        Shop.objects.filter(pk=shop.pk).update(
            unpaid_from=now + TRIAL_LEFT, unpaid_why=Unpaid.TRIAL
        )
        return
    once = uuid4().hex
    page = subscribing.choose(shop=shop, code=plan, once=once, by=SYSTEM, now=now)
    paid = {"number": pays_by}
    requests.post(page, data=paid, timeout=10, allow_redirects=False).raise_for_status()
    subscribing.refresh(shop, subscribing.subscriber_of(shop))


def is_written(shop: Shop) -> bool:
    """Whether it pays already, or was given its days of trial."""
    with in_schema(shop.schema_name):
        return subscribing.of_shop(shop)[0] is not None or bool(shop.unpaid_from)
