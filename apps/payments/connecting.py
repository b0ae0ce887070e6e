"""The shop's own account at Stripe, on which its customers pay it: opened, and how it stands.

The shop is named beside the account in the very answer that makes it, before any event of it can
come. Stripe asks its questions on its own pages; here stands what it still asks for, in French.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.ratelimit import spend
from apps.core.refusal import Refusal
from apps.core.trail import record
from apps.payments.models import ShopAccount
from apps.payments.providers import stripe
from apps.payments.subscribing import PAGES, db_clock
from apps.shops.models import Shop

PAGE = "/gestion/reglages/encaissement/"
CAPABILITIES = {
    name: {"requested": True} for name in ("card_payments", "sepa_debit_payments", "transfers")
}

# What Stripe asks for begins with one of these; the longest that fits says it.
_ASKED: dict[str, str | Promise] = {
    "business_profile": _("ce que vend la boutique"),
    "business_profile.mcc": _("votre métier"),
    "business_profile.url": _("l’adresse de votre site, ou ce que vous vendez"),
    "business_profile.support_phone": _("un téléphone pour vos clients"),
    "business_type": _("la forme de l’entreprise"),
    "company": _("des informations sur l’entreprise"),
    "company.address": _("l’adresse de l’entreprise"),
    "company.tax_id": _("le SIREN"),
    "company.verification": _("un justificatif de l’entreprise (Kbis)"),
    "directors": _("les dirigeants"),
    "external_account": _("l’IBAN qui reçoit les versements"),
    "individual": _("des informations sur vous"),
    "individual.verification": _("une pièce d’identité"),
    "owners": _("les personnes qui détiennent plus d’un quart de l’entreprise"),
    "person": _("des informations sur une personne de l’entreprise"),
    "representative": _("la personne qui représente l’entreprise"),
    "settings.payments": _("le nom qui paraît sur les relevés de vos clients"),
    "tos_acceptance": _("votre accord aux conditions de Stripe"),
}


class NoAccount(Refusal):
    message = _("Ouvrez d’abord votre compte d’encaissement.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What Stripe waits for, each thing once."""

    things: list[str]
    is_late: bool


def asked(account: ShopAccount) -> Asked:
    return Asked(sorted({_said(name) for name in account.asked}), bool(account.late))


def _said(name: str) -> str:
    known = [prefix for prefix in _ASKED if name == prefix or name.startswith(f"{prefix}.")]
    if not known and name.startswith("person_"):
        known = ["person"]
    return str(_ASKED[max(known, key=len)]) if known else str(_("une information, dite par Stripe"))


def open_account(*, shop: Shop, by: Actor) -> str:
    """The address of Stripe's page that asks what it must know; opens the account first."""
    spend(PAGES, shop.pk)
    account = ShopAccount.objects.filter(shop=shop).first() or _made(shop, by)
    link = stripe.write(
        "account_links",
        f"account_link:{account.account_id}:{db_clock().timestamp()}",
        account=account.account_id,
        type="account_onboarding",
        refresh_url=f"{shop.url}{PAGE}?reprendre=1",
        return_url=f"{shop.url}{PAGE}?retour=1",
    )
    return str(link["url"])


def _made(shop: Shop, by: Actor) -> ShopAccount:
    """An account of the shop's own: Stripe asks its questions, and it answers to Stripe for them;
    fees and losses of its sales are its own."""
    made = stripe.write(
        "accounts",
        f"account:{shop.schema_name}",
        country="FR",
        email=shop.email or None,
        controller={
            "fees": {"payer": "account"},
            "losses": {"payments": "stripe"},
            "stripe_dashboard": {"type": "full"},
            "requirement_collection": "stripe",
        },
        capabilities=CAPABILITIES,
        metadata={"shop": shop.schema_name},
    )
    with transaction.atomic():
        account, is_new = ShopAccount.objects.get_or_create(
            shop=shop, defaults={"account_id": made["id"]}
        )
        if is_new:
            record(by, "account.opened", "shop", shop.pk, after={"account": made["id"]})
    return account


# --- how it stands -------------------------------------------------------------------------


def look(name: str) -> stripe.Thing | None:
    """The account as Stripe has it; None when the shop has taken our access away."""
    try:
        return stripe.read(f"accounts/{name}")
    except stripe.StripeRefused as refusal:
        if refusal.code == "account_invalid":
            return None
        raise


def follow(account: ShopAccount, found: stripe.Thing | None, began: datetime) -> bool:
    """Note what a read that began at ``began`` found; False when a later one was here first."""
    newer = ShopAccount.objects.filter(Q(read_at=None) | Q(read_at__lt=began), pk=account.pk)
    if found is None:
        return bool(newer.update(read_at=began, left_at=began, takes_cards=False, pays_out=False))
    wants = found.get("requirements") or {}
    return bool(
        newer.update(
            read_at=began,
            left_at=None,
            takes_cards=found["charges_enabled"],
            takes_debits=found["capabilities"].get("sepa_debit_payments") == "active",
            pays_out=found["payouts_enabled"],
            told_all=found["details_submitted"],
            asked=sorted(set(wants.get("currently_due") or [])),
            late=bool(wants.get("past_due")),
            why=(wants.get("disabled_reason") or "")[:60],
        )
    )


def refresh(account: ShopAccount) -> None:
    """Ask Stripe how the account stands. Standing in the shop's schema."""
    began = db_clock()
    follow(account, look(account.account_id), began)
