"""Who does a thing: recorded by id beside the thing, looked up when it is shown."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["team", "customer", "system", "staff"]
Place = Literal["", "counter", "office"]


@dataclass(frozen=True, slots=True)
class Actor:
    """``id`` is the user's for ``team`` and ``staff``, the contact's for ``customer``; ``device``
    the number of the shop's own phone on which it was done, if it was one; ``place`` the side of
    the house."""

    kind: Kind
    id: int | None = None
    device: int | None = None
    place: Place = ""


SYSTEM = Actor("system")
