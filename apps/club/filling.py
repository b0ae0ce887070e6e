"""What stands in the boxes, and is held for them on the shelves: never more than there is.

Who calls this holds the boxes; here the shelves are locked, always in the same order.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Reservation, Variant
from apps.catalog.services import stock
from apps.club.box_models import Box, BoxLine, Offer, Wish
from apps.club.composing import Bottle, allowed, compose
from apps.core.refusal import Refusal
from apps.core.rows import insert_rows

Content = Counter[int]  # units by variant


class BottleShort(Refusal):
    """``left`` is how many of it this box can still have."""

    def __init__(self, variant: Variant, left: int) -> None:
        self.left = left
        name = variant.full_name
        text = _("%(name)s : il n’en reste que %(left)s.") if left else _("%(name)s : épuisé.")
        super().__init__(text, name=name, left=left)


@dataclass(frozen=True, slots=True)
class Offered:
    """What one round offers, by plan, and what members refuse; two queries."""

    bottles: Mapping[int, Sequence[Bottle]] = field(default_factory=dict)
    refused: Mapping[int, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, round_id: int, boxes: Collection[Box]) -> "Offered":
        offers = Offer.objects.filter(selection__round=round_id)
        rows = offers.select_related("selection", "variant__product").order_by("position", "pk")
        bottles: dict[int, list[Bottle]] = {}
        for one in rows:
            bottle = Bottle(
                one.variant_id, one.variant.product.colour, one.variant.price_cents, one.usual
            )
            bottles.setdefault(one.selection.plan_id, []).append(bottle)
        wishes = Wish.objects.filter(member__in=[box.member_id for box in boxes])
        return cls(bottles, dict(wishes.values_list("member", "refused")))

    def for_box(self, box: Box) -> list[Bottle]:
        """What may go into it, in the shop's order."""
        plan = box.member.plan
        offered = self.bottles.get(plan.pk, ())
        return allowed(offered, plan.colours, self.refused.get(box.member_id, ()))

    @property
    def variants(self) -> set[int]:
        return {one.variant_id for offered in self.bottles.values() for one in offered}


def refill(boxes: Sequence[Box], offered: Offered, now: datetime) -> None:
    """The shop's choice for each of these boxes of one round, in place of what stood in them."""
    lines = _lines(boxes)
    shelves = stock.locked(offered.variants | {line.variant_id for line in lines})
    _empty(lines, shelves, now)
    left = {pk: variant.available for pk, variant in shelves.items()}
    wanted = {}
    for box in boxes:
        content = compose(offered.for_box(box), box.bottles, left)
        for pk, units in content.items():
            if (units_left := left[pk]) is not None:
                left[pk] = units_left - units
        wanted[box] = content
    _put(wanted, shelves, now)


def change(box: Box, wanted: Content, now: datetime) -> None:
    """``wanted`` in place of what stood in the box. Raises ``BottleShort``, and nothing changes."""
    lines = _lines([box])
    shelves = stock.locked(wanted.keys() | {line.variant_id for line in lines})
    own = Counter({line.variant_id: line.units for line in lines})
    for pk, units in wanted.items():
        left = shelves[pk].available
        if left is not None and units > left + own[pk]:
            raise BottleShort(shelves[pk], left + own[pk])
    _empty(lines, shelves, now)
    _put({box: wanted}, shelves, now)


def empty(boxes: Sequence[Box], now: datetime) -> None:
    """Everything back to the shelf."""
    lines = _lines(boxes)
    _empty(lines, stock.locked(line.variant_id for line in lines), now)


def content_of(box: Box) -> Content:
    return Counter(dict(BoxLine.objects.filter(box=box).values_list("variant", "units")))


def _lines(boxes: Sequence[Box]) -> list[BoxLine]:
    return list(BoxLine.objects.filter(box__in=boxes).select_related("reservation"))


def _empty(lines: Sequence[BoxLine], shelves: Mapping[int, Variant], now: datetime) -> None:
    BoxLine.objects.filter(pk__in=[line.pk for line in lines]).delete()
    stock.release_many([line.reservation for line in lines], shelves, now)


def _put(wanted: Mapping[Box, Content], shelves: Mapping[int, Variant], now: datetime) -> None:
    lines = [
        BoxLine(
            box=box,
            variant_id=pk,
            units=units,
            reservation=Reservation(
                variant_id=pk,
                contact_id=box.member.contact_id,
                units=units,
                cause=box.cause,
                token=uuid4(),
                at=now,
            ),
        )
        for box, content in wanted.items()
        for pk, units in content.items()
    ]
    stock.reserve_many([line.reservation for line in lines], shelves)
    for line in lines:
        line.reservation_id = line.reservation.pk
    insert_rows(lines)
