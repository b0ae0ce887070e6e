"""What happens to a shop itself, for the rooms above (``config/reactions.py``)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShopChanged:
    """Its settings or its look: what it shows outside this house is to be shown anew."""

    shop_id: int
