"""Cards that customers keep in their phone's wallet, signed by an authority made here."""

import random
from datetime import datetime, timedelta

from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.core.tokens import keyed_hash
from apps.loyalty import pocket
from apps.loyalty.models import Card
from apps.ops.demo.authority import Authority
from apps.shops import vault
from apps.shops.models import Shop
from apps.wallet.identities import IN_VAULT, adopt
from apps.wallet.services import issue, register

SIGNED_AS = "pass.fr.comptoir.demonstration"
SHARE = 9  # one card in so many is in a phone
MOST = 60


def sign_here(now: datetime) -> None:
    """The platform's certificate, made anew where there is none or it does not open."""
    with in_schema("public"):
        if not vault.listed(None, IN_VAULT):
            made = Authority(now).identity(SIGNED_AS, now=now)
            adopt(made, shop=None, by=SYSTEM, now=now)


def put_away(shop: Shop, now: datetime) -> None:
    """Some of the shop's cards lie in phones, two of one person's in both of theirs."""
    draw = random.Random(shop.slug)
    cards = list(Card.objects.select_related("contact").order_by("pk"))
    for card in draw.sample(cards, min(MOST, len(cards) // SHARE)):
        face = pocket.face_of(card, shop)
        held = issue(subject=card.pk, face=face, pass_type=SIGNED_AS, now=now)
        for phone in range(2 if draw.random() < 0.1 else 1):
            name = keyed_hash("demo phone", f"{shop.slug}:{card.pk}:{phone}")
            seen = now - timedelta(days=draw.randrange(1, 90))
            register(held=held, library=name[:32], push_token=name, now=seen)
