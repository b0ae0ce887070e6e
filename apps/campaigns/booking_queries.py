"""A lot as its readers see it: the customer's page, the owner's list, what it brought."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from apps.campaigns import lots
from apps.campaigns.lot_models import Booking, Lot
from apps.contacts.models import Contact
from apps.core.reading import one

NEWEST = 5  # told on the drop's own page
State = Booking.State


def lot_of_drop(drop_id: int) -> Lot | None:
    """The lot of a drop with all that its page says, in one query."""
    found = Lot.objects.select_related("drop", "variant__product")
    return found.filter(drop=drop_id).first()


def left(lot: Lot) -> int:
    """How many somebody who comes now may have: none before those in line."""
    if lot.bookings.in_line().exists():
        return 0
    free, available = lot.quantity - lot.taken, lot.variant.available
    return free if available is None else min(free, available)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one person stands with a lot. ``most`` is how many they may ask for; ``before`` how
    many wait before them."""

    is_open: bool
    left: int
    most: int
    booking: Booking | None
    before: int

    @property
    def choices(self) -> range:
        return range(1, self.most + 1)


def standing(lot: Lot, person: Contact | None, now: datetime) -> Standing:
    """As the page tells it; at most three queries."""
    free = left(lot)
    theirs = Booking.objects.of(person).filter(lot=lot) if person else Booking.objects.none()
    # What stands first, else the last that was fetched.
    shown = theirs.filter(Q(ended_at=None) | Q(state=State.FETCHED))
    booking = shown.order_by(F("ended_at").desc(nulls_first=True), "state").first()
    before, most = 0, min(lot.each, free)
    if booking and booking.ended_at is None:
        booking.lot = lot
        most = min(lot.each, free + booking.units)
        if booking.state == State.WAITING:
            earlier = Q(at__lt=booking.at) | Q(at=booking.at, pk__lt=booking.pk)
            before, most = lot.bookings.in_line().filter(earlier).count(), lot.each
    elif not free:
        most = min(lot.each, lot.quantity)  # to wait for
    return Standing(lots.is_open(lot, now), free, most, booking, before)


@dataclass(frozen=True, slots=True)
class Tally:
    """Units and people of a lot. ``cents`` is what was handed over, by its purchases' price."""

    lot: Lot
    held: int = 0
    fetched: int = 0
    lapsed: int = 0
    people: int = 0
    waiting: int = 0

    @property
    def reserved(self) -> int:
        """Promised or fetched already."""
        return self.held + self.fetched

    @property
    def cents(self) -> int:
        return self.fetched * self.lot.price_cents

    @property
    def free(self) -> int:
        return self.lot.quantity - self.lot.taken


_VERSION = """
SELECT concat_ws('.', lot.xmin, md5((SELECT string_agg(concat(id, ':', xmin), ',' ORDER BY id)
    FROM campaigns_booking WHERE lot_id = lot.id)))
FROM campaigns_lot lot WHERE lot.id = %s
"""


def tally(lot: Lot) -> Tally:
    """How its bookings stand; one query."""

    def units(state: str) -> Sum:
        return Sum("units", filter=Q(state=state), default=0)

    counted = lot.bookings.aggregate(
        held=units(State.HELD),
        fetched=units(State.FETCHED),
        lapsed=units(State.LAPSED),
        people=Count("pk", filter=Q(state=State.HELD) | Q(state=State.FETCHED)),
        waiting=Count("pk", filter=Q(state=State.WAITING)),
    )
    return Tally(lot, **counted)


def version(lot_id: int) -> str:
    """Another text after each change of the lot or of one of its bookings."""
    row = one(_VERSION, [lot_id])
    return str(row[0]) if row else ""


def newest(lot: Lot) -> QuerySet[Booking]:
    """Its bookings with their people, the last one first."""
    return lot.bookings.select_related("contact__merged_into").order_by("-at", "-pk")


def told_of_lot(lot: Lot) -> dict[str, Any]:
    """What a drop's page says of its lot; two queries."""
    return {
        "lot": lot,
        "version": version(lot.pk),
        "tally": tally(lot),
        "newest": newest(lot)[:NEWEST],
    }


def to_hand_over() -> QuerySet[Booking]:
    """Everything that is held for somebody, soonest to end first."""
    held = Booking.objects.filter(state=State.HELD)
    return held.select_related("contact__merged_into", "lot__variant__product").order_by(
        "lot__until", "contact__search", "pk"
    )
