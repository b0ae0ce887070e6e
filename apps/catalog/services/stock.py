"""Stock: a ledger of moves, and reservations that never promise more than there is."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Min
from django.utils.translation import gettext_lazy as _

from apps.catalog.facts import UnitsFreed
from apps.catalog.models import MoveCause, Reservation, StockMove, Variant
from apps.contacts.models import Contact
from apps.core import due
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.refusal import Refusal
from apps.core.rows import insert_rows, update_rows

DUE = "reservations"  # this concern's name in the due-index


class NotEnough(Refusal):
    """``left`` is how many can still be had."""

    def __init__(self, left: int) -> None:
        self.left = left
        text = _("Il n’en reste que %(left)s.") if left else _("Il n’en reste plus.")
        super().__init__(text, left=left)


class ReservationOver(Refusal):
    message = _("Cette réservation est déjà terminée.")


def _locked(variant_id: int) -> Variant:
    return Variant.objects.select_for_update().get(pk=variant_id)


def locked(variant_ids: Iterable[int]) -> dict[int, Variant]:
    """Several shelves, nobody else's until the transaction ends. Always in the order of their keys:
    who is to touch more than one begins here, or two of them would wait for each other."""
    held = Variant.objects.select_for_update().filter(pk__in=set(variant_ids)).order_by("pk")
    return {variant.pk: variant for variant in held}


def move_line(
    variant: Variant, units: int, cause: str, *, token: UUID, by: Actor, now: datetime
) -> StockMove:
    """A line of the stock's ledger, not written yet."""
    return StockMove(
        variant=variant,
        units=units,
        cause=cause,
        token=token,
        actor_kind=by.kind,
        actor_id=by.id,
        at=now,
    )


def _write(
    variant: Variant, units: int, cause: str, *, token: UUID, by: Actor, now: datetime
) -> StockMove:
    move = move_line(variant, units, cause, token=token, by=by, now=now)
    move.save()
    variant.on_hand += units
    variant.save(update_fields=["on_hand"])
    if units > 0 and variant.available:
        announce(UnitsFreed(variant_id=variant.pk))
    return move


@transaction.atomic
def move_stock(
    *, variant: Variant, units: int, cause: MoveCause, token: UUID, by: Actor, now: datetime
) -> Variant:
    """``units`` came (+) or went (−). The same ``token`` again changes nothing.

    What went is never refused: it is gone, counted or not.
    """
    held = _locked(variant.pk)
    if units and not StockMove.objects.filter(token=token).exists():
        _write(held, units, cause, token=token, by=by, now=now)
    return held


@transaction.atomic
def count_stock(
    *, variant: Variant, counted: int, token: UUID, by: Actor, now: datetime
) -> Variant:
    """An inventory: what was counted is what there is; the difference is a line of the ledger."""
    held = _locked(variant.pk)
    already = StockMove.objects.filter(token=token).exists()
    if not already and counted != held.on_hand:
        _write(held, counted - held.on_hand, MoveCause.COUNT, token=token, by=by, now=now)
    return held


@transaction.atomic
def reserve(
    *,
    variant: Variant,
    contact: Contact,
    units: int,
    cause: str,
    token: UUID,
    now: datetime,
    until: datetime | None = None,
) -> Reservation:
    """Promise ``units`` to ``contact``, first come first served: under the variant's lock.

    The same ``token`` again is the same reservation; another one of the same person for the
    same cause replaces its number of units. Raises ``NotEnough`` with what is left for them.
    """
    held = _locked(variant.pk)
    earlier = Reservation.objects.filter(token=token).first()
    if earlier is not None:
        return earlier
    mine = Reservation.objects.standing().filter(variant=held, contact=contact, cause=cause).first()
    already = mine.units if mine else 0
    if held.is_counted and units - already > held.on_hand - held.held:
        raise NotEnough(max(0, held.on_hand - held.held + already))
    held.held += units - already
    held.save(update_fields=["held"])
    if mine is None:
        mine = Reservation(variant=held, contact=contact, cause=cause, token=token, at=now)
    mine.units, mine.until = units, until
    mine.save()
    if until:
        due.note(DUE, until)
    if units < already:
        announce(UnitsFreed(variant_id=held.pk))
    return mine


