"""Reads of what goes to the bookkeeper: how far it is, each piece and where it stands."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q, QuerySet

from apps.invoicing.models import Record, RecordKind
from apps.invoicing.push_models import PENDING, Bookkeeper, Delivery, State

FILTERS = {
    "refusees": (State.REFUSED,),
    "attente": PENDING,
    "envoyees": (State.SENT,),
}


@dataclass(frozen=True, slots=True)
class Tally:
    """``unread``: sealed, and not looked at yet; ``moves``: something of it may leave by itself,
    what waits behind a refused piece does not."""

    sent: int
    refused: int
    pending: int
    unread: int
    moves: bool

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
    unread = Record.objects.filter(number__gt=keeper.cursor).filter(kind__in=RecordKind.of_sales())
    pending, count = sum(by.get(state, 0) for state in PENDING), unread.count()
    free = Q(after=None) | Q(after__state=State.SENT) | Q(state=State.SENDING)
    moves = bool(count) or keeper.deliveries.filter(free, state__in=PENDING).exists()
    return Tally(by.get(State.SENT, 0), by.get(State.REFUSED, 0), pending, count, moves)


def sealed_since(day: date) -> int:
    """How many pieces would leave."""
    return Record.objects.filter(on__gte=day).filter(kind__in=RecordKind.of_sales()).count()


def listed(keeper: Bookkeeper, chosen: str) -> QuerySet[Delivery]:
    """The pieces, the latest first, with what is said of each."""
    found = keeper.deliveries.shown()
    if states := FILTERS.get(chosen):
        found = found.filter(state__in=states)
    of = ("record__invoice", "record__payment__invoice", "after")
    return found.select_related(*of).order_by("-pk")
