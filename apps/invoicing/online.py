"""What Stripe tells of the shop's customers' payments, in its books: money given back is a credit
note and a payment out; what Stripe and the platform keep, what banks contest and what is paid out
are movements. Sealed like all else.

Each time the whole is looked at and what the books lack of it is written: told again, in whatever
order, nothing more is. An invoice is found by Stripe's name of what was paid, see ``named``.
"""

import logging
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from apps.core import due
from apps.core.actor import SYSTEM
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.invoicing import closing
from apps.invoicing.models import Invoice, Method, Move, Movement, Payment, RecordKind
from apps.invoicing.seal import Place, next_place
from apps.invoicing.services import credit_amount, pay
from apps.payments.models import Back, Charge, Payout, Verdict
from apps.payments.models import Refund as Given
from apps.payments.refunding import REASONS

FOLLOW = "apps.invoicing.tasks.charge_moved"  # named, not imported: tasks stand above
LOOKED_FOR = timedelta(days=3)
logger = logging.getLogger("comptoir.invoicing")
_NAMES = UUID("3c0f6f0e-6e1b-4f0e-9d6a-7a51f2a2c1d4")  # of invoices, by what Stripe calls them


def named(stripes: str) -> UUID:
    """The token of the invoice, credit note or payment that comes of something at Stripe."""
    return uuid5(_NAMES, stripes)


def invoice_of(charge: Charge) -> Invoice | None:
    return Invoice.objects.filter(token=named(charge.name)).first()


@transaction.atomic
def follow_charge(charge_id: int, now: datetime) -> None:
    """Bring the books to where a charge, its refunds and disputes stand. What was sold without an
    invoice of ours is none of these books."""
    place = next_place(now)  # one at a time: who waited finds what was written
    charge = Charge.objects.prefetch_related("refunds", "disputes").get(pk=charge_id)
    invoice = invoice_of(charge)
    if invoice is None:
        _later(charge, now)
        return
    for refund in charge.refunds.all():
        if refund.status == Back.DONE and refund.refund_id:
            _given_back(invoice, refund, now)
    for what, about, cents, on in _wanted(charge):
        _bring(place, what, about, cents, on)


def _later(charge: Charge, now: datetime) -> None:
    """Its invoice may be on its way: looked for again, each time after twice as long."""
    age = now - charge.read_at
    if age < LOOKED_FOR:
        enqueue(FOLLOW, charge.pk, at=now + max(age, timedelta(minutes=1)))


@transaction.atomic
def follow_payout(payout_id: int, now: datetime) -> None:
    """What reached the shop's bank, or came back from there."""
    place, payout = next_place(now), Payout.objects.get(pk=payout_id)
    cents = -payout.amount_cents if payout.status == "paid" else 0
    _bring(place, Move.PAYOUT, payout.payout_id, cents, payout.arrives_on)


def _given_back(invoice: Invoice, refund: Given, now: datetime) -> None:
    """A credit note over what none was written for yet, and the money out."""
    token = named(refund.refund_id)
    paid = uuid5(token, "paid")
    if Payment.objects.filter(token=paid).exists():
        return
    held = Invoice.objects.with_balance().get(pk=invoice.pk)
    cents = refund.amount_cents - max(0, -held.owed)
    reason = str(REASONS.get(refund.reason, "Remboursement"))
    how = {"by": SYSTEM, "now": now}
    on = min(timezone.localdate(refund.asked_at), timezone.localdate(now))
    try:
        with transaction.atomic():
            if cents > 0:
                credit_amount(invoice, cents, reason=reason, token=token, **how)  # type: ignore[arg-type]
            out = -refund.amount_cents
            pay(invoice, out, method=Method.ONLINE, paid_on=on, token=paid, **how)  # type: ignore[arg-type]
    except Refusal:
        logger.error("refund not in the books", extra={"refund": refund.pk})


def _wanted(charge: Charge) -> Iterator[tuple[Move, str, int, date]]:
    """What the movements of a charge must add up to, by kind and name."""
    on = timezone.localdate(charge.made_at)
    yield Move.FEE, charge.charge_id, -charge.fee_cents, on
    yield Move.SHARE, charge.charge_id, -charge.kept_cents, on
    for refund in charge.refunds.exclude(refund_id="").order_by("asked_at"):
        name = refund.refund_id
        came_back = refund.status == Back.FAILED and _is_paid_out(name)
        on = timezone.localdate(refund.asked_at)
        yield Move.RETURNED, name, refund.amount_cents if came_back else 0, on
    yield Move.SHARE, charge.share_id, charge.share_back_cents, on  # with the last refund
    for dispute in charge.disputes.all():
        on, name = timezone.localdate(dispute.made_at), dispute.dispute_id
        is_lost = dispute.verdict == Verdict.LOST
        yield Move.CONTESTED, name, -dispute.taken_cents, on
        yield Move.FEE, name, -dispute.fee_cents, on
        yield Move.LOST, name, -dispute.taken_cents if is_lost else 0, on


def _is_paid_out(refund_id: str) -> bool:
    return Payment.objects.filter(token=uuid5(named(refund_id), "paid")).exists()


def _bring(place: Place, what: Move, about: str, cents: int, on: date) -> None:
    """Write what is missing until the movements of that kind and name add up to ``cents``."""
    known = Movement.objects.filter(what=what, about=about)
    missing = cents - (known.aggregate(cents=Sum("amount_cents"))["cents"] or 0)
    if not missing:
        return
    on = min(on, place.on)
    facts = {"what": what.value, "about": about, "amount_cents": missing}
    again = next_place(place.at)  # the chain has moved on since
    sealed = again.write(RecordKind.MOVEMENT, {**facts, "moved_on": on.isoformat()})
    Movement.objects.create(record=sealed, moved_on=on, **facts)
    due.note(closing.DUE, closing.next_night(again.on))
