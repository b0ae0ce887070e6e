"""Which keys there are for a shop: its own, the newest first, then the platform's.

The card's page asks at each view, and a key lasts a year: each process looks them up now and then.
"""

import time

from apps.shops import vault
from apps.shops.models import Shop

APPLE, GOOGLE = "apple:", "google:"  # how their names begin in the vault
_KNOWN_FOR = 30.0  # seconds
_known: dict[str | None, tuple[float, list[vault.Kept]]] = {}


def forget_known() -> None:
    """Look again: the keys have changed, or whoever asks must see what is."""
    _known.clear()


def keys_for(shop: Shop, whose: str) -> list[vault.Kept]:
    """``whose``: ``APPLE`` or ``GOOGLE``."""
    both = [*_kept_by(shop), *_kept_by(None)]
    return [kept for kept in both if kept.name.startswith(whose)]


def _kept_by(shop: Shop | None) -> list[vault.Kept]:
    name = shop.schema_name if shop else None
    asked, found = _known.get(name, (None, []))
    if asked is None or time.monotonic() - asked > _KNOWN_FOR:
        found = sorted(vault.listed(shop, APPLE, GOOGLE), key=_since, reverse=True)
        _known[name] = (time.monotonic(), found)
    return found


def _since(kept: vault.Kept) -> float:
    return kept.kept_at.timestamp()
