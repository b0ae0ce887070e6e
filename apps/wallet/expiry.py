"""A certificate that ends is said in time: 60, 30 and 7 days before, once each.

To the shop's owners when it is theirs, to the platform's staff when it is the platform's; staff
read all of them in the admin as long as it is so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.template.loader import render_to_string

from apps.accounts.mail import post_letter
from apps.accounts.models import Membership, User
from apps.core.roles import Role
from apps.core.tenancy import in_schema
from apps.shops import vault
from apps.shops.models import Shop
from apps.wallet.keyring import APPLE

WARNINGS = (60, 30, 7)  # days before
SETTINGS_PAGE = "/gestion/reglages/wallet/"


@dataclass(frozen=True, slots=True)
class Ending:
    """A certificate that ends soon, or has ended; ``shop`` is None for the platform's."""

    name: str
    shop: Shop | None
    days: int
    expires_at: datetime
    kept: vault.Kept


def endings(now: datetime) -> list[Ending]:
    """What ends within the longest warning, the first to end first."""
    found = [
        kept
        for kept in vault.ending(now + timedelta(days=WARNINGS[0]))
        if kept.name.startswith(APPLE)
    ]
    names = {kept.shop_id for kept in found}
    shops = {shop.schema_name: shop for shop in Shop.objects.filter(schema_name__in=names)}
    return [
        Ending(
            kept.name.removeprefix(APPLE),
            shops.get(kept.shop_id or ""),
            max(0, (kept.expires_at - now).days),
            kept.expires_at,
            kept,
        )
        for kept in found
        if kept.expires_at is not None
    ]


def warn(now: datetime) -> None:
    """A mail for each warning whose day has come and that was not given yet."""
    for ending in endings(now):
        days = min(days for days in WARNINGS if ending.expires_at <= now + timedelta(days=days))
        if ending.shop is None or ending.shop.closed_at is None:
            _warn(ending, days)


def _warn(ending: Ending, days: int) -> None:
    if ending.shop is None:
        if vault.warn_once(ending.kept, days):
            staff = User.objects.filter(is_staff=True, is_active=True).order_by("pk")
            _write(ending, list(staff.values_list("email", flat=True)))
        return
    with in_schema(ending.shop.schema_name):
        if vault.warn_once(ending.kept, days):
            owners = Membership.objects.filter(shop=ending.shop, role=Role.OWNER)
            _write(ending, list(owners.order_by("pk").values_list("user__email", flat=True)))


def _write(ending: Ending, addresses: list[str]) -> None:
    shop = ending.shop
    admin = f"{settings.SCHEME}://{settings.ADMIN_HOST}{settings.PORT_SUFFIX}/"
    context = {
        "ending": ending,
        "page": f"{shop.url}{SETTINGS_PAGE}" if shop else admin,
    }
    whose = shop.name if shop else "Comptoir"
    subject = f"{whose} : le certificat Apple Wallet expire dans {ending.days} jours"
    if not ending.days:
        subject = f"{whose} : le certificat Apple Wallet a expiré"
    text = render_to_string("wallet/mail/certificate.txt", context)
    for address in addresses:
        post_letter(to=address, subject=subject, text=text)
