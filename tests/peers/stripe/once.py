"""What is bought once on a Checkout page: one payment, no subscription, no invoice."""

from tests.peers.stripe import shapes
from tests.peers.stripe.books import PLATFORM, Books, StripeError, Thing
from tests.peers.stripe.shapes import FAILS

SEPA_TAKES = 5 * 86_400


def buy(books: Books, session: Thing, number: str) -> None:
    """Paid, refused on the page itself, or on its way for days."""
    account, asked = books.owners[session["id"]], session["asked"]
    method = books.put(shapes.payment_method(books, number, session["customer"]), account)
    code = FAILS.get(method[method["type"]]["last4"], "")
    if code:
        raise StripeError(402, code, code, "card_error")
    data = asked.get("payment_intent_data", {})
    total = sum(int(line["price_data"]["unit_amount"]) for line in asked["line_items"].values())
    due = {"amount_due": total, "customer": session["customer"]}
    taken = books.put(shapes.charge(books, due, method, None), account)
    taken["application_fee_amount"] = int(data.get("application_fee_amount") or 0) or None
    intent = books.put(shapes.payment_intent(books, taken), account)
    intent["metadata"] = data.get("metadata", {})
    taken["payment_intent"] = session["payment_intent"] = intent["id"]
    session["amount_total"] = total
    books.emit("payment_intent.created", intent, account)
    if method["type"] == "sepa_debit":
        taken |= {"settles_at": books.now() + SEPA_TAKES, "of_session": session["id"]}
        books.emit("charge.pending", taken, account)
        return
    succeed(books, taken)
    session["payment_status"] = "paid"


def succeed(books: Books, taken: Thing) -> None:
    account, intent = books.owners[taken["id"]], books.things[taken["payment_intent"]]
    taken |= {"status": "succeeded", "paid": True, "captured": True}
    taken["amount_captured"] = intent["amount_received"] = taken["amount"]
    intent["status"] = "succeeded"
    if taken["application_fee_amount"] and account != PLATFORM:
        fee = books.put(shapes.application_fee(books, taken, account))
        taken["application_fee"] = fee["id"]
    books.emit("charge.succeeded", taken, account)
    books.emit("payment_intent.succeeded", intent, account)


def settle(books: Books, taken: Thing) -> None:
    """The debit has gone through, days later."""
    session = books.things[taken.pop("of_session")]
    del taken["settles_at"]
    succeed(books, taken)
    session["payment_status"] = "paid"
    books.emit("checkout.session.async_payment_succeeded", session, books.owners[session["id"]])
