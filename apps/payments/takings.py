"""What a shop's customers paid it on its own account: charges, what was given back, contested and
paid out, as Stripe says it now.

Each event names a charge or a payout, which is asked about anew and kept whole: neither order nor
replay matters. The rows hold ids and cents, nothing of a person; the rooms above hear of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from apps.core.facts import announce
from apps.payments import mirror
from apps.payments.facts import ChargeMoved, PayoutMoved
from apps.payments.models import (
    Back,
    Charge,
    Dispute,
    Payout,
    Refund,
    ShopAccount,
    Verdict,
)
from apps.payments.providers import stripe

ONCE = "comptoir_once"  # of a refund's metadata: the mark of the form that asked for it
PAYOUT = "po_"
NAMES = ("ch_", "py_", PAYOUT)  # of what is asked about
KINDS = ("charge.", "refund.", "payout.")
SHARE_BACK = "application_fee.refunded"  # the one that is told to the platform
_EXPANDED = ["refunds.data.balance_transaction", "balance_transaction", "application_fee"]
_STATES = {
    "pending": Back.PENDING,
    "requires_action": Back.PENDING,
    "succeeded": Back.DONE,
    "failed": Back.FAILED,
    "canceled": Back.FAILED,
}
_VERDICTS = {
    "needs_response": Verdict.ANSWER,
    "warning_needs_response": Verdict.ANSWER,
    "under_review": Verdict.WAITING,
    "warning_under_review": Verdict.WAITING,
    "won": Verdict.WON,
    "warning_closed": Verdict.WON,
    "prevented": Verdict.WON,
    "lost": Verdict.LOST,
}


def named(thing: stripe.Thing) -> str:
    """The charge or payout that an event's object is about; empty where it is of neither."""
    name = str(thing.get("charge") or thing["id"])
    return name if name.startswith(NAMES) else ""


@dataclass(frozen=True, slots=True)
class Taking:
    """One of them, on a shop's account."""

    account: ShopAccount
    name: str

    @property
    def shop(self) -> Any:
        return self.account.shop


@dataclass(frozen=True, slots=True)
class Seen:
    """A charge with its refunds, the name of its invoice, its disputes; or a payout alone."""

    thing: stripe.Thing
    paid_as: str = ""
    disputes: tuple[stripe.Thing, ...] = ()


def look(taking: Taking) -> Seen:
    """What Stripe says of it now. Never inside a transaction."""
    on, name = taking.account.account_id, taking.name
    if name.startswith(PAYOUT):
        return Seen(stripe.read(f"payouts/{name}", on=on))
    charge = stripe.read(f"charges/{name}", on=on, expand=_EXPANDED)
    payment = {"type": "payment_intent", "payment_intent": charge["payment_intent"]}
    links = stripe.read("invoice_payments", on=on, payment=payment)["data"]
    disputes = stripe.every("disputes", on=on, charge=name) if charge["disputed"] else ()
    return Seen(charge, links[0]["invoice"] if links else "", tuple(disputes))


# --- kept ----------------------------------------------------------------------------------


@transaction.atomic
def follow(account: ShopAccount, seen: Seen, began: datetime) -> bool:
    """Keep what a read that began at ``began`` found, and tell who listens. In the shop's schema.
    False when a later read was here first, or the money has not come."""
    if seen.thing["object"] == "payout":
        return _follow_payout(account, seen.thing, began)
    if not seen.thing["paid"]:
        return False
    charge = _charge(account, seen, began)
    if charge is None:
        return False
    for one in seen.thing["refunds"]["data"]:
        _refund(charge, one)
    for one in seen.disputes:
        _dispute(charge, one)
    announce(ChargeMoved(charge.pk))
    return True


def _charge(account: ShopAccount, seen: Seen, began: datetime) -> Charge | None:
    one = seen.thing
    details = one["payment_method_details"] or {}
    fees, share = _fees(one["balance_transaction"]), one["application_fee"] or {}
    said = {
        "payment_id": one["payment_intent"] or "",
        "paid_as": seen.paid_as,
        "amount_cents": one["amount"],
        "refunded_cents": one["amount_refunded"],
        "fee_cents": fees.get("stripe_fee", 0) + fees.get("tax", 0),
        "kept_cents": fees.get("application_fee", 0),
        "share_id": share.get("id", ""),
        "share_back_cents": share.get("amount_refunded", 0),
        "by": details.get("type", "")[:12],
        "last4": (details.get(details.get("type")) or {}).get("last4") or "",
        "made_at": mirror.moment(one["created"]),
    }
    charge, is_new = Charge.objects.get_or_create(
        charge_id=one["id"], defaults={"shop_id": account.shop_id, "read_at": began, **said}
    )
    newer = Charge.objects.filter(pk=charge.pk, read_at__lt=began)
    if is_new or newer.update(read_at=began, **said):
        return charge
    return None


