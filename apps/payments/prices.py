"""Our plans at Stripe: a product each, a price each, the rate of VAT of each territory.

Made when first needed and found again by name; a price that changes in ``shops.plans`` gets a new
one, and who pays the old one goes on paying it.
"""

from apps.payments import mirror
from apps.payments.providers import stripe
from apps.shops.models import Region, Shop
from apps.shops.plans import PLANS, VAT_PERCENT, Plan

CURRENCY = "eur"
PLAN = "plan"  # the price's metadata: a code of ``PLANS``


def _lookup(plan: Plan) -> str:
    return f"comptoir_{plan.code}_{plan.price_cents}"


def price_of(plan: Plan) -> str:
    """The id of the plan's price, made when it is not there yet. Asked for each time: what is
    kept here may be of another key's."""
    lookup = _lookup(plan)
    listed = stripe.read("prices", lookup_keys=[lookup], active=True, expand=["data.product"])
    found = listed["data"][0] if listed["data"] else _make(plan, lookup)
    mirror.keep_product(found["product"])
    mirror.keep_price({**found, "product": found["product"]["id"]})
    return str(found["id"])


def _make(plan: Plan, lookup: str) -> stripe.Thing:
    product = f"comptoir_{plan.code}"
    try:
        stripe.write("products", f"product:{plan.code}", id=product, name=f"Comptoir {plan.name}")
    except stripe.StripeRefused as refusal:
        if refusal.code != "resource_already_exists":
            raise
    return stripe.write(
        "prices",
        f"price:{lookup}",
        product=product,
        currency=CURRENCY,
        unit_amount=plan.price_cents,
        recurring={"interval": "month"},
        tax_behavior="exclusive",
        lookup_key=lookup,
        metadata={PLAN: plan.code},
        expand=["product"],
    )


def tax_rate_of(shop: Shop) -> str | None:
    """The id of the VAT rate of the shop's territory; None where there is none to pay."""
    percent = VAT_PERCENT[Region(shop.region)]
    if not percent:
        return None
    mark = f"tva_{percent}"
    rates = stripe.every("tax_rates", active=True)
    found = next((one for one in rates if one["metadata"].get("comptoir") == mark), None)
    found = found or stripe.write(
        "tax_rates",
        f"tax_rate:{mark}",
        display_name="TVA",
        inclusive=False,
        percentage=str(percent),
        country="FR",
        jurisdiction="FR",
        metadata={"comptoir": mark},
    )
    mirror.keep_tax_rate(found)
    return str(found["id"])


def plan_of_price(price: stripe.Thing) -> str | None:
    """The code of the plan it pays for; None for a price that is not ours."""
    code = (price.get("metadata") or {}).get(PLAN)
    return code if code in {plan.code for plan in PLANS} else None
