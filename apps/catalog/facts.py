"""What happens in the catalogue, for the rooms above (``config/reactions.py``)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PurchaseRecorded:
    purchase_id: int


@dataclass(frozen=True, slots=True)
class UnitsFreed:
    """Units that were promised or absent can be promised again."""

    variant_id: int
