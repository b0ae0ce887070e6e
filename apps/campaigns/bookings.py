"""Who gets what of a lot: first come, first served, never more than there is.

Every verb locks the lot, then the stock of its variant, in this order. What is held stands in the
catalogue as a reservation, so that no other sale promises the same bottle; the lot's ``taken`` is
kept beside it and the database refuses one more than its quantity.

The rule of the line, which its page states: whoever waited longest gets what is freed, as far as
it goes towards what they asked; they are told, and say yes within ``ANSWER_WITHIN``, or it is the
next one's turn. Who comes later never passes before them.
"""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.campaigns import booking_notes, lots
from apps.campaigns.lot_models import Booking, Lot
from apps.catalog.models import PurchaseSource
from apps.catalog.services import stock
from apps.catalog.services.purchases import LineWords, cancel_at_counter, record_purchase
from apps.contacts.age import check_proof, refuse_minor
from apps.contacts.consent import ADULT_WORDING
from apps.contacts.models import Contact
from apps.core import due
from apps.core.actor import SYSTEM, Actor
from apps.core.refusal import Refusal
from apps.loyalty.merging import living
from apps.loyalty.services import TokenSpent

ANSWER_WITHIN = timedelta(hours=24)
State = Booking.State


class OnlyLeft(Refusal):
    """``left`` is how many this person can still have."""

    def __init__(self, left: int) -> None:
        self.left = left
        text = _("Il n’en reste que %(left)s pour vous.") if left else _("Tout est réservé.")
        super().__init__(text, left=left)


class TooManyEach(Refusal):
    message = _("C’est %(each)s au plus par personne.")
    status = 422


class LotOver(Refusal):
    message = _("Les réservations sont closes.")


class BookingOver(Refusal):
    message = _("Cette réservation est déjà terminée.")


class AgeUnsaid(Refusal):
    message = _("Cochez d’abord la case : l’alcool se vend aux personnes de 18 ans et plus.")
    status = 422


class NotHeld(Refusal):
    message = _("Rien n’est réservé là : %(state)s.")


# --- asked ----------------------------------------------------------------------------------


@transaction.atomic
def book(
    *,
    lot: Lot,
    person: Contact,
    units: int,
    token: UUID,
    by: Actor,
    now: datetime,
    wait: bool = False,
) -> Booking:
    """``units`` of ``lot`` for ``person``, or with ``wait`` a place in line when they are gone.

    The same ``token`` again is the same booking; another one of somebody who has one already
    changes its number of units. Raises ``OnlyLeft``, ``TooManyEach``, ``LotOver``, ``AgeUnsaid``,
    ``Minor``.
    """
    held = lots.locked(lot.pk)
    earlier = Booking.objects.filter(token=token).first()
    if earlier is not None:
        return earlier
    if not lots.is_open(held, now):
        raise LotOver()
    if units > held.each:
        raise TooManyEach(each=held.each)
    _check_age(held, person, by, now)
    mine = standing_of(held, person)
    if mine is None:
        mine = Booking(
            lot=held,
            contact=person,
            token=token,
            state=State.WAITING,
            at=now,
            by_team=by.kind == "team",
        )
    _ask(held, mine, units, wait, now)
    return mine


def standing_of(lot: Lot, person: Contact) -> Booking | None:
    """What the person holds or waits for, under whichever of their records; held before waiting."""
    theirs = Booking.objects.standing().of(person).filter(lot=lot)
    return theirs.select_related("lot").order_by("state", "pk").first()


def _check_age(lot: Lot, person: Contact, by: Actor, now: datetime) -> None:
    """Who asks at the counter shows their proof there, when it is handed over."""
    today = timezone.localdate(now)
    if not lot.variant.product.is_alcohol or person.is_adult(today):
        return
    refuse_minor(person, today)
    if by.kind != "team":
        raise AgeUnsaid()