def _fees(moved: stripe.Thing | None) -> dict[str, int]:
    """What a line of the account's balance bore, by kind."""
    found: dict[str, int] = {}
    for fee in (moved or {}).get("fee_details") or []:
        found[fee["type"]] = found.get(fee["type"], 0) + fee["amount"]
    return found


def _refund(charge: Charge, one: stripe.Thing) -> None:
    """Ours is found by its mark, another by its name at Stripe."""
    once = (one["metadata"] or {}).get(ONCE)
    said = {
        "status": _STATES.get(one["status"] or "", Back.PENDING),
        "why_not": (one.get("failure_reason") or "")[:60],
    }
    known = Q(refund_id=one["id"]) | (Q(once=once, refund_id="") if once else Q(pk=None))
    if not Refund.objects.filter(known, charge=charge).update(refund_id=one["id"], **said):
        Refund.objects.create(
            shop_id=charge.shop_id,
            charge=charge,
            refund_id=one["id"],
            amount_cents=one["amount"],
            asked_at=datetime.fromtimestamp(one["created"], UTC),
            **said,
        )


def _dispute(charge: Charge, one: stripe.Thing) -> None:
    moved = one["balance_transactions"]
    due = (one["evidence_details"] or {}).get("due_by")
    said = {
        "amount_cents": one["amount"],
        "taken_cents": -sum(line["amount"] for line in moved),
        "fee_cents": sum(line["fee"] for line in moved),
        "reason": one["reason"][:40],
        "verdict": _VERDICTS.get(one["status"], Verdict.WAITING),
        "is_inquiry": one["status"].startswith("warning"),
        "answer_by": mirror.moment(due),
        "made_at": mirror.moment(one["created"]),
    }
    Dispute.objects.update_or_create(
        dispute_id=one["id"], defaults={"shop_id": charge.shop_id, "charge": charge, **said}
    )


def _follow_payout(account: ShopAccount, one: stripe.Thing, began: datetime) -> bool:
    said = {
        "amount_cents": one["amount"],
        "status": one["status"],
        "arrives_on": datetime.fromtimestamp(one["arrival_date"], UTC).date(),
    }
    payout, is_new = Payout.objects.get_or_create(
        payout_id=one["id"], defaults={"shop_id": account.shop_id, "read_at": began, **said}
    )
    newer = Payout.objects.filter(pk=payout.pk, read_at__lt=began)
    if not is_new and not newer.update(read_at=began, **said):
        return False
    announce(PayoutMoved(payout.pk))
    return True


# --- compared ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Differs:
    """A charge that stands otherwise there than here."""

    name: str
    here: str
    there: str


def compare(account: ShopAccount, since: datetime) -> Iterator[Differs]:
    """What Stripe lists of the account beside what is kept, charge by charge. Standing in the
    shop's schema."""
    on, recent = account.account_id, {"gte": int(since.timestamp())}
    disputed = {
        one["charge"]: one["status"] for one in stripe.every("disputes", on=on, created=recent)
    }
    there = {
        one["id"]: _said(one["amount"], one["amount_refunded"], disputed.get(one["id"], ""))
        for one in stripe.every("charges", on=on, created=recent)
        if one["paid"]
    }
    here = {
        one.charge_id: _said(one.amount_cents, one.refunded_cents, _verdicts(one))
        for one in Charge.objects.filter(made_at__gte=since).prefetch_related("disputes")
    }
    for name in sorted({*there, *here}):
        mine, theirs = here.get(name, ""), _as_here(there.get(name, ""))
        if mine != theirs:
            yield Differs(name, mine, theirs)


def _said(amount: int, refunded: int, state: str) -> str:
    return f"{amount} -{refunded} {state}".strip()


def _as_here(there: str) -> str:
    """With our word for a dispute's state."""
    *money, last = there.split(" ") if there else [""]
    return " ".join([*money, _VERDICTS[last].value]) if last in _VERDICTS else there


def _verdicts(charge: Charge) -> str:
    return " ".join(one.verdict for one in charge.disputes.all())
