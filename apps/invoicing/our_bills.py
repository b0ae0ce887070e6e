"""What the platform invoices the shops themselves: their plan, month by month, from its own shop,
so that number, seal, file and archive are those of any invoice.

Stripe's name of what was paid is the invoice's token: told twice, it is one. What cannot be
invoiced keeps its reason and waits (``payments.billing``).
"""

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid5

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.actor import SYSTEM
from apps.core.refusal import Refusal
from apps.core.templatetags.french import jour
from apps.core.tenancy import in_schema
from apps.invoicing.models import Invoice, Method, Paper, PaperState
from apps.invoicing.online import named
from apps.invoicing.reckoning import THOUSAND, split
from apps.invoicing.services import credit_amount, issue, pay, save_draft
from apps.invoicing.vat import territory_of
from apps.invoicing.words import Address, Buyer, Cause, InvoiceWords, LineWords, Operation
from apps.payments import billing
from apps.payments.models import PlanBill
from apps.shops.models import Region
from apps.shops.plans import VAT_PERCENT, plan_named

logger = logging.getLogger("comptoir.invoicing")
_A_CENT = 2  # what Stripe's rounding of each line may differ by


class BuyerUnknown(Refusal):
    message = _("La boutique n’a pas encore dit : %(facts)s.")


class NotAsCharged(Refusal):
    message = _("La TVA de la boutique et celle que Stripe a prise diffèrent : à voir à la main.")


class CreditAtStripe(Refusal):
    message = _(
        "Stripe doit de l’argent à la boutique sur cette période : avoir à faire à la main."
    )


class CreditFirst(Refusal):
    message = _("L’avoir qui la règle en partie n’est pas encore émis.")


class InvoiceFirst(Refusal):
    message = _("La facture que cet avoir corrige n’est pas encore émise.")


def invoice(shop: str, bill_id: int, now: datetime) -> None:
    """Put what the shop in that schema paid on an invoice, or what it was given back on a credit
    note. Standing in the platform's own shop; again, it changes nothing."""
    with in_schema(shop):
        bill = PlanBill.objects.select_related("shop", "corrects").filter(pk=bill_id).first()
    if bill is None or bill.number:
        return
    try:
        with transaction.atomic():
            made = _credited(bill, now) if bill.corrects else _issued(bill, now)
            with in_schema(shop):
                billing.numbered(bill, made.number)
    except Refusal as refusal:
        logger.error("plan not invoiced", extra={"bill": bill_id})  # it waits, seen by staff
        with in_schema(shop):
            billing.waits(bill, str(refusal))


def _issued(bill: PlanBill, now: datetime) -> Invoice:
    if found := Invoice.objects.filter(token=named(bill.stripe_id)).first():
        return found
    with in_schema(bill.shop_id):
        corrected = _corrected(bill) if bill.total_cents > bill.paid_cents else []
    draft = save_draft(_words(bill), now=now, cause=Cause(token=named(bill.stripe_id)))
    made = issue(draft, by=SYSTEM, now=now)
    if bill.paid_cents:
        _pay(made, bill, bill.paid_cents, "paid", now)
    _set_off(made, bill, corrected, now)
    return made


def _corrected(bill: PlanBill) -> list[str]:
    """The invoices that what Stripe kept for the shop was taken off: all of them have their
    credit note. Raises ``CreditFirst``."""
    before = list(billing.credits_before(bill).select_related("corrects"))
    if not all(one.number for one in before if one.corrects):
        raise CreditFirst()
    return [one.corrects.number for one in before if one.corrects]


def _set_off(made: Invoice, bill: PlanBill, corrected: list[str], now: datetime) -> None:
    """What Stripe kept for the shop pays what it did not take: out of the corrected invoices, the
    first one first, and into this one."""
    rest = bill.total_cents - bill.paid_cents
    for held in Invoice.objects.with_balance().filter(number__in=corrected).order_by("pk"):
        cents = min(rest, -held.owed)
        if cents > 0:
            _pay(held, bill, -cents, f"from {held.number}", now)
            _pay(made, bill, cents, f"of {held.number}", now)
            rest -= cents


