"""A contract for a fixed term: its holder is told in time that it would be renewed, and it is; who
was not told is bound no more (Code de la consommation, L215-1; french-rules § 6)."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.club import letters
from apps.club.member_models import Way
from apps.club.models import BELONGS, Member, MemberEvent
from apps.club.services.following import held
from apps.club.story import tell
from apps.loyalty.rule import months_later

# A letter of its own, three months to one before the term; ours leaves in the middle.
TOLD_FROM, TOLD_BEFORE, LAST_CALL = -3, -2, -1
TOLD = "renewal_told"


def to_tell(today: date) -> "QuerySet[Member]":
    """Whose term comes near, not counting who is leaving."""
    near = Q(term_ends_on__lte=months_later(today, -TOLD_BEFORE))
    return _bound().filter(near, term_ends_on__gte=months_later(today, -LAST_CALL))


def to_renew(today: date) -> "QuerySet[Member]":
    return _bound().filter(term_ends_on__lte=today)


def _bound() -> "QuerySet[Member]":
    leaving = Q(leavings__taken_back_at=None, leavings__way=Way.CANCEL)
    bound = Member.objects.filter(state__in=BELONGS, term_ends_on__isnull=False, gift_periods=None)
    return bound.exclude(pk__in=Member.objects.filter(leaving).values("pk")).order_by("pk")


@transaction.atomic
def tell_renewal(member: Member, now: datetime) -> bool:
    """The letter the law asks for, once for each term."""
    ends = member.term_ends_on
    if ends is None or not tell(
        member, TOLD, now=now, about=ends.isoformat(), to_on=ends.isoformat()
    ):
        return False
    return letters.post_letter(
        member,
        letters.RENEWAL,
        f"club-renewal:{member.pk}:{ends}",
        renews_on=ends,
        until_on=ends,
        months=member.plan.term_months,
        price_cents=member.total_cents,
    )


@transaction.atomic
def renew(member_id: int, now: datetime) -> None:
    """The term is over: another one for who was told in time; who was not may leave at any time
    from now on."""
    member = held(member_id)
    ends, months = member.term_ends_on, member.plan.term_months
    if ends is None or ends > timezone.localdate(now):
        return
    told = MemberEvent.objects.filter(member=member, kind=TOLD, about=ends.isoformat()).exists()
    member.term_ends_on = months_later(ends, months) if told and months else None
    member.save(update_fields=["term_ends_on"])
    if member.term_ends_on:
        to_on = member.term_ends_on.isoformat()
        tell(member, "renewed", now=now, about=ends.isoformat(), to_on=to_on)
    else:
        tell(member, "unbound", now=now, about=ends.isoformat())
