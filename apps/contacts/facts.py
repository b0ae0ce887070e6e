"""What people say, for the rooms above (``config/reactions.py``)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """Somebody agreed: they may be written to from now on. An imported list announces nothing."""

    contact_id: int
    channel: str
