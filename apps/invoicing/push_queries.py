"""Reads of what goes to the bookkeeper: how far it is, each piece and where it stands."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, QuerySet

from apps.invoicing.models import Record, RecordKind
from apps.invoicing.push_models import PENDING, Bookkeeper, Delivery, State

FILTERS = {
    "refusees": (State.REFUSED,),
    "attente": PENDING,
    "envoyees": (State.SENT,),
}


@dataclass(frozen=True, slots=True)
class Tally:
    """``unread``: sealed, and not looked at yet."""

    sent: int
    refused: int
    pending: int
    unread: int

    @property
    def total(self) -> int:
        return self.sent + self.refused + self.to_come

    @property
    def to_come(self) -> int:
        return self.pending + self.unread


def tally(keeper: Bookkeeper) -> Tally:
    """How many pieces stand where; customers count where they are refused."""
    told = keeper.deliveries.shown().order_by().values_list("state").annotate(n=Count("pk"))
    by = dict(told)
    unread = Record.objects.filter(number__gt=keeper.cursor).exclude(kind=RecordKind.CLOSURE)
    pending = sum(by.get(state, 0) for state in PENDING)
    return Tally(by.get(State.SENT, 0), by.get(State.REFUSED, 0), pending, unread.count())


def sealed_since(day: date) -> int:
    """How many pieces would leave."""
    return Record.objects.filter(on__gte=day).exclude(kind=RecordKind.CLOSURE).count()


def listed(keeper: Bookkeeper, chosen: str) -> QuerySet[Delivery]:
    """The pieces, the latest first, with what is said of each."""
    found = keeper.deliveries.shown()
    if states := FILTERS.get(chosen):
        found = found.filter(state__in=states)
    of = ("record__invoice", "record__payment__invoice", "after")
    return found.select_related(*of).order_by("-pk")
