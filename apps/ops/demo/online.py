"""What became of payments online: one given back in part, one that a customer's bank contests."""

from datetime import datetime
from uuid import uuid4

import requests
from django.conf import settings

from apps.club.models import Member
from apps.core.actor import SYSTEM
from apps.payments import refunding, selling, takings
from apps.payments.models import Charge, ShopAccount
from apps.payments.subscribing import db_clock
from apps.shops.models import Shop

GIVEN_BACK, CONTESTED = 1, 3  # which of the latest payments


def write(shop: Shop, now: datetime) -> None:
    """After the club, whose members paid; nothing where nobody did. In the shop's schema."""
    account = ShopAccount.objects.filter(shop=shop).first()
    names = _paid() if account else []
    if account is None or len(names) <= CONTESTED:
        return
    contested = {"charge": names[CONTESTED], "reason": "product_not_received"}
    where = f"{settings.STRIPE_API_URL}/tests/dispute"
    requests.post(where, data=contested, timeout=10).raise_for_status()
    for name in names:
        began = db_clock()
        takings.follow(account, takings.look(takings.Taking(account, name)), began)
    charge = Charge.objects.get(charge_id=names[GIVEN_BACK])
    cents = min(1_200, charge.amount_cents // 2)
    refunding.give_back(charge, cents, reason="missing", once=uuid4(), by=SYSTEM, now=now)


def _paid() -> list[str]:
    """Stripe's names of what members paid, the latest first."""
    buyers = Member.objects.exclude(customer_id="").values_list("customer_id", flat=True)
    paid = [
        one
        for customer in sorted(set(buyers))
        for one in selling.kept(customer).intents
        if one["status"] == "succeeded"
    ]
    return [one["latest_charge"] for one in sorted(paid, key=lambda one: -int(one["created"]))]
