"""From the shelf into the box, and from the shop to its member.

Whoever packs holds the box first: of two people at the same tick one pulls the bottles, and the
other finds it done. Everything can be taken back until the parcel has left.
"""

from datetime import datetime
from uuid import UUID, uuid4, uuid5

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.catalog.services import stock
from apps.club import box_notes, filling
from apps.club.box_models import Box, BoxLine, BoxState
from apps.club.boxes import tell_of
from apps.club.carriers import CARRIERS
from apps.club.facts import BoxReady
from apps.club.member_models import Leaving
from apps.club.models import PeriodState, State
from apps.contacts.age import check_proof
from apps.core.actor import SYSTEM, Actor
from apps.core.facts import announce
from apps.core.refusal import Refusal
from apps.loyalty.services import TokenSpent


class NotToPack(Refusal):
    message = _("Cette box n’est pas à préparer : elle est %(state)s.")


class NotSettled(Refusal):
    message = _("Cette box attend son règlement : elle se prépare quand il est arrivé.")


class OnPause(Refusal):
    message = _("Ce membre est en pause : sa box se prépare à son retour.")


class BottlesMissing(Refusal):
    message = _("Il manque %(many)s bouteille(s) à cette box : complétez-la d’abord.")


class NotReady(Refusal):
    message = _("Cette box n’est pas prête : elle est %(state)s.")


class HasLeft(Refusal):
    message = _("Cette box a déjà quitté la boutique.")


class Fetched(Refusal):
    message = _("Cette box se retire en boutique.")


# --- packed ---------------------------------------------------------------------------------


def _held(box_id: int) -> Box:
    related = ("round", "period", "member__plan", "member__contact__merged_into")
    return Box.objects.select_for_update(of=("self",)).select_related(*related).get(pk=box_id)


def _lines(box: Box) -> list[BoxLine]:
    """Its bottles, their shelves locked."""
    lines = list(box.lines.select_related("reservation", "variant__product"))
    stock.locked(line.variant_id for line in lines)
    return lines


@transaction.atomic
def pack(box_id: int, *, by: Actor, now: datetime) -> Box:
    """Its bottles leave the shelves; twice is once.

    Raises ``NotToPack``, ``NotSettled``, ``OnPause``, ``BottlesMissing``.
    """
    box = _held(box_id)
    if box.state == BoxState.PACKED:
        return box
    if box.state != BoxState.OPEN:
        raise NotToPack(state=box.get_state_display())
    if box.waits:
        raise NotSettled() if box.is_unpaid else OnPause()
    lines = _lines(box)
    if missing := box.bottles - sum(line.units for line in lines):
        raise BottlesMissing(many=missing)
    box.state, box.pulled, box.packed_at = BoxState.PACKED, uuid4(), now
    for line in lines:
        stock.collect(reservation=line.reservation, token=_pull(box, line), by=by, now=now)
    box.save(update_fields=["state", "pulled", "packed_at"])
    tell_of(box, "packed", by, now)
    if not box.is_shipped:
        announce(BoxReady(box_id=box.pk))
    return box


def _pull(box: Box, line: BoxLine) -> UUID:
    """Names one bottle's way from the shelf into the box."""
    assert box.pulled
    return uuid5(box.pulled, str(line.variant_id))


@transaction.atomic
def unpack(box_id: int, *, by: Actor, now: datetime) -> Box:
    """Its bottles are on the shelves again, held for it; twice is once. Raises ``HasLeft``."""
    box = _held(box_id)
    if box.state == BoxState.PACKED:
        _put_back(box, by, now)
        tell_of(box, "unpacked", by, now)
    elif box.ended_at:
        raise HasLeft()
    return box


def _put_back(box: Box, by: Actor, now: datetime) -> None:
    for line in _lines(box):
        stock.take_back(reservation=line.reservation, token=_pull(box, line), by=by, now=now)
    box.state, box.pulled, box.packed_at = BoxState.OPEN, None, None
    box.save(update_fields=["state", "pulled", "packed_at"])


