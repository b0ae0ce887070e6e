"""What happened to money, for the rooms above (``config/reactions.py``)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlanBilled:
    """A shop paid for its plan, or was given some of it back; announced in the platform's own
    shop, which invoices it."""

    shop: str  # the schema of who paid
    bill_id: int


@dataclass(frozen=True, slots=True)
class BuyerMoved:
    """Something that a customer of the shop pays, or paid, stands otherwise than it did."""

    customer_id: str


@dataclass(frozen=True, slots=True)
class ChargeMoved:
    """A customer's payment on the shop's account, its refunds or disputes, stand otherwise."""

    charge_id: int


@dataclass(frozen=True, slots=True)
class PayoutMoved:
    """Stripe paid the shop's money out, or it came back."""

    payout_id: int
