"""What Comptoir costs: the one table, as the landing page shows it."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.shops.models import Shop

TRIAL_DAYS = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """``price_cents`` a month without VAT; ``messages`` are e-mails a month, SMS come on top."""

    code: str
    name: str | Promise
    for_whom: str | Promise
    price_cents: int
    contacts: int
    messages: int
    helpers: int
    own_domain: bool


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
    ),
)


def plan_of(shop: Shop) -> Plan | None:
    """What the shop has chosen; None where something else was agreed, which knows no limit."""
    return next((plan for plan in PLANS if plan.code == shop.plan), None)


def plan_above(plan: Plan) -> Plan | None:
    """The next larger one."""
    larger = [other for other in PLANS if other.price_cents > plan.price_cents]
    return min(larger, key=lambda other: other.price_cents, default=None)