@transaction.atomic
def call_off(box_id: int, *, now: datetime, by: Actor = SYSTEM) -> None:
    """It is not to be paid any more: its bottles go back, unless it has left already."""
    box = _held(box_id)
    if box.state == BoxState.PACKED:
        _put_back(box, by, now)
    if box.state == BoxState.OPEN:
        filling.empty([box], now)
        box.state = BoxState.CANCELLED
        box.save(update_fields=["state"])
        tell_of(box, "cancelled", by, now)


def follow(member_id: int, now: datetime) -> None:
    """Who has left has no box of a period that they never paid; who renounced has none at all."""
    unpaid = Q(member__state=State.ENDED, period__state=PeriodState.DUE, state=BoxState.OPEN)
    undone = Q(member__in=Leaving.objects.renounced().values("member"))
    boxes = Box.objects.filter(unpaid | undone, member=member_id)
    for pk in boxes.values_list("pk", flat=True):
        call_off(pk, now=now)


# --- handed over, shipped -------------------------------------------------------------------


def hand_over(box_id: int, *, gesture: UUID, id_checked: bool, by: Actor, now: datetime) -> Box:
    """Carried away by its member, once a ``gesture``.

    Raises ``NotReady``, for alcohol ``Minor`` and ``IdNotChecked``, or ``TokenSpent`` when the
    gesture was another's.
    """
    try:
        with transaction.atomic():
            return _hand_over(box_id, gesture, id_checked, by, now)
    except IntegrityError as error:
        raise TokenSpent() from error


def _hand_over(box_id: int, gesture: UUID, id_checked: bool, by: Actor, now: datetime) -> Box:
    box = _held(box_id)
    if box.gesture == gesture:
        return box
    if box.state != BoxState.PACKED:
        raise NotReady(state=box.get_state_display())
    if has_alcohol(box):
        check_proof(box.member.person, id_checked, timezone.localdate(now))
    box.state, box.gesture, box.ended_at = BoxState.HANDED, gesture, now
    box.id_checked = id_checked
    box.save(update_fields=["state", "gesture", "ended_at", "id_checked"])
    tell_of(box, "handed", by, now)
    record(by, "box.hand_over", "box", box.pk, after={"id_checked": id_checked})
    return box


def has_alcohol(box: Box) -> bool:
    return box.lines.filter(variant__product__is_alcohol=True).exists()


@transaction.atomic
def take_back(box_id: int, *, by: Actor, now: datetime) -> Box:
    """It was not handed over, or not shipped, after all: ready again. Twice is once."""
    box = _held(box_id)
    if box.ended_at is None:
        return box
    box.state, box.gesture, box.ended_at, box.id_checked = BoxState.PACKED, None, None, False
    box.carrier = box.tracking = ""
    box.save()
    tell_of(box, "taken_back", by, now)
    record(by, "box.take_back", "box", box.pk)
    return box


@transaction.atomic
def ship(box_id: int, *, carrier: str, tracking: str, by: Actor, now: datetime) -> Box:
    """On its way by ``carrier`` (a key of ``CARRIERS``); its member is told, with the link that
    follows it. Shipped again with the same parcel is once; with another, the parcel is corrected.

    Raises ``NotReady``, ``Fetched``, ``WrongTracking``, ``WrongAddress``.
    """
    box = _held(box_id)
    read = CARRIERS[carrier].read(tracking)
    if (box.state, box.carrier, box.tracking) == (BoxState.SHIPPED, carrier, read):
        return box
    if box.state not in {BoxState.PACKED, BoxState.SHIPPED}:
        raise NotReady(state=box.get_state_display())
    if not box.is_shipped:
        raise Fetched()
    box.state, box.carrier, box.tracking = BoxState.SHIPPED, carrier, read
    box.ended_at = box.ended_at or now
    box.save(update_fields=["state", "carrier", "tracking", "ended_at"])
    tell_of(box, "shipped", by, now)
    box_notes.has_left(box)
    record(by, "box.ship", "box", box.pk)
    return box
