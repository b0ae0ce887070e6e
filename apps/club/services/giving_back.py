"""What was paid goes back to who renounces, as the team gives money back: claimed, asked of Stripe
once, with a credit note in the books. Again, it gives back what came in meanwhile (a debit takes
days) and no cent more.
"""

from datetime import datetime
from uuid import uuid5

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.club import letters
from apps.club.member_models import Leaving
from apps.club.models import PeriodState
from apps.club.story import tell
from apps.core.actor import SYSTEM, Actor
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.payments import refunding
from apps.payments.models import UNSURE, Back, Charge, Refund

REASON = "withdrawn"  # of ``refunding.REASONS``
CARRY = "apps.club.care.carry_out_leaving"


class NotSettledYet(Exception):
    """What Stripe took, or gave back, is not known here yet: it is tried again."""


class NothingAwaited(Refusal):
    message = _("Rien n’est à rembourser ici.")


@transaction.atomic
def bottles_came_back(leaving_id: int, *, by: Actor, now: datetime) -> None:
    """The shop has its bottles again (L221-24): the money may go. Raises ``NothingAwaited``."""
    awaited = Leaving.objects.unpaid_back().filter(pk=leaving_id, awaits_bottles=True)
    if not awaited.update(awaits_bottles=False):
        raise NothingAwaited()
    word = Leaving.objects.select_related("member").get(pk=leaving_id)
    tell(word.member, "bottles_back", now=now, about=f"leaving:{word.pk}", by=by)
    enqueue(CARRY, word.pk, urgent=True)


def give_back(leaving_id: int, *, now: datetime) -> None:
    """All that was paid. The books follow what Stripe says of it (``invoicing.online``). Raises
    ``NotSettledYet``, and what ``refunding.give_back`` raises: then it is tried again."""
    word = Leaving.objects.select_related("member__plan", "member__contact").get(pk=leaving_id)
    paid = word.member.periods.filter(state=PeriodState.PAID).exclude(payment_id="")
    payments = set(paid.values_list("payment_id", flat=True))
    charges = list(Charge.objects.filter(payment_id__in=payments).order_by("pk"))
    for charge in charges:
        _give_back(word, charge, now)
    refunds = Refund.objects.filter(charge__in=charges, reason=REASON).order_by("pk")
    if payments != {one.payment_id for one in charges} or refunds.filter(status__in=UNSURE):
        raise NotSettledYet()
    _note(word, list(refunds.exclude(status=Back.FAILED)), now)


def _give_back(word: Leaving, charge: Charge, now: datetime) -> None:
    if left := refunding.left_of(charge):
        # What failed was never made: asked for anew it is another refund.
        failed = charge.refunds.filter(status=Back.FAILED).count()
        once = uuid5(word.key, f"{charge.charge_id}:{failed}")
        refunding.give_back(charge, left, reason=REASON, once=once, by=SYSTEM, now=now)


@transaction.atomic
def _note(word: Leaving, refunds: list[Refund], now: datetime) -> None:
    """The money left; the member hears of each refund once."""
    Leaving.objects.filter(pk=word.pk, given_back_at=None).update(given_back_at=now)
    new = [one for one in refunds if _is_told(word, one, now)]
    if new:
        cause, cents = f"club-back:{word.pk}:{new[0].pk}", sum(one.amount_cents for one in new)
        letters.post_letter(word.member, letters.GIVEN_BACK, cause, to=word.email, paid_cents=cents)


def _is_told(word: Leaving, refund: Refund, now: datetime) -> bool:
    cents, about = refund.amount_cents, f"refund:{refund.pk}"
    return tell(word.member, "given_back", now=now, about=about, price_cents=cents)