def declare_adult(person: Contact, now: datetime) -> None:
    """They ticked « 18 ans ou plus »; a birth date that says otherwise is believed more."""
    asked = Contact.objects.filter(pk=person.pk, adult_declared_at=None)
    asked.update(adult_declared_at=now, adult_wording=ADULT_WORDING)
    person.adult_declared_at = person.adult_declared_at or now


def _ask(lot: Lot, booking: Booking, units: int, wait: bool, now: datetime) -> None:
    """Hold ``units`` for the booking, all of them, or leave it in line."""
    in_line = lot.bookings.in_line().exclude(pk=booking.pk).exists()
    if booking.pk and booking.state == State.WAITING:
        booking.units = units
        booking.save(update_fields=["units"])
        _next_in_line(lot, now)
        booking.refresh_from_db()
        return
    already = booking.units if booking.pk else 0
    left = already if in_line else already + lot.quantity - lot.taken
    try:
        if units > left:
            raise OnlyLeft(left)
        _hold(lot, booking, units, already, now)
    except (OnlyLeft, stock.NotEnough) as short:
        if already or not wait:
            raise OnlyLeft(min(left, short.left)) from short
        booking.units = units
        booking.save()


def _hold(lot: Lot, booking: Booking, units: int, already: int, now: datetime) -> None:
    """Raises ``NotEnough`` when the shelf has fewer than the lot."""
    booking.reservation = stock.reserve(
        variant=lot.variant,
        contact=booking.contact,
        units=units,
        cause=lot.drop.cause,
        token=uuid4(),
        now=now,
    )
    lot.taken += units - already
    lot.save(update_fields=["taken"])
    booking.units, booking.state, booking.answer_by = units, State.HELD, None
    booking.save()
    if units < already:
        _next_in_line(lot, now)


def _next_in_line(lot: Lot, now: datetime) -> None:
    """What is free goes to those who wait, and they are told."""
    if not lots.is_open(lot, now):
        return
    for booking in lot.bookings.in_line().select_related("contact"):
        free = min(booking.units, lot.quantity - lot.taken)
        if not free or not _give(lot, booking, free, now):
            return
        told_at = booking_notes.your_turn(booking, lot, now)
        booking.answer_by = min(told_at + ANSWER_WITHIN, lots.end_of(lot))
        booking.save(update_fields=["answer_by"])
        due.note(lots.DUE, booking.answer_by)


def _give(lot: Lot, booking: Booking, units: int, now: datetime) -> bool:
    try:
        _hold(lot, booking, units, 0, now)
    except stock.NotEnough as short:
        if not short.left:
            return False
        _hold(lot, booking, short.left, 0, now)
    return True


# --- changed --------------------------------------------------------------------------------


@transaction.atomic
def confirm(booking: Booking, now: datetime) -> Booking:
    """« Je les prends » : whose turn came keeps what was put aside. Raises ``BookingOver``."""
    lots.locked(booking.lot_id)
    found = Booking.objects.get(pk=booking.pk)
    if found.state != State.HELD:
        raise BookingOver()
    found.answer_by = None
    found.save(update_fields=["answer_by"])
    return found


@transaction.atomic
def cancel(booking: Booking, *, by: Actor, now: datetime, lapsed: bool = False) -> Booking:
    """Given back, and the next in line has it. Twice is once; raises ``BookingOver`` for one that
    was fetched."""
    lot = lots.locked(booking.lot_id)
    found = Booking.objects.get(pk=booking.pk)
    if found.state == State.FETCHED:
        raise BookingOver()
    if found.ended_at is not None:
        return found
    if found.reservation:
        stock.release(reservation=found.reservation, now=now, lapsed=lapsed)
        lot.taken -= found.units
        lot.save(update_fields=["taken"])
    found.state = State.LAPSED if lapsed else State.CANCELLED
    found.ended_at, found.answer_by = now, None
    found.save(update_fields=["state", "ended_at", "answer_by"])
    if by.kind == "team":
        record(by, "booking.cancel", "booking", found.pk)
    _next_in_line(lot, now)
    return found


