"""What Comptoir costs: the one table of plans and their limits; every screen and rule reads it."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.shops.models import Region, Shop

TRIAL_DAYS = 30
GRACE_DAYS = 14  # how long a shop that is not paid for goes on as before
# VAT on what a shop pays us, by its territory (CGI art. 294 and 296).
VAT_PERCENT = {
    Region.FR: Decimal(20),
    Region.GP: Decimal("8.5"),
    Region.MQ: Decimal("8.5"),
    Region.RE: Decimal("8.5"),
    Region.GF: Decimal(0),
    Region.YT: Decimal(0),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """``price_cents`` a month without VAT; ``messages`` are e-mails a month, SMS come on top;
    ``fee_permille`` is what the platform keeps of the shop's own sales by card."""

    code: str
    name: str | Promise
    for_whom: str | Promise
    price_cents: int
    contacts: int
    messages: int
    helpers: int
    own_domain: bool
    fee_permille: int


PLANS = (
    Plan(
        code="echoppe",
        name=_("Échoppe"),
        for_whom=_("Une adresse, une carte, l’essentiel."),
        price_cents=1_900,
        contacts=500,
        messages=2_000,
        helpers=2,
        own_domain=False,
        fee_permille=20,
    ),
    Plan(
        code="boutique",
        name=_("Boutique"),
        for_whom=_("Une équipe au comptoir, votre propre adresse web."),
        price_cents=3_900,
        contacts=3_000,
        messages=15_000,
        helpers=8,
        own_domain=True,
        fee_permille=10,
    ),
    Plan(
        code="maison",
        name=_("Maison"),
        for_whom=_("Beaucoup d’habitués, beaucoup à leur dire."),
        price_cents=7_900,
        contacts=20_000,
        messages=100_000,
        helpers=30,
        own_domain=True,
        fee_permille=5,
    ),
)


def plan_named(code: str) -> Plan | None:
    return next((plan for plan in PLANS if plan.code == code), None)


def plan_of(shop: Shop) -> Plan | None:
    """What the shop has chosen; None where something else was agreed, which knows no limit."""
    return plan_named(shop.plan)


def plan_above(plan: Plan) -> Plan | None:
    """The next larger one."""
    larger = [other for other in PLANS if other.price_cents > plan.price_cents]
    return min(larger, key=lambda other: other.price_cents, default=None)
