"""Work off the request, for what members do and owe: who hears what, and the shop's clock."""

from datetime import datetime, time, timedelta

from django.db.models import Min
from django.utils import timezone

from apps.club.member_models import Arrear, Leaving
from apps.club.models import BELONGS, Member, Period, PeriodState
from apps.club.services import arrears, leaving, renewing, repricing
from apps.core import due
from apps.core.jobs import enqueue
from apps.shops.services import every_open_shop, shop_here

HOUR = time(9)  # of the shop's clock: what is written about a term


def heard_failure(member_id: int) -> None:
    """Reaction to ``PaymentFailed``."""
    arrears.look(member_id, timezone.now())


def heard_settled(period_id: int) -> None:
    """Reaction to ``PeriodSettled``: what was owed is paid; what came in too late goes back."""
    now = timezone.now()
    arrears.settled(period_id, now)
    renounced = Leaving.objects.renounced().filter(awaits_bottles=False, member__periods=period_id)
    if Period.objects.filter(pk=period_id, state=PeriodState.PAID).exists():
        for pk in renounced.values_list("pk", flat=True):
            leaving.carry_out(pk, now)


def heard_move(member_id: int) -> None:
    """Reaction to ``MemberMoved``."""
    now = timezone.now()
    arrears.member_moved(member_id, now)
    if moment := next_moment(now):
        due.note(arrears.DUE, moment)


def carry_out_leaving(leaving_id: int) -> None:
    leaving.carry_out(leaving_id, timezone.now())


def tell_price(change_id: int) -> None:
    repricing.tell_all(change_id, timezone.now())


def apply_price(answer_id: int) -> None:
    repricing.apply(answer_id, timezone.now())


# --- the clock -----------------------------------------------------------------------------


def run() -> None:
    """All that is due in this shop, and when there is more."""
    now, shop = timezone.now(), shop_here()
    if shop.closed_at is None:
        for pk in (
            Arrear.objects.filter(look_at__lte=now).order_by("pk").values_list("pk", flat=True)
        ):
            arrears.remind(pk, now)
        for pk in _untold(now):
            enqueue(carry_out_leaving, pk)
        for pk in repricing.to_apply(now):
            enqueue(apply_price, pk)
        today = timezone.localdate(now)
        for member in renewing.to_tell(today).select_related("plan", "contact"):
            renewing.tell_renewal(member, now)
        for member in renewing.to_renew(today):
            renewing.renew(member.pk, now)
    due.settle(arrears.DUE, lambda: next_moment(now))


def _untold(now: datetime) -> list[int]:
    """What Stripe should have been told by now, and money that should have gone back."""
    late = Leaving.objects.filter(asked_at__lte=now - leaving.AGAIN)
    waits = late.undone() | late.unpaid_back().filter(awaits_bottles=False)
    return list(waits.order_by("pk").values_list("pk", flat=True))


def next_moment(now: datetime) -> datetime | None:
    """When something is due next."""
    if shop_here().closed_at:
        return None
    moments = [Arrear.objects.aggregate(at=Min("look_at"))["at"]]
    waits = Leaving.objects.undone() | Leaving.objects.unpaid_back().filter(awaits_bottles=False)
    if waits.exists():
        moments.append(now + leaving.AGAIN)
    if ends := repricing.to_come().aggregate(at=Min("member__period_ends_at"))["at"]:
        moments.append(max(ends, now) + timedelta(hours=1))
    if Member.objects.filter(state__in=BELONGS, term_ends_on__isnull=False).exists():
        moments.append(_next_hour(now))
    return min((at for at in moments if at), default=None)


def _next_hour(now: datetime) -> datetime:
    today = timezone.localdate(now)
    days = (today, today + timedelta(days=1))
    hours = (timezone.make_aware(datetime.combine(day, HOUR)) for day in days)
    return next(at for at in hours if at > now)


def look_at_the_clock() -> None:
    """Recurring, in public: the shops in which something of the club is due."""
    due.look(arrears.DUE, run)


def sweep() -> None:
    """Recurring, in public: the net under shops that lost their next moment, as a restored one."""
    for shop in every_open_shop():
        with timezone.override(shop.zone):
            if moment := next_moment(timezone.now()):
                due.note(arrears.DUE, moment)
