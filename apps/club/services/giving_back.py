"""What was paid goes back to who renounces: at Stripe under a key of its own, with our credit note
for each invoice. Again, it gives back what came in meanwhile (a debit takes days) and no cent more.
"""

from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.club import letters
from apps.club.member_models import Leaving
from apps.club.models import Period, PeriodState
from apps.club.story import tell
from apps.core.actor import SYSTEM, Actor
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.invoicing.models import Invoice, Method
from apps.invoicing.services import credit, credited_quantities, pay
from apps.payments import changing, selling
from apps.shops.services import shop_here

_TOKENS = UUID("5a8e7d0c-9d0b-4c1c-8a55-2f6f3a1f7c11")
REASON = "Rétractation du client (Code de la consommation, L221-18)"
CARRY = "apps.club.care.carry_out_leaving"


class NotInvoicedYet(Exception):
    """A payment has no invoice yet that could be credited: it is tried again."""


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


def give_back(leaving_id: int, *, now: datetime) -> int:
    """All that was paid; how many cents went now. Raises ``NotInvoicedYet``, and what Stripe's
    silence raises: then it is tried again."""
    word = Leaving.objects.select_related("member__plan", "member__contact").get(pk=leaving_id)
    paid = list(word.member.periods.filter(state=PeriodState.PAID).select_related("invoice"))
    if any(period.invoice is None and not period.why_not for period in paid):
        raise NotInvoicedYet()
    account, cents = selling.account_of(shop_here()), 0
    for payment in sorted({period.payment_id for period in paid if period.payment_id}):
        cents += changing.give_back(account, payment, once=f"leaving:{word.pk}")
    _note(word, paid, cents, now)
    return cents


@transaction.atomic
def _note(word: Leaving, paid: list[Period], cents: int, now: datetime) -> None:
    """Credit notes, and the money that left; the member hears of it."""
    for invoice in {period.invoice for period in paid if period.invoice}:
        _undo(invoice, now)
    Leaving.objects.filter(pk=word.pk, given_back_at=None).update(given_back_at=now)
    if cents:
        about = f"leaving:{word.pk}:{len(paid)}"
        tell(word.member, "given_back", now=now, about=about, price_cents=cents)
        letters.post_letter(
            word.member, letters.GIVEN_BACK, f"club-back:{about}", to=word.email, paid_cents=cents
        )


def _undo(invoice: Invoice, now: datetime) -> None:
    taken = credited_quantities(invoice)
    lines = invoice.record.facts["lines"]
    left = {n: line["quantity"] - taken.get(n, 0) for n, line in enumerate(lines)}
    if any(left.values()):
        token = uuid5(_TOKENS, f"credit:{invoice.number}")
        credit(invoice, left, reason=REASON, token=token, by=SYSTEM, now=now)
    held = Invoice.objects.with_balance().get(pk=invoice.pk)
    if held.owed < 0:
        token = uuid5(_TOKENS, f"back:{invoice.number}")
        today = timezone.localdate(now)
        first = held.payments.order_by("record_id").first()
        way = Method(first.method) if first else Method.CARD
        pay(held, held.owed, method=way, paid_on=today, token=token, by=SYSTEM, now=now)
