"""A period that was paid becomes the shop's own invoice, once whatever is told again."""

from datetime import datetime
from uuid import uuid5

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from apps.club import story
from apps.club.models import Member, Period, PeriodState
from apps.core.actor import SYSTEM
from apps.core.refusal import Refusal
from apps.core.templatetags.french import jour
from apps.invoicing.models import Invoice, Method
from apps.invoicing.online import named
from apps.invoicing.reckoning import THOUSAND
from apps.invoicing.services import issue, pay, save_draft
from apps.invoicing.words import Buyer, Cause, InvoiceWords, LineWords


def bill(paid_as: str, now: datetime) -> Invoice | None:
    """Issue and settle the invoice of what Stripe calls ``paid_as``; asked again it is the same
    one. Where the shop cannot issue any yet, the periods say why, and it is tried again."""
    try:
        return _bill(paid_as, now)
    except Refusal as refusal:
        Period.objects.filter(paid_as=paid_as).update(why_not=str(refusal)[:300])
        return None


@transaction.atomic
def _bill(paid_as: str, now: datetime) -> Invoice | None:
    periods = list(
        Period.objects.select_for_update(of=("self",))
        .filter(paid_as=paid_as, state=PeriodState.PAID)
        # Not the invoice: what is joined to a row that was waited for is as before the wait.
        .select_related("member__plan", "member__contact", "member__giver")
        .order_by("part")
    )
    if not periods or periods[0].invoice_id:
        return periods[0].invoice if periods else None
    member, token = periods[0].member, named(paid_as)
    with translation.override("fr"):
        words = _words(member, periods, now)
        draft = save_draft(words, now=now, cause=Cause(contact_id=member.payer.pk, token=token))
    invoice = issue(draft, by=SYSTEM, now=now)
    pay(
        invoice,
        invoice.total_cents,
        method=Method.ONLINE,
        paid_on=timezone.localdate(now),
        token=uuid5(token, "payment"),
        by=SYSTEM,
        now=now,
    )
    Period.objects.filter(paid_as=paid_as).update(invoice=invoice, why_not="")
    story.tell(member, "invoiced", now=now, about=invoice.number, number=invoice.number)
    return invoice


def _words(member: Member, periods: list[Period], now: datetime) -> InvoiceWords:
    plan, payer = member.plan, member.payer
    many, first, last = len(periods), periods[0], periods[-1]
    label = _("%(plan)s : %(bottles)d bouteilles, du %(start)s au %(end)s") % {
        "plan": plan.name,
        "bottles": plan.bottles,
        "start": jour(first.starts),
        "end": jour(last.ends),
    }
    ship = first.ship_cents
    lines = [LineWords(label, many * THOUSAND, first.amount_cents - ship, plan.vat)]
    if ship:
        lines.append(LineWords(_("Livraison"), many * THOUSAND, ship, plan.vat))
    paid_on = timezone.localdate(min(first.paid_at or now, now))
    return InvoiceWords(Buyer(payer.full_name, member.address), tuple(lines), paid_on=paid_on)


def bill_waiting(now: datetime) -> int:
    """Once more what could not be invoiced; how many have their invoice now."""
    late = Period.objects.filter(state=PeriodState.PAID, invoice=None)
    names = late.order_by("pk").values_list("paid_as", flat=True).distinct()
    return sum(1 for name in list(names) if bill(name, now))
