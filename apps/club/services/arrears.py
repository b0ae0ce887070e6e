"""Money that does not come: said at once in the words of its reason, asked for again by Stripe and
by us, boxes put aside once grace is over; all of it in the member's story.

Stripe tries again by itself; what it says is read whole each time, so that neither the order of
its events nor a replay writes to anybody twice.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.club import letters
from apps.club.member_models import Arrear, Reason
from apps.club.models import Member, Period, PeriodState, State
from apps.club.services.following import held
from apps.club.services.keeping import change_of
from apps.club.story import tell
from apps.core import due
from apps.core.refusal import Refusal
from apps.messaging.services import cancel
from apps.payments import changing
from apps.payments.changing import Owed
from apps.shops.services import shop_here

DUE = "club_care"  # in the due-index: what is owed, what was said, what is to be renewed
# Days after the first refusal: written to again, and boxes put aside.
REMINDED_AFTER = (3, 7)
GRACE = timedelta(days=10)

FIRST = {
    Reason.SOFT: letters.REFUSED,
    Reason.HARD: letters.EXPIRED,
    Reason.CONFIRM: letters.CONFIRM,
    Reason.DEBIT: letters.REJECTED,
}


class NothingOwed(Refusal):
    message = _("C’est réglé : il n’y a rien à payer ici.")
    status = 404


def reason_of(owed: Owed) -> Reason:
    if owed.to_confirm:
        return Reason.CONFIRM
    if owed.is_debit:
        return Reason.DEBIT
    return Reason.HARD if owed.is_hard else Reason.SOFT


# --- from the first refusal on -------------------------------------------------------------


def look(member_id: int, now: datetime) -> None:
    """What of this member's could not be paid, as Stripe said last."""
    with transaction.atomic():
        member = held(member_id)
        for period in member.periods.filter(state=PeriodState.DUE).order_by("starts"):
            owed = changing.owed(member.customer_id, period.paid_as)
            if owed and owed.is_open and owed.has_failed:
                _refused(member, period, owed, now)


def _refused(member: Member, period: Period, owed: Owed, now: datetime) -> None:
    reason = reason_of(owed)
    arrear, is_new = Arrear.objects.get_or_create(
        period=period, defaults={"member": member, "reason": reason, "since": now}
    )
    if arrear.ended_at:
        return
    if is_new:
        arrear.look_at = now + timedelta(days=REMINDED_AFTER[0])
        due.note(DUE, arrear.look_at)
    before = None if is_new else arrear.reason
    arrear.reason, arrear.code = reason, owed.code
    arrear.tries, arrear.retry_at = owed.tries, owed.retry_at
    arrear.save()
    if reason != before:
        _write(arrear, FIRST[reason], reason, owed.cents, now)


def _write(arrear: Arrear, letter: letters.Letter, what: str, cents: int, now: datetime) -> None:
    """By mail and, for who has a mobile, by SMS; told in the story. Each ``what`` once."""
    cause, member = _cause(arrear, what), arrear.member
    said = {**_said(arrear), "due_cents": cents}
    if letter is letters.REFUSED and arrear.retry_at is None:
        letter = letters.REFUSED_FOR_GOOD
    mail = letters.post_letter(member, letter, cause, **said)
    sms = letters.post_sms(member, letter, cause, now=now, **said)
    arrear.told += 1
    arrear.save(update_fields=["told"])
    by = " et ".join([*(["e-mail"] if mail else []), *(["SMS"] if sms else [])])
    about = f"arrear:{arrear.pk}:{what}"
    if by:
        tell(member, f"wrote_{what}", now=now, about=about, by_way=by)
    else:
        tell(member, "unreachable", now=now, about=about)


def _said(arrear: Arrear) -> dict[str, Any]:
    return {
        "pay": f"{shop_here().url}/club/regler/{arrear.token}/",
        "since_on": timezone.localdate(arrear.since),
        "grace_on": timezone.localdate(arrear.since + GRACE),
        "retry_on": arrear.retry_at and timezone.localdate(arrear.retry_at),
    }


def _cause(arrear: Arrear, what: str) -> str:
    return f"club-arrear:{arrear.pk}:{what}"


# --- by the clock --------------------------------------------------------------------------


def remind(arrear_id: int, now: datetime) -> None:
    """What is due of one arrear: another letter, or boxes put aside."""
    with transaction.atomic():
        named = Arrear.objects.standing().filter(pk=arrear_id, look_at__lte=now).first()
        if named is None:
            return
        member = held(named.member_id)
        arrear = Arrear.objects.select_related("period").get(pk=arrear_id)
        if arrear.look_at is None or arrear.look_at > now:
            return
        arrear.member = member
        if member.state == State.ENDED or arrear.period.state != PeriodState.DUE:
            _end(arrear, now)
            return
        days = (now - arrear.since).days
        arrear.look_at = _next_look(arrear, now)
        if now - arrear.since >= GRACE:
            arrear.suspended_at = now
        arrear.save()
        cents = arrear.period.amount_cents
        if arrear.suspended_at:
            _write(arrear, letters.SUSPENDED, "suspended", cents, now)
        else:
            nth = sum(days >= after for after in REMINDED_AFTER)
            _write(arrear, letters.REMINDER, f"reminder{nth}", cents, now)


def _next_look(arrear: Arrear, now: datetime) -> datetime | None:
    moments = [arrear.since + timedelta(days=days) for days in REMINDED_AFTER]
    return next((at for at in [*moments, arrear.since + GRACE] if at > now), None)


# --- its end -------------------------------------------------------------------------------


@transaction.atomic
def settled(period_id: int, now: datetime) -> None:
    """A period was paid, or will not be."""
    arrear = Arrear.objects.standing().filter(period=period_id).first()
    if arrear is None:
        return
    arrear.member = held(arrear.member_id)
    arrear = Arrear.objects.select_related("period", "member__plan", "member__contact").get(
        pk=arrear.pk
    )
    if arrear.ended_at is None and arrear.period.state != PeriodState.DUE:
        _end(arrear, now)


@transaction.atomic
def member_moved(member_id: int, now: datetime) -> None:
    """Who has left owes nothing more here: Stripe has given up."""
    member = held(member_id)
    if member.state == State.ENDED:
        for arrear in Arrear.objects.standing().filter(member=member).select_related("period"):
            arrear.member = member
            _end(arrear, now)


def _end(arrear: Arrear, now: datetime) -> None:
    arrear.ended_at, arrear.look_at = now, None
    arrear.recovered = arrear.period.state == PeriodState.PAID
    arrear.save()
    for what in [*Reason.values, "reminder1", "reminder2", "suspended"]:
        cancel(_cause(arrear, what), now)  # an SMS that waited for the morning
    if arrear.recovered:
        cents = arrear.period.amount_cents
        letters.post_letter(
            arrear.member, letters.RECOVERED, _cause(arrear, "recovered"), due_cents=cents
        )


# --- the link that mends it ----------------------------------------------------------------


def arrear_of(token: str) -> Arrear:
    """What the link of a letter is about. Raises ``NothingOwed``."""
    found = Arrear.objects.select_related("period", "member__plan", "member__contact")
    arrear = found.filter(token=token).first()
    if arrear is None:
        raise NothingOwed()
    return arrear


def pay_page(arrear: Arrear, now: datetime) -> str:
    """Stripe's page on which it is paid or confirmed. Raises ``NothingOwed``, and what Stripe's
    silence raises."""
    change = change_of(arrear.member, f"arrear:{arrear.pk}")
    page = changing.pay_page(change, arrear.period.paid_as) if arrear.ended_at is None else ""
    if not page:
        raise NothingOwed()
    return page