@transaction.atomic
def offer_freed(lot_id: int, now: datetime) -> None:
    """Units may have come free: whoever waits for them gets them."""
    _next_in_line(lots.locked(lot_id), now)


@transaction.atomic
def change_quantity(lot_id: int, quantity: int, *, by: Actor, now: datetime) -> None:
    """More or fewer than was said; of more, the line is served first. Raises ``FewerThanTaken``."""
    lot = lots.locked(lot_id)
    lots.change_quantity(lot, quantity, by=by)
    _next_in_line(lot, now)


@transaction.atomic
def reopen(lot_id: int, *, by: Actor, now: datetime) -> None:
    """Undo ``lots.close``."""
    lot = lots.locked(lot_id)
    lot.closed_at = None
    lot.save(update_fields=["closed_at"])
    record(by, "lot.reopen", "lot", lot.pk)
    _next_in_line(lot, now)


# --- handed over ----------------------------------------------------------------------------


def hand_over(
    booking: Booking, *, gesture: UUID, id_checked: bool, by: Actor, now: datetime
) -> Booking:
    """Paid and carried away: a sale of the stock and a purchase of the person, once a ``gesture``.

    Raises ``NotHeld``, for alcohol ``Minor`` and ``IdNotChecked``, or ``TokenSpent`` when the
    gesture was another's.
    """
    try:
        with transaction.atomic():
            return _hand_over(booking, gesture, id_checked, by, now)
    except IntegrityError as error:
        raise TokenSpent() from error


def _hand_over(
    booking: Booking, gesture: UUID, id_checked: bool, by: Actor, now: datetime
) -> Booking:
    lot = lots.locked(booking.lot_id)
    found = Booking.objects.select_related("contact__merged_into", "reservation").get(pk=booking.pk)
    if found.gesture == gesture:
        return found
    if found.state != State.HELD or found.reservation is None:
        raise NotHeld(state=found.get_state_display())
    person = living(found.contact)
    if lot.variant.product.is_alcohol:
        check_proof(person, id_checked, timezone.localdate(now))
    stock.collect(reservation=found.reservation, token=gesture, by=by, now=now)
    found.state, found.gesture, found.id_checked = State.FETCHED, gesture, id_checked
    found.ended_at, found.answer_by = now, None
    found.lot = lot
    found.save()
    record_purchase(
        contact=person,
        amount_cents=found.cents,
        at=now,
        source=PurchaseSource.COUNTER,
        reference=str(gesture),
        lines=[LineWords(lot.name, found.cents, found.units, lot.variant)],
    )
    record(by, "booking.hand_over", "booking", found.pk, after={"id_checked": id_checked})
    return found


@transaction.atomic
def take_back(booking: Booking, *, by: Actor, now: datetime) -> Booking:
    """It was not handed over after all: held again, nothing bought. Twice is once."""
    lots.locked(booking.lot_id)
    found = Booking.objects.select_related("reservation").get(pk=booking.pk)
    if found.state != State.FETCHED or found.reservation is None or found.gesture is None:
        return found
    stock.take_back(reservation=found.reservation, token=found.gesture, by=by, now=now)
    cancel_at_counter(found.gesture, by=by, now=now)
    found.state, found.gesture, found.id_checked = State.HELD, None, False
    found.ended_at = None
    found.save()
    record(by, "booking.take_back", "booking", found.pk)
    return found


# --- the clock ------------------------------------------------------------------------------


def lapse_unanswered(now: datetime) -> None:
    """Who did not answer in time leaves their turn to the next."""
    silent = Booking.objects.standing().filter(answer_by__lte=now).order_by("answer_by", "pk")
    for booking in silent:
        _lapse(booking, now)


@transaction.atomic
def _lapse(booking: Booking, now: datetime) -> None:
    lots.locked(booking.lot_id)
    if Booking.objects.standing().filter(pk=booking.pk, answer_by__lte=now).exists():
        cancel(booking, by=SYSTEM, now=now, lapsed=True)
