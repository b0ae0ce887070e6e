"""What the club announces (``config/reactions.py`` says who listens)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeriodBegan:
    """A period that a box is to be made for: paid, or on its way to be."""

    period_id: int


@dataclass(frozen=True, slots=True)
class PeriodSettled:
    """It is paid, or is not to be paid any more; its state says which."""

    period_id: int


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    """Stripe tried in vain to be paid; once for each try."""

    member_id: int


@dataclass(frozen=True, slots=True)
class MemberMoved:
    """How a membership stands has changed."""

    member_id: int


@dataclass(frozen=True, slots=True)
class BoxReady:
    """Packed, and waits at the shop to be fetched."""

    box_id: int