def reserve_many(promises: Collection[Reservation], shelves: Mapping[int, Variant]) -> None:
    """Write these new reservations, without an end, in two statements: all of them or, with
    ``NotEnough``, none. ``shelves`` are theirs, as ``locked`` gave them."""
    asked = Counter[int]()
    for promise in promises:
        asked[promise.variant_id] += promise.units
    for pk, units in asked.items():
        left = shelves[pk].available
        if left is not None and units > left:
            raise NotEnough(left)
    for pk, units in asked.items():
        shelves[pk].held += units
    insert_rows(promises)
    update_rows([shelves[pk] for pk in asked], "held")


def release_many(
    promises: Collection[Reservation], shelves: Mapping[int, Variant], now: datetime
) -> None:
    """Give the units of these standing reservations back, in two statements."""
    for promise in promises:
        promise.ended_at, promise.ending = now, Reservation.Ending.RELEASED
        shelves[promise.variant_id].held -= promise.units
    freed = {promise.variant_id for promise in promises}
    update_rows(promises, "ended_at", "ending")
    update_rows([shelves[pk] for pk in freed], "held")
    for pk in sorted(freed):
        announce(UnitsFreed(variant_id=pk))


def _end(
    reservation: Reservation, ending: Reservation.Ending, now: datetime
) -> tuple[Reservation, Variant] | None:
    """Under the variant's lock; None when it had already ended in this way."""
    variant = _locked(reservation.variant_id)
    found = Reservation.objects.get(pk=reservation.pk)
    if found.ended_at is not None:
        if found.ending == ending:
            return None
        raise ReservationOver()
    found.ended_at, found.ending = now, ending
    found.save(update_fields=["ended_at", "ending"])
    variant.held -= found.units
    variant.save(update_fields=["held"])
    return found, variant


@transaction.atomic
def release(*, reservation: Reservation, now: datetime, lapsed: bool = False) -> None:
    """Give the units back to the shelf. Raises ``ReservationOver`` for one that was fetched."""
    ending = Reservation.Ending.LAPSED if lapsed else Reservation.Ending.RELEASED
    if _end(reservation, ending, now):
        announce(UnitsFreed(variant_id=reservation.variant_id))


@transaction.atomic
def collect(
    *, reservation: Reservation, by: Actor, now: datetime, token: UUID | None = None
) -> None:
    """The units were handed over: a sale in the stock's ledger, once.

    ``token`` names the gesture, for what may be handed over again once it was taken back.
    """
    ended = _end(reservation, Reservation.Ending.COLLECTED, now)
    if ended:
        found, variant = ended
        sale = uuid5(token or found.token, "collected")
        _write(variant, -found.units, MoveCause.SALE, token=sale, by=by, now=now)


@transaction.atomic
def take_back(*, reservation: Reservation, token: UUID, by: Actor, now: datetime) -> None:
    """They were handed over by mistake (gesture ``token``): on the shelf again, promised as before.

    Raises ``ReservationOver`` for one that ended otherwise; twice is once.
    """
    variant = _locked(reservation.variant_id)
    found = Reservation.objects.get(pk=reservation.pk)
    if found.ended_at is None:
        return
    if found.ending != Reservation.Ending.COLLECTED:
        raise ReservationOver()
    found.ended_at, found.ending = None, ""
    found.save(update_fields=["ended_at", "ending"])
    variant.held += found.units
    variant.save(update_fields=["held"])
    back = uuid5(token, "taken back")
    _write(variant, found.units, MoveCause.RETURN, token=back, by=by, now=now)


def release_overdue(now: datetime) -> int:
    """Every reservation whose moment has passed gives its units back; how many that were."""
    overdue = list(Reservation.objects.overdue(now).order_by("variant_id", "pk"))
    for reservation in overdue:
        try:
            release(reservation=reservation, now=now, lapsed=True)
        except ReservationOver:
            continue  # fetched or cancelled while we looked
    due.settle(DUE, _next_moment)
    return len(overdue)


def _next_moment() -> datetime | None:
    found: datetime | None = Reservation.objects.standing().aggregate(at=Min("until"))["at"]
    return found
