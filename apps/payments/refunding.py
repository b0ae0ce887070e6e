"""Money given back to a shop's customer, whole or in part: claimed, committed, then asked for.

What Stripe was asked and did not answer is unknown until Stripe is asked again: the form's mark
stands in the refund there, and makes a second asking the same act.
"""

import contextlib
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core import due
from apps.core.actor import Actor
from apps.core.money import show_euros
from apps.core.refusal import Refusal
from apps.core.trail import record
from apps.payments import takings
from apps.payments.models import UNSURE, Back, Charge, Refund, ShopAccount, Verdict
from apps.payments.providers import stripe
from apps.payments.subscribing import db_clock

DUE = "refunds"  # this room's name in the due-index
PATIENCE = timedelta(minutes=1)  # longer than any request of ours lives
REASONS = {
    "requested_by_customer": _("Le client l’a demandé"),
    "returned": _("Article rendu ou abîmé"),
    "missing": _("Article manquant ou non livré"),
    "duplicate": _("Payé deux fois"),
    "gesture": _("Geste commercial"),
    "withdrawn": _("Rétractation du client (Code de la consommation, L221-18)"),
}
_AT_STRIPE = ("requested_by_customer", "duplicate")  # the reasons Stripe knows


class NothingLeft(Refusal):
    message = _("Sur ce paiement il reste %(left)s à rembourser au plus.")
    status = 422


class Contested(Refusal):
    message = _(
        "Ce paiement est contesté : sa banque l’a déjà repris. Répondez chez Stripe, le "
        "rembourser ici le rendrait deux fois."
    )


class NotSent(Refusal):
    message = _("Stripe n’a pas remboursé (%(code)s). Rien n’est parti.")
    status = 502


class NotSure(Refusal):
    message = _(
        "Stripe n’a pas répondu : le remboursement est peut-être parti. Comptoir le lui demande "
        "et la page le dira ; ne recommencez pas."
    )
    status = 503


def left_of(charge: Charge) -> int:
    """What may still be given back: neither given, nor on its way, nor perhaps on its way."""
    on_the_way = charge.refunds.filter(status__in=UNSURE, refund_id="")
    asked = on_the_way.aggregate(cents=Sum("amount_cents"))["cents"] or 0
    return max(0, charge.amount_cents - charge.refunded_cents - asked)


def is_contested(charge: Charge) -> bool:
    taken = charge.disputes.filter(is_inquiry=False).exclude(verdict=Verdict.WON)
    return taken.exists()


def share_of(charge: Charge, cents: int) -> int:
    """What Stripe gives back of the platform's share along with ``cents``: all of it with the last
    of them, else in proportion."""
    if cents >= charge.amount_cents - charge.refunded_cents:
        return charge.share_cents
    part = (2 * charge.kept_cents * cents + charge.amount_cents) // (2 * charge.amount_cents)
    return min(charge.share_cents, part)


def give_back(
    charge: Charge, cents: int, *, reason: str, once: UUID, by: Actor, now: datetime
) -> Refund:
    """Give ``cents`` of a charge back; ``once`` again is the same refund. Outside of any
    transaction, standing in the shop's schema.

    Raises ``NothingLeft``, ``Contested``; ``NotSent`` when Stripe refused, ``NotSure`` when it
    did not answer.
    """
    refund, is_new = _claim(charge, cents, reason=reason, once=once, by=by, now=now)
    if is_new:
        _send(refund)
    return refund


@transaction.atomic
def _claim(
    charge: Charge, cents: int, *, reason: str, once: UUID, by: Actor, now: datetime
) -> tuple[Refund, bool]:
    held = Charge.objects.select_for_update().get(pk=charge.pk)
    if found := Refund.objects.filter(once=once).first():
        return found, False
    if is_contested(held):
        raise Contested()
    left = left_of(held)
    if not 0 < cents <= left:
        raise NothingLeft(left=show_euros(left))
    refund = Refund.objects.create(
        shop_id=held.shop_id,
        charge=held,
        once=once,
        amount_cents=cents,
        reason=reason,
        actor_id=by.id,
        asked_at=now,
    )
    after = {"charge": held.charge_id, "cents": cents, "reason": reason}
    record(by, "refund.asked", "refund", refund.pk, after=after)
    due.note(DUE, now + PATIENCE)  # should this process die before it knows
    return refund, True


def _send(refund: Refund) -> None:
    """Ask Stripe under the mark, and follow what it says."""
    account = ShopAccount.objects.select_related("shop").get(shop_id=refund.shop_id)
    said = {"reason": refund.reason} if refund.reason in _AT_STRIPE else {}
    if refund.charge.share_cents > 0:  # of a charge that bears none, Stripe refuses the word
        said["refund_application_fee"] = "true"
    try:
        stripe.write(
            "refunds",
            f"refund:{refund.once}",
            on=account.account_id,
            charge=refund.charge.charge_id,
            amount=refund.amount_cents,
            metadata={takings.ONCE: str(refund.once)},
            **said,
        )
    except stripe.StripeRefused as refusal:
        _ended(refund, Back.FAILED, refusal.code)
        raise NotSent(code=refusal.code) from refusal
    except stripe.StripeSilent as silence:
        _ended(refund, Back.UNKNOWN, "")
        raise NotSure() from silence
    with contextlib.suppress(stripe.StripeSilent, stripe.StripeRefused):
        _look_again(account, refund.charge)  # its event tells it too


def _look_again(account: ShopAccount, charge: Charge) -> None:
    began = db_clock()
    seen = takings.look(takings.Taking(account, charge.charge_id))
    takings.follow(account, seen, began)


def _ended(refund: Refund, status: Back, code: str) -> None:
    still = Refund.objects.filter(pk=refund.pk, status__in=UNSURE, refund_id="")
    still.update(status=status, why_not=code[:60])


# --- settled by asking ---------------------------------------------------------------------


def settle(now: datetime) -> None:
    """In a shop: ask Stripe of each refund nobody knows the end of. One that is not there was
    never made: it is free to be asked for anew."""
    waiting = Refund.objects.filter(status__in=UNSURE, asked_at__lte=now - PATIENCE)
    for refund in waiting.select_related("charge").order_by("pk"):
        account = ShopAccount.objects.select_related("shop").get(shop_id=refund.shop_id)
        try:
            _look_again(account, refund.charge)
        except (stripe.StripeSilent, stripe.StripeRefused):
            continue
        _ended(refund, Back.FAILED, "never_made")
    due.settle(DUE, _next_look)


def _next_look() -> datetime | None:
    first = Refund.objects.filter(status__in=UNSURE).order_by("asked_at").first()
    return max(first.asked_at, timezone.now()) + PATIENCE if first else None
