"""Cards that customers keep in their phone's wallet, signed by an authority made here."""

import random
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings

from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.core.tokens import keyed_hash
from apps.loyalty import pocket
from apps.loyalty.models import Card
from apps.ops.demo.authority import Authority
from apps.shops import vault
from apps.shops.models import Shop
from apps.wallet.identities import adopt
from apps.wallet.keyring import APPLE
from apps.wallet.services import register

SIGNED_AS = "pass.fr.comptoir.demonstration"
SHARE = 9  # one card in so many is in a phone
MOST = 60


def sign_here(now: datetime) -> None:
    """The platform's certificate where there is none, and its root for ``openssl`` to trust."""
    with in_schema("public"):
        if vault.listed(None, APPLE):
            return
        authority = Authority(now)
        made = authority.identity(SIGNED_AS, now=now)
        adopt(made, shop=None, by=SYSTEM, now=now)
    root_file().write_bytes(authority.root.certificate.public_bytes(Encoding.PEM))


def root_file() -> Path:
    return Path(settings.DATA_DIR) / "autorite-demo.pem"


def put_away(shop: Shop, now: datetime) -> None:
    """Some of the shop's cards lie in phones, two of one person's in both of theirs."""
    draw = random.Random(shop.slug)
    cards = list(Card.objects.order_by("pk"))
    for card in draw.sample(cards, min(MOST, len(cards) // SHARE)):
        held = pocket.issued(card, shop, now, SIGNED_AS)
        for phone in range(2 if draw.random() < 0.1 else 1):
            name = keyed_hash("demo phone", f"{shop.slug}:{card.pk}:{phone}")
            seen = now - timedelta(days=draw.randrange(1, 90))
            register(held=held, library=name[:32], push_token=name, now=seen)