def _credited(bill: PlanBill, now: datetime) -> Invoice:
    """A credit note over what none was written for yet, and the money that went back."""
    corrected, token = bill.corrects, named(bill.stripe_id)
    assert corrected
    if not corrected.number:
        raise InvoiceFirst()
    held = Invoice.objects.with_balance().get(number=corrected.number)
    if found := Invoice.objects.filter(token=token).first():
        return found
    how = {"token": token, "by": SYSTEM, "now": now}
    if not bill.paid_cents:  # it stays at Stripe, for what comes next
        said = {"reason": "Changement de formule", "label": "Temps non utilisé"}
        return credit_amount(held, -bill.total_cents, **said, **how)  # type: ignore[arg-type]
    cents = -bill.total_cents - max(0, -held.owed)
    if cents > 0:
        said = {"reason": "Remboursement de votre formule"}
        credit_amount(held, cents, **said, **how)  # type: ignore[arg-type]
    _pay(held, bill, bill.paid_cents, "paid", now)
    return held.corrections.latest("pk")


def _pay(made: Invoice, bill: PlanBill, cents: int, what: str, now: datetime) -> None:
    on = min(timezone.localdate(bill.happened_at), timezone.localdate(now))
    token = uuid5(named(bill.stripe_id), what)
    pay(made, cents, method=Method.ONLINE, paid_on=on, token=token, by=SYSTEM, now=now)


# --- its words -------------------------------------------------------------------------------


def _words(bill: PlanBill) -> InvoiceWords:
    shop = bill.shop
    if missing := billing.lacks(shop):
        raise BuyerUnknown(facts=", ".join(missing))
    if bill.total_cents < 0:  # of no invoice of ours
        raise CreditAtStripe()
    address = Address(shop.street, shop.postal_code, shop.city, str(shop.region))
    name = shop.legal_name or shop.name
    line, taxed = _line(bill)
    return InvoiceWords(
        buyer=Buyer(name, address, is_business=True, siren=shop.siren),
        lines=(line,),
        taxed=taxed,
        operation=Operation.SERVICES,
        supplied_on=timezone.localdate(bill.since) if bill.since else None,
        territory=territory_of(shop),
        paid_on=timezone.localdate(bill.happened_at),
    )


def _line(bill: PlanBill) -> tuple[LineWords, bool]:
    """The period and its price without VAT; with it where Stripe, which rounds line by line, took
    a cent more or less than the rate makes of the whole."""
    share = int(VAT_PERCENT[Region(bill.shop.region)] * Decimal(100))
    off = abs(sum(split(bill.net_cents, share, taxed=False)) - bill.total_cents)
    if off > _A_CENT:
        raise NotAsCharged()
    cents = bill.total_cents if off else bill.net_cents
    return LineWords(_label(bill), THOUSAND, cents, share), bool(off)


def _label(bill: PlanBill) -> str:
    plan = plan_named(bill.plan)
    said = f"Abonnement Comptoir, formule {plan.name}" if plan else "Abonnement Comptoir"
    if bill.since and bill.until:
        said += f", du {_day(bill.since)} au {_day(bill.until - timedelta(days=1))}"
    return said


def _day(at: datetime) -> str:
    return jour(timezone.localdate(at))


# --- handed to the shop ----------------------------------------------------------------------


def paper_of(bill: PlanBill) -> Paper | None:
    """The file of the invoice it stands on, once it is made."""
    here = billing.seller()
    if here is None or not bill.number:
        return None
    with in_schema(here.schema_name):
        made = Paper.objects.select_related("invoice").filter(state=PaperState.READY)
        return made.filter(invoice__number=bill.number).first()
