"""What a customer does about money that did not come: another means, the bank's confirmation, the
page of the invoice itself."""

from tests.peers.stripe import billing, shapes
from tests.peers.stripe.books import Books, StripeError, Thing


def keep_method(books: Books, session: Thing, number: str) -> Thing:
    """Checkout that only keeps a means of payment: attached, and nothing is made of it yet."""
    account = books.owners[session["id"]]
    method = books.put(shapes.payment_method(books, number, session["customer"]), account)
    intent = books.put(shapes.setup_intent(books, method), account)
    session["setup_intent"] = intent["id"]
    books.emit("payment_method.attached", method, account)
    books.emit("setup_intent.succeeded", intent, account)
    return method


def pay(books: Books, invoice: Thing, sub: Thing) -> None:
    """Asked for by us: what the bank refuses is an answer of its own (402)."""
    billing.attempt(books, invoice, sub)
    intent = _last_intent(books, invoice)
    error = intent and intent["last_payment_error"]
    if invoice["status"] == "open" and error:
        raise StripeError(402, error["message"], error["code"], "card_error")


def settle_by(books: Books, invoice: Thing, number: str) -> None:
    """On the invoice's page, by another means, which pays for the subscription from now on."""
    account, sub = books.owners[invoice["id"]], _subscription(books, invoice)
    method = books.put(shapes.payment_method(books, number, invoice["customer"]), account)
    books.emit("payment_method.attached", method, account)
    sub["default_payment_method"] = method["id"]
    billing.attempt(books, invoice, sub)


def confirm(books: Books, invoice: Thing) -> None:
    """The holder says yes to the bank."""
    intent = _last_intent(books, invoice)
    if intent is None or intent["status"] != "requires_action":
        raise StripeError(400, "Nothing waits for a confirmation")
    taken = books.things[intent["latest_charge"]]
    billing.succeed(books, invoice, _subscription(books, invoice), taken)


def waits_for_bank(books: Books, invoice: Thing) -> bool:
    intent = _last_intent(books, invoice)
    return intent is not None and intent["status"] == "requires_action"


def _subscription(books: Books, invoice: Thing) -> Thing:
    return books.things[invoice["parent"]["subscription_details"]["subscription"]]


def _last_intent(books: Books, invoice: Thing) -> Thing | None:
    account = books.owners[invoice["id"]]
    found = books.all("invoice_payment", account, invoice=invoice["id"])
    return books.things[found[0]["payment"]["payment_intent"]] if found else None
