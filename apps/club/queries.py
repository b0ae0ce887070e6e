"""Reads of the club that are wider than one row."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from apps.club.models import ClubPlan, Member, Period, PeriodState, State
from apps.contacts.models import Contact


def plans_for_team(now: datetime) -> list[ClubPlan]:
    """All there are, those on offer first, with their members and who waits."""
    plans = list(ClubPlan.objects.with_members(now).order_by("pk"))
    return sorted(plans, key=lambda plan: not plan.is_open)


@dataclass(frozen=True, slots=True)
class Offered:
    """A plan as somebody from the street sees it; ``left`` None: as many as want."""

    plan: ClubPlan
    left: int | None

    @property
    def is_full(self) -> bool:
        return self.left == 0


def offered(now: datetime) -> list[Offered]:
    """The plans one may join or wait for."""
    plans = ClubPlan.objects.open().with_members(now).order_by("price_cents", "pk")
    return [Offered(plan, _left(plan)) for plan in plans]


def _left(plan: ClubPlan) -> int | None:
    """As ``planning.places_left`` of one."""
    return None if plan.places is None else max(0, plan.places - plan.members - plan.waiting)


def records(text: str) -> QuerySet[Contact]:
    """Of the people whom ``text`` finds, also those that were merged into theirs."""
    people = Contact.objects.matching(text).values("pk")
    return Contact.objects.filter(Q(pk__in=people) | Q(merged_into__in=people))


def members(state: str, plan: int | None, text: str) -> QuerySet[Member]:
    """The team's list, newest first."""
    abandoned = Q(state=State.ENDED, began_at=None)
    found = Member.objects.select_related("plan", "contact__merged_into")
    found = found.filter(state=state) if state else found.exclude(abandoned)
    if plan:
        found = found.filter(plan=plan)
    if text:
        found = found.filter(contact__in=records(text))
    return found.order_by("-asked_at", "-pk")


def tally() -> dict[str, int]:
    """How many members stand how."""
    counted = Member.objects.order_by().values_list("state").annotate(many=Count("pk"))
    return dict(counted)


def unbilled() -> QuerySet[Period]:
    """Paid, and without an invoice for want of something the shop has to say."""
    return Period.objects.filter(state=PeriodState.PAID, invoice=None).exclude(why_not="")
