"""Who does a thing: recorded by id beside the thing, looked up when it is shown."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["team", "customer", "system", "staff"]


@dataclass(frozen=True, slots=True)
class Actor:
    """``id`` is the user's for ``team`` and ``staff``, the contact's for ``customer``."""

    kind: Kind
    id: int | None = None


SYSTEM = Actor("system")
