"""What goes into one box: the shop's selection, as far as the shelf and the member's wishes let it.

Nothing here reads or writes the database: who composes holds the shelves (``catalog.stock.locked``)
and says what is left on them.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bottle:
    """One that the shop offers; ``usual`` is how many of it the shop itself puts into a box."""

    variant_id: int
    colour: str
    price_cents: int
    usual: int = 0


Left = Mapping[int, int | None]  # by variant; None: the shop does not count it


def allowed(
    offered: Sequence[Bottle], colours: Collection[str], refused: Collection[str]
) -> list[Bottle]:
    """Those of the plan's colours (none named: all) that the member does not refuse."""
    return [
        one
        for one in offered
        if (not colours or one.colour in colours) and one.colour not in refused
    ]


def compose(offered: Sequence[Bottle], many: int, left: Left) -> Counter[int]:
    """``many`` bottles of those ``offered``, by variant; fewer only where no more are left.

    The usual ones first. In place of what is gone comes the nearest that is left: of its colour,
    then of its price, then what the box has least of, then as the shop put them in order.
    """
    box = Counter[int]()
    gone: list[Bottle | None] = []
    for one in offered:
        for _ in range(min(one.usual, many - box.total() - len(gone))):
            if _is_left(one, box, left):
                box[one.variant_id] += 1
            else:
                gone.append(one)
    gone += [None] * (many - box.total() - len(gone))
    for missing in gone:
        found = min(
            (one for one in offered if _is_left(one, box, left)),
            key=lambda one, missing=missing: _distance(one, missing, box),  # type: ignore[misc]
            default=None,
        )
        if found is None:
            break
        box[found.variant_id] += 1
    return box


def _is_left(one: Bottle, box: Counter[int], left: Left) -> bool:
    units = left.get(one.variant_id, 0)
    return units is None or box[one.variant_id] < units


def _distance(one: Bottle, missing: Bottle | None, box: Counter[int]) -> tuple[bool, int, int]:
    if missing is None:
        return False, 0, box[one.variant_id]
    apart = abs(one.price_cents - missing.price_cents)
    return one.colour != missing.colour, apart, box[one.variant_id]
