"""What a member's own page shows, read in few statements."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.utils import timezone

from apps.club import box_page
from apps.club.contract import may_renounce, periods_later, reference_of, renounce_until
from apps.club.member_models import Arrear, Way
from apps.club.models import Member, Period, State
from apps.club.services import repricing
from apps.club.services.keeping import LONGEST_REST
from apps.club.services.leaving import standing
from apps.invoicing.models import Invoice, Paper
from apps.loyalty.models import Card
from apps.payments import changing
from apps.shops.models import Shop

SHOWN = 12  # periods


def shown(member: Member, shop: Shop) -> dict[str, Any]:
    now = timezone.now()
    stand = changing.stand(member.customer_id, member.subscription_id)
    leaves, pays = standing(member, Way.CANCEL), member.payer == member.person
    over = leaves.ends_at if leaves else member.ends_at  # Stripe hears of a leaving after us
    return {
        "member": member,
        "state": State(member.state),
        "reference": reference_of(member),
        "pays_by": stand.pays_by,
        "rests_until": stand.rests_until,
        "next_debit": _next_debit(member, over, stand.rests_until, now),
        "leaves": leaves,
        "renounced": standing(member, Way.RENOUNCE),
        "pays": pays,
        "may_renounce": pays and may_renounce(member, shop, now),
        "renounce_until": renounce_until(member, shop),
        "arrear": Arrear.objects.standing().filter(member=member).select_related("period").first(),
        "offer": repricing.open_offer(member),
        "periods": _periods(member) if pays else [],
        **box_page.shown(member, now),
        "may_rest": member.state == State.ACTIVE and not member.is_gift,
        "rests": range(1, LONGEST_REST + 1),
        "once": uuid4().hex,
        "card": Card.objects.filter(contact=member.person).first(),
    }


def _next_debit(
    member: Member, over: datetime | None, rests_until: datetime | None, now: datetime
) -> datetime | None:
    """When the next period is asked for; None where nothing more is."""
    ends = member.period_ends_at
    if member.state not in (State.ACTIVE, State.PAUSED, State.LATE) or ends is None:
        return None
    if over and over <= ends:
        return None
    turns = 0
    while rests_until and ends < rests_until:
        turns += 1
        ends = periods_later(member.period_ends_at or now, turns * member.plan.every)
    return ends


def _periods(member: Member) -> list[Period]:
    found = member.periods.select_related("invoice__paper").prefetch_related(
        "invoice__corrections__paper"
    )
    return list(found.order_by("-starts", "-pk")[:SHOWN])


def paper_of(member: Member, number: str) -> Paper | None:
    """The file of an invoice of this member's, or of a credit note over one; None for others', and
    for who was given it: the giver's name and address stand there."""
    if member.payer != member.person:
        return None
    own = Period.objects.filter(member=member).values("invoice")
    found = Invoice.objects.select_related("paper").filter(number=number).first()
    if found is None:
        return None
    mine = Invoice.objects.filter(pk__in=own, record_id=found.corrects_id or found.pk).exists()
    return getattr(found, "paper", None) if mine else None
