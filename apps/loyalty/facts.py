"""What happens to cards, for the rooms above (``config/reactions.py``)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StampAdded:
    card_id: int
    movement_id: int


@dataclass(frozen=True, slots=True)
class FirstVisit:
    """The only visit of the person that stands."""

    movement_id: int


@dataclass(frozen=True, slots=True)
class StampUndone:
    card_id: int
    movement_id: int  # the stamp that was taken back


@dataclass(frozen=True, slots=True)
class StampReturned:
    """All of its goods have come back."""

    movement_id: int


@dataclass(frozen=True, slots=True)
class TierReached:
    card_id: int
    tier: int


@dataclass(frozen=True, slots=True)
class CardChanged:
    """Without a stamp: goods came back, it took another over, or it has a new link."""

    card_id: int


@dataclass(frozen=True, slots=True)
class RewardWon:
    reward_id: int


@dataclass(frozen=True, slots=True)
class RewardTakenBack:
    reward_id: int


@dataclass(frozen=True, slots=True)
class RewardRedeemed:
    reward_id: int


@dataclass(frozen=True, slots=True)
class ProgrammeChanged:
    """The shop's rule is another: every card says it."""


@dataclass(frozen=True, slots=True)
class ReferralJoined:
    """A friend who was brought has shown that they are somebody."""

    referral_id: int


@dataclass(frozen=True, slots=True)
class ReferralGiven:
    """Both have their gift: the friend has come."""

    referral_id: int
