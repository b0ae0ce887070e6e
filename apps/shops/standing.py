"""What a shop may do for what it pays: the one door by which plans become rights.

A shop that nothing pays for any more goes on for ``GRACE_DAYS`` with a banner, then its office is
read only: nothing is written there and nothing commercial leaves. Whatever belongs to its customers
goes on for ever: cards, stamps and rewards at the counter, their choices, the legal pages; so do
the team's own accounts, the plan's page and the export. Paid again, all is as it was.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.core.templatetags.french import jour
from apps.shops.models import Shop, Unpaid
from apps.shops.plans import GRACE_DAYS, TRIAL_DAYS
from apps.shops.services import change_settings

PAGE = "/gestion/reglages/abonnement/"
TOLD_BEFORE = timedelta(days=7)  # how long before its end a trial is spoken of on every page
# What rests while the office is read only; of these views the team may still read.
RESTS = frozenset({Right.WRITE_DROPS, Right.CATALOGUE, Right.LOYALTY_RULES, Right.IMPORT_EXPORT})


class Standing(StrEnum):
    PAID = "paid"
    TRIAL = "trial"
    GRACE = "grace"
    READ_ONLY = "read_only"


class ReadOnly(Refusal):
    message = _(
        "Votre boutique est en lecture seule depuis le %(since)s : rien n’est perdu, les cartes se "
        "tamponnent et vos données s’exportent. Pour écrire de nouveau, la personne propriétaire "
        "choisit une formule dans Réglages, Abonnement."
    )
    status = 402


@dataclass(frozen=True, slots=True)
class Notice:
    """The banner of the team's pages; ``tone`` as ``base.css`` has it."""

    sentence: str
    tone: str


def trial_end(now: datetime) -> datetime | None:
    """When a shop that opens now must have chosen; None where nobody can pay."""
    return now + timedelta(days=TRIAL_DAYS) if settings.STRIPE_SECRET_KEY else None


def standing(shop: Shop, now: datetime) -> Standing:
    if shop.unpaid_from is None:
        return Standing.PAID
    if now < shop.unpaid_from:
        return Standing.TRIAL
    return Standing.GRACE if now < rests_from(shop.unpaid_from) else Standing.READ_ONLY


def rests_from(unpaid_from: datetime) -> datetime:
    return unpaid_from + timedelta(days=GRACE_DAYS)


def is_read_only(shop: Shop, now: datetime) -> bool:
    return standing(shop, now) == Standing.READ_ONLY


def check_may_write(shop: Shop, now: datetime) -> None:
    """Raises ``ReadOnly``."""
    if shop.unpaid_from and is_read_only(shop, now):
        raise ReadOnly(since=jour(rests_from(shop.unpaid_from)))


_SAID = {
    Unpaid.TRIAL: "Votre essai est terminé.",
    Unpaid.LATE: "Votre dernier paiement n’a pas abouti.",
    Unpaid.ENDED: "Votre abonnement est terminé.",
}


def notice(shop: Shop, now: datetime) -> Notice | None:
    """What every page of the team says of it; None when there is nothing to do."""
    at, stands = shop.unpaid_from, standing(shop, now)
    if at is None or (stands == Standing.TRIAL and at - now > TOLD_BEFORE):
        return None
    if stands == Standing.TRIAL:
        return Notice(f"Votre essai se termine le {jour(at)}. Rien ne s’arrête ce jour-là.", "warn")
    why = _SAID[Unpaid(shop.unpaid_why)]
    rests = jour(rests_from(at))
    if stands == Standing.GRACE:
        return Notice(f"{why} Tout fonctionne jusqu’au {rests}.", "warn")
    return Notice(
        f"{why} Depuis le {rests}, la gestion est en lecture seule : les cartes se tamponnent, "
        "rien n’est perdu, tout s’exporte.",
        "bad",
    )


def settle(*, shop: Shop, plan: str, unpaid_from: datetime | None, why: str, by: Actor) -> Shop:
    """What its subscription says now: its plan, and since when nothing pays for it."""
    values = {"plan": plan, "unpaid_from": unpaid_from, "unpaid_why": why}
    return change_settings(shop=shop, by=by, values=values)
