"""Money that came, went back or is contested: charges, refunds, disputes, payouts, and the balance
transactions that say what each left on the account."""

from tests.peers.stripe import shapes
from tests.peers.stripe.books import Books, StripeError, Thing
from tests.peers.stripe.shapes import _new

FEE_PERMILLE, FEE_CENTS = 15, 25  # what Stripe keeps of a European card
DISPUTE_FEE = 2_000


# --- it comes ------------------------------------------------------------------------------


def settle(books: Books, account: str) -> None:
    """What each charge that went through left on the account, once Stripe has kept its share."""
    for taken in books.all("charge", account, status="succeeded"):
        if taken["balance_transaction"] is None:
            shares = {"stripe_fee": taken["amount"] * FEE_PERMILLE // 1000 + FEE_CENTS}
            shares["application_fee"] = taken["application_fee_amount"] or 0
            moved = balance(books, "charge", taken["id"], taken["amount"], account, **shares)
            taken["balance_transaction"] = moved["id"]


def balance(
    books: Books, kind: str, source: str, amount: int, account: str, **shares: int
) -> Thing:
    """A line of the account's balance; ``shares`` are the fees it bears, by kind."""
    fee = sum(shares.values())
    made = _new(
        books,
        "balance_transaction",
        amount=amount,
        available_on=books.now() + 2 * 86_400,
        balance_type="payments",
        currency="eur",
        description=None,
        exchange_rate=None,
        fee=fee,
        fee_details=[
            {"amount": cents, "application": None, "currency": "eur", "type": what}
            for what, cents in shares.items()
            if cents
        ],
        net=amount - fee,
        reporting_category=kind,
        source=source,
        status="pending",
        type=kind,
    )
    del made["livemode"], made["metadata"]
    return books.put(made, account)


# --- it goes back --------------------------------------------------------------------------


def give_back(books: Books, said: Thing, account: str) -> Thing:
    of = books.find("charge", said["charge"], account)
    left = of["amount"] - of["amount_refunded"]
    amount = int(said.get("amount") or left)
    if of["disputed"]:
        raise StripeError(400, "This charge has been charged back", "charge_disputed")
    if not of["paid"] or not 0 < amount <= left:
        raise StripeError(400, "Refund amount is greater than unrefunded amount on charge")
    with_share = said.get("refund_application_fee") == "true"
    if with_share and not of["application_fee"]:
        message = f"Charge {of['id']} has no associated application fee."
        raise StripeError(400, f"{message} As a result, no application fee can be refunded.")
    of["amount_refunded"] += amount
    of["refunded"] = of["amount_refunded"] == of["amount"]
    made = books.put(_refund(books, of, amount, said), account)
    moved = balance(books, "refund", made["id"], -amount, account)
    made["balance_transaction"] = moved["id"]
    of["refunds"]["data"].insert(0, made)
    if with_share:
        fee = books.things[of["application_fee"]]
        part = round(fee["amount"] * amount / of["amount"])
        left = fee["amount"] - fee["amount_refunded"]
        give_share_back(books, fee, left if of["refunded"] else min(left, part))
    books.emit("refund.created", made, account)
    books.emit("charge.refunded", of, account)
    return made


def give_share_back(books: Books, fee: Thing, cents: int) -> None:
    """The platform's share, or a part of it, to the account it was taken of: a line of its own
    there, told to the platform alone."""
    if not cents:
        return
    made = books.put(shapes.fee_refund(books, fee, cents))
    fee["amount_refunded"] += cents
    fee["refunded"] = fee["amount_refunded"] == fee["amount"]
    fee["refunds"]["data"].insert(0, made)
    moved = balance(books, "adjustment", made["id"], cents, fee["account"])
    moved["reporting_category"] = "fee"
    books.emit("application_fee.refunded", fee)


def _refund(books: Books, of: Thing, amount: int, said: Thing) -> Thing:
    made = _new(
        books,
        "refund",
        amount=amount,
        balance_transaction=None,
        charge=of["id"],
        currency="eur",
        payment_intent=of["payment_intent"],
        reason=said.get("reason"),
        status="succeeded",
    )
    del made["livemode"]
    return made | {"metadata": said.get("metadata", {})}


def bounce(books: Books, name: str) -> None:
    """The customer's bank sends the money back: it is the shop's again."""
    account, made = books.owners[name], books.things[name]
    of = books.things[made["charge"]]
    made["status"] = "failed"
    of["amount_refunded"] -= made["amount"]
    of["refunded"] = False
    balance(books, "refund_failure", name, made["amount"], account)
    of["refunds"]["data"] = [one for one in of["refunds"]["data"] if one["id"] != name] + [made]
    books.emit("refund.failed", made, account)


# --- it is contested -----------------------------------------------------------------------


def contest(books: Books, charge_id: str, reason: str) -> Thing:
    """The holder's bank takes the money back and asks why it was taken."""
    account = books.owners[charge_id]
    of = books.find("charge", charge_id, account)
    of["disputed"] = True
    made = books.put(_dispute(books, of, reason), account)
    share = {"stripe_fee": DISPUTE_FEE}
    moved = balance(books, "adjustment", made["id"], -made["amount"], account, **share)
    made["balance_transactions"].append(moved)
    books.emit("charge.dispute.created", made, account)
    return made


def judge(books: Books, dispute_id: str, verdict: str) -> None:
    """``won``: the money comes back, its fee too; ``lost``: nothing does."""
    account, made = books.owners[dispute_id], books.things[dispute_id]
    made["status"] = verdict
    if verdict == "won":
        share = {"stripe_fee": -DISPUTE_FEE}
        moved = balance(books, "adjustment", dispute_id, made["amount"], account, **share)
        made["balance_transactions"].append(moved)
    books.emit("charge.dispute.closed", made, account)


def _dispute(books: Books, of: Thing, reason: str) -> Thing:
    return _new(
        books,
        "dispute",
        amount=of["amount"],
        balance_transactions=[],
        charge=of["id"],
        currency="eur",
        evidence_details={
            "due_by": books.now() + 7 * 86_400,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        is_charge_refundable=False,
        payment_intent=of["payment_intent"],
        reason=reason,
        status="needs_response",
    )


# --- it is paid out ------------------------------------------------------------------------


def pay_out(books: Books, account: str) -> Thing:
    """All that stands on the account, to its bank."""
    settle(books, account)
    amount = sum(one["net"] for one in books.all("balance_transaction", account))
    made = _new(
        books,
        "payout",
        amount=amount,
        arrival_date=books.now() + 2 * 86_400,
        automatic=True,
        balance_transaction=None,
        currency="eur",
        description="STRIPE PAYOUT",
        destination=None,
        failure_code=None,
        method="standard",
        status="paid",
        type="bank_account",
    )
    books.put(made, account)
    made["balance_transaction"] = balance(books, "payout", made["id"], -amount, account)["id"]
    books.emit("payout.paid", made, account)
    return made
