"""Cards, stamps and rewards: the verbs of the counter.

Every verb takes the ``token`` that the phone made for the gesture: the same token again
returns the same result and changes nothing, however many requests carry it at once.
"""

from apps.loyalty.services.cards import (
    FIRST_NUMBER,
    card_of,
    default_programme,
    first_card_of,
    give_cards,
    the_programme,
)
from apps.loyalty.services.carrying import carry_over
from apps.loyalty.services.redeeming import Redeemed, buy, redeem
from apps.loyalty.services.refusals import (
    AmountMissing,
    CardMerged,
    CountedOtherwise,
    HourlyLimit,
    NothingToReturn,
    NotYourStamp,
    OfferGone,
    ReturnTooMuch,
    RewardAlreadyGiven,
    RewardExpired,
    RewardGone,
    RewardSpent,
    StampedJustNow,
    TokenSpent,
    TooFewPoints,
    UndoTooLate,
    VisitCounted,
)
from apps.loyalty.services.stamping import Stamped, add_stamp
from apps.loyalty.services.taking_back import (
    UNDO_WINDOW,
    Returned,
    Undone,
    give_back,
    undo_stamp,
)

__all__ = [
    "FIRST_NUMBER",
    "UNDO_WINDOW",
    "AmountMissing",
    "CardMerged",
    "CountedOtherwise",
    "HourlyLimit",
    "NotYourStamp",
    "NothingToReturn",
    "OfferGone",
    "Redeemed",
    "ReturnTooMuch",
    "Returned",
    "RewardAlreadyGiven",
    "RewardExpired",
    "RewardGone",
    "RewardSpent",
    "Stamped",
    "StampedJustNow",
    "TokenSpent",
    "TooFewPoints",
    "UndoTooLate",
    "Undone",
    "VisitCounted",
    "add_stamp",
    "buy",
    "card_of",
    "carry_over",
    "default_programme",
    "first_card_of",
    "give_back",
    "give_cards",
    "redeem",
    "the_programme",
    "undo_stamp",
]
