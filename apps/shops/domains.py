"""A shop's own domain: claimed by name, proven by a DNS record, then it opens the shop.

A claim routes nothing and blocks nobody: only a proven name becomes a ``Domain``.
"""

import re

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.core.tenancy import across_shops
from apps.core.trail import record
from apps.shops.models import Domain, DomainClaim, Shop
from apps.shops.plans import PLANS, plan_of
from apps.shops.providers.dns import Silent, look_up

LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
NAME = re.compile(rf"(?:{LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")
QUESTIONS = Limit("dns", 20, 600)
CLAIMS_PER_SHOP = 5


class NotADomain(Refusal):
    message = _("Écrivez un nom de domaine entier, comme www.macave.fr, sans http ni barre.")
    status = 422


class TooManyDomains(Refusal):
    message = _("Cinq domaines par boutique au plus. Retirez-en un d’abord.")


class NotInThePlan(Refusal):
    message = _(
        "Un nom de domaine à vous fait partie de la formule %(plan)s : changez de formule dans "
        "Réglages, Abonnement."
    )


class NotYetProven(Refusal):
    message = _(
        "L’enregistrement n’est pas encore visible. Un changement de DNS peut prendre une heure ; "
        "vérifiez-le, puis réessayez."
    )


class DnsSilent(Refusal):
    message = _("Le DNS de ce domaine ne répond pas. Réessayez dans quelques minutes.")
    status = 503


class OfAnotherShop(Refusal):
    message = _("Ce domaine ouvre déjà une autre boutique, qui en garde la preuve.")


def read_domain(text: str) -> str:
    """The host name in its ASCII form. Raises ``NotADomain``, also for the platform's own."""
    try:
        name = text.strip().lower().rstrip(".").encode("idna").decode("ascii")
    except UnicodeError as error:
        raise NotADomain() from error
    own = name == settings.PLATFORM_HOST or name.endswith(f".{settings.PLATFORM_HOST}")
    if not NAME.fullmatch(name) or len(name) > 253 or own or name.endswith(".localhost"):
        raise NotADomain()
    return name


@transaction.atomic
def claim(*, shop: Shop, text: str, by: Actor) -> DomainClaim:
    """Note that the shop wants this name, and the word that will prove it.

    Raises ``NotADomain``, ``NotInThePlan`` or ``TooManyDomains``. A name that was proven under a
    larger plan goes on opening the shop.
    """
    name = read_domain(text)
    plan = plan_of(shop)
    if plan and not plan.own_domain:
        raise NotInThePlan(plan=next(one.name for one in PLANS if one.own_domain))
    # The lock makes the count below true for two requests at once.
    Shop.objects.select_for_update().get(pk=shop.pk)
    found = DomainClaim.objects.filter(shop=shop, domain=name).first()
    if found:
        return found
    if DomainClaim.objects.filter(shop=shop).count() >= CLAIMS_PER_SHOP:
        raise TooManyDomains()
    made = DomainClaim.objects.create(shop=shop, domain=name)
    record(by, "domain.claim", "domain_claim", made.pk, after={"domain": name})
    return made


def stands(claim: DomainClaim) -> bool:
    """Whether the DNS proves the claim now: the word in a TXT, or a CNAME to the shop's host."""
    try:
        return claim.word in look_up(
            f"_comptoir.{claim.domain}", "TXT"
        ) or claim.shop.host in look_up(claim.domain, "CNAME")
    except Silent as error:
        raise DnsSilent() from error


def prove(*, claim: DomainClaim, by: Actor) -> Domain:
    """Ask the DNS, then let the name open the shop. Asked outside any transaction.

    A name that another shop once proved passes over when that shop's proof is gone.
    Raises ``NotYetProven``, ``OfAnotherShop``, ``DnsSilent`` or ``TooMany``.
    """
    spend(QUESTIONS, claim.shop_id)
    if not stands(claim):
        raise NotYetProven()
    others = DomainClaim.objects.exclude(shop=claim.shop).select_related("shop")
    with across_shops():
        rival = others.filter(domain=claim.domain, shop__domains__domain=claim.domain).first()
    if rival and stands(rival):
        raise OfAnotherShop()
    with transaction.atomic():
        with across_shops():
            Domain.objects.filter(domain=claim.domain).exclude(tenant=claim.shop).delete()
        domain, made = Domain.objects.get_or_create(
            domain=claim.domain,
            tenant=claim.shop,
            defaults={"is_primary": False, "verified_at": timezone.now()},
        )
        if made:
            record(by, "domain.prove", "domain", domain.pk, after={"domain": claim.domain})
    return domain


@transaction.atomic
def release(*, claim: DomainClaim, by: Actor) -> None:
    """The name opens the shop no more."""
    record(by, "domain.release", "domain_claim", claim.pk, before={"domain": claim.domain})
    Domain.objects.filter(domain=claim.domain, tenant_id=claim.shop_id).delete()
    claim.delete()
