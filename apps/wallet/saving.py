"""A tap saves the pass at Google: the object is written first, so that the link only names it."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.shops.models import Shop
from apps.wallet import google
from apps.wallet.accounts import account_for
from apps.wallet.followers import Objects
from apps.wallet.models import GoogleObject, Pass
from apps.wallet.providers.base import Told

SAVES = Limit("wallet:google", 20, 3600)


class Silent(Refusal):
    message = _("Google Wallet ne répond pas pour l’instant. Réessayez dans quelques minutes.")
    status = 503


def save_link(held: Pass, shop: Shop, issuer: str, now: datetime) -> str:
    """Where Google asks the holder to save the pass. Raises ``Silent``, ``TooMany``."""
    spend(SAVES, held.pk, now=now)
    kept, _made = GoogleObject.objects.get_or_create(held=held, defaults={"issuer": issuer})
    kept.hurried = False  # who has just tapped is looking at it
    (answer,) = Objects().ask(shop, [kept], now)
    account = account_for(shop, kept.issuer)
    if answer.told != Told.YES or account is None:
        raise Silent()
    return account.save_link(google.object_id(kept), shop.url)
