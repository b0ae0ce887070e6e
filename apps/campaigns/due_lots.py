"""What the clock does of a lot: reminders, turns that pass, and what was not fetched given back."""

from datetime import datetime

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from apps.campaigns import booking_notes, bookings, lots
from apps.campaigns.lot_models import Booking, Lot
from apps.catalog.services.products import begin_price
from apps.core import due
from apps.core.actor import SYSTEM
from apps.shops.services import shop_here


def run(now: datetime | None = None) -> None:
    """Everything that is due in this shop; running twice changes nothing."""
    now = now or timezone.now()
    if shop_here().closed_at is None:
        for lot in _live():
            if not lot.reminded_at and lots.reminder_of(lot) <= now:
                remind(lot.pk, now)
            if lots.end_of(lot) <= now:
                settle(lot.pk, now)
        bookings.lapse_unanswered(now)
    due.settle(lots.DUE, next_moment)


def _live() -> list[Lot]:
    launched = Lot.objects.filter(settled_at=None, drop__launched_at__isnull=False)
    return list(launched.select_related("drop").order_by("pk"))


def next_moment() -> datetime | None:
    """When something is due here."""
    answers = Booking.objects.standing().aggregate(at=Min("answer_by"))["at"]
    moments = [answers, *(lots.next_moment(lot) for lot in _live())]
    return min((at for at in moments if at), default=None)


@transaction.atomic
def remind(lot_id: int, now: datetime) -> None:
    """Those who hold something are reminded, once, unless their day is over already."""
    lot = lots.locked(lot_id)
    if lot.reminded_at:
        return
    lot.reminded_at = now
    lot.save(update_fields=["reminded_at"])
    if lots.end_of(lot) > now:
        for booking in lot.bookings.filter(state=Booking.State.HELD).select_related("contact"):
            booking_notes.remind(booking, lot, now)


@transaction.atomic
def settle(lot_id: int, now: datetime) -> None:
    """Its last day is over: what was not fetched goes back to the shelf, the line is dissolved,
    and the product is sold at its own price again."""
    lot = lots.locked(lot_id)
    if lot.settled_at:
        return
    lot.settled_at = now
    lot.save(update_fields=["settled_at"])
    for booking in lot.bookings.standing().order_by("pk"):
        bookings.cancel(booking, by=SYSTEM, now=now, lapsed=True)
    if lot.price_cents < lot.variant.price_cents:
        begin_price(lot.variant, lot.variant.price_cents, SYSTEM, now)
