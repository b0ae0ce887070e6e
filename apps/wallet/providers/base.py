"""What Comptoir asks of whoever tells a phone that a pass has changed, in its own words."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from apps.wallet.accounts import Account
from apps.wallet.identities import Identity


class Told(enum.Enum):
    YES = "yes"
    GONE = "gone"  # the phone holds no such pass any more
    LATER = "later"  # nothing is wrong with it: ask again
    REFUSED = "refused"  # we are: nothing passes until somebody mends our keys


@dataclass(frozen=True, slots=True)
class Answer:
    """``gone_at``: since when the phone is not there, where that is known."""

    told: Told
    reason: str = ""
    gone_at: datetime | None = None


class Pusher(Protocol):
    """Called outside any transaction; own timeouts."""

    def push(self, identity: Identity, tokens: Sequence[str]) -> list[Answer]:
        """Tell each of these phones; an answer for each, in their order."""


class ObjectKeeper(Protocol):
    """Who keeps passes by itself, and tells phones. Called outside any transaction."""

    def write_class(self, account: Account, body: dict[str, Any], digest: str) -> Answer:
        """What the shop's passes have in common; ``digest`` changes when it does."""

    def write_objects(self, account: Account, bodies: Sequence[dict[str, Any]]) -> list[Answer]:
        """Each pass as it is now; an answer for each, in their order."""
