"""A member's next box, as their own page shows it: what is in it, and what may still be changed."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.catalog.details import WINE_COLOURS
from apps.catalog.models import Variant
from apps.club import boxes
from apps.club.box_models import Box, BoxState, Wish
from apps.club.box_queries import with_content
from apps.club.carriers import CARRIERS
from apps.club.models import ChosenBy, Member


@dataclass(frozen=True, slots=True)
class Choice:
    """A bottle that may go in; ``units`` of it are."""

    variant: Variant
    units: int
    most: int


@dataclass(frozen=True, slots=True)
class Inside:
    """A bottle that is in, and those of its price that it may be swapped for."""

    variant: Variant
    units: int
    others: list[Variant] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shown:
    """``choices`` where the member chooses, ``inside`` what is in; both say what may be changed
    only while it may."""

    box: Box
    words: str
    may_change: bool
    chooses: bool
    choices: list[Choice]
    inside: list[Inside]
    skips_left: int
    may_take_again: bool
    follow: str
    carrier: object


def shown(member: Member, now: datetime) -> dict[str, Any]:
    """The last box that was made for ``member``, None before the first, and the colours they may
    refuse; at most ten queries."""
    refused = Wish.objects.filter(member=member).values_list("refused", flat=True).first() or []
    return {
        "next_box": _next_box(member, now),
        "colours": [(key, label, key in refused) for key, label in WINE_COLOURS.items()],
    }


def _next_box(member: Member, now: datetime) -> Shown | None:
    found = with_content(Box.objects.filter(member=member).exclude(state=BoxState.CANCELLED))
    box = found.order_by("-round__month", "-pk").first()
    if box is None:
        return None
    may_change = boxes.may_change(box, now)
    offered = _offered(box) if may_change else []
    inside = {line.variant_id: line.units for line in box.lines.all()}
    selection = box.round.selections.filter(plan=member.plan_id).first()
    carrier = CARRIERS.get(box.carrier)
    return Shown(
        box=box,
        words=selection.words if selection else "",
        may_change=may_change,
        chooses=may_change and member.plan.chosen_by == ChosenBy.CUSTOMER,
        choices=[Choice(v, inside.get(v.pk, 0), _most(box, v, inside)) for v in offered],
        inside=[_inside(line.variant, line.units, offered) for line in box.lines.all()],
        skips_left=boxes.skips_left(member, box.round.month.year) if may_change else 0,
        may_take_again=bool(box.skipped_at) and boxes.choosing(box.round, now),
        follow=carrier.link(box.tracking) if carrier else "",
        carrier=carrier,
    )


def _offered(box: Box) -> list[Variant]:
    order = [one.variant_id for one in boxes.offered_for(box)]
    found = Variant.objects.select_related("product").in_bulk(order)
    return [found[pk] for pk in order]


def _most(box: Box, variant: Variant, inside: dict[int, int]) -> int:
    left = variant.available
    return box.bottles if left is None else min(box.bottles, left + inside.get(variant.pk, 0))


def _inside(variant: Variant, units: int, offered: list[Variant]) -> Inside:
    others = [
        one
        for one in offered
        if one.price_cents == variant.price_cents and one.pk != variant.pk and one.available != 0
    ]
    return Inside(variant, units, others)
