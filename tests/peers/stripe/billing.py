"""What a subscription lives through: trial, invoices and their attempts, late payments, the end.

``advance`` moves the clock and lets everything that falls due happen on its day.
"""

import math

from tests.peers.stripe import once, prorating, shapes
from tests.peers.stripe.books import PLATFORM, Books, StripeError, Thing
from tests.peers.stripe.shapes import FAILS, MONTH

RETRIES = (3 * 86_400, 5 * 86_400, 7 * 86_400)  # after which a subscription is given up
SEPA_TAKES = 5 * 86_400
LIVE = ("trialing", "active", "past_due", "unpaid", "paused")


def begin(books: Books, customer: str, said: Thing, account: str) -> Thing:
    """A subscription to the prices of ``said["items"]``, its first invoice made and tried."""
    prices = [books.find("price", item["price"], account) for item in said["items"].values()]
    sub = books.put(shapes.subscription(books, customer, prices, said), account)
    books.emit("customer.subscription.created", sub, account)
    bill(books, sub, "subscription_create")
    return sub


def method_of(books: Books, sub: Thing) -> Thing | None:
    """What pays for it: its own payment method, else its customer's."""
    buyer = books.things[sub["customer"]]
    name = sub["default_payment_method"] or buyer["invoice_settings"]["default_payment_method"]
    return books.things.get(name) if name else None


def bill(books: Books, sub: Thing, reason: str, lines: list[Thing] | None = None) -> Thing:
    """An invoice of ``lines``, else of what the subscription costs in its period; tried."""
    account = books.owners[sub["id"]]
    items = sub["items"]["data"]
    whole = [shapes.line(books, item, item["price"]["unit_amount"]) for item in items]
    made = books.put(shapes.invoice(books, sub, reason, lines or whole), account)
    sub["latest_invoice"] = made["id"]
    prorating.use_credit(books, made)
    books.emit("invoice.created", made, account)
    books.emit("invoice.finalized", made, account)
    attempt(books, made, sub)
    return made


def attempt(books: Books, made: Thing, sub: Thing) -> None:
    """Try to take the money once; the subscription follows."""
    if made["status"] != "open":
        raise StripeError(400, "Invoice is already paid", "invoice_already_paid")
    account = books.owners[made["id"]]
    if made["amount_due"] == 0:
        _paid(books, made, sub, account)
        return
    method = method_of(books, sub)
    made["attempted"], made["attempt_count"] = True, made["attempt_count"] + 1
    if method is None:
        _failed(books, made, sub, account)
        return
    taken = books.put(shapes.charge(books, made, method, sub["application_fee_percent"]), account)
    intent = books.put(shapes.payment_intent(books, taken), account)
    taken["payment_intent"] = intent["id"]
    books.put(shapes.invoice_payment(books, made, intent), account)
    if method["type"] == "sepa_debit":
        # A debit takes days; the subscription goes on meanwhile, as Stripe lets it.
        taken["settles_at"], taken["of_invoice"] = books.now() + SEPA_TAKES, made["id"]
        books.emit("charge.pending", taken, account)
        _turn(books, sub, "active", account)
        return
    _settle(books, made, sub, taken, method)


def _settle(books: Books, made: Thing, sub: Thing, taken: Thing, method: Thing) -> None:
    account = books.owners[made["id"]]
    intent = books.things[taken["payment_intent"]]
    code = FAILS.get(method[method["type"]]["last4"], "")
    if code:
        taken |= {"status": "failed", "failure_code": code, "failure_message": code}
        waits = code == "authentication_required"
        intent["status"] = "requires_action" if waits else "requires_payment_method"
        intent["last_payment_error"] = shapes.payment_error(code, method)
        books.emit("charge.failed", taken, account)
        if waits:
            books.emit("invoice.payment_action_required", made, account)
        _failed(books, made, sub, account)
        return
    succeed(books, made, sub, taken)


def succeed(books: Books, made: Thing, sub: Thing, taken: Thing) -> None:
    """The bank says yes."""
    account, intent = books.owners[made["id"]], books.things[taken["payment_intent"]]
    taken |= {"status": "succeeded", "paid": True, "captured": True}
    taken["amount_captured"] = intent["amount_received"] = taken["amount"]
    intent |= {"status": "succeeded", "last_payment_error": None}
    if taken["application_fee_amount"] and account != PLATFORM:
        fee = books.put(shapes.application_fee(books, taken, account))
        taken["application_fee"] = fee["id"]
        books.emit("application_fee.created", fee)
    books.emit("charge.succeeded", taken, account)
    _paid(books, made, sub, account)


def _paid(books: Books, made: Thing, sub: Thing, account: str) -> None:
    made |= {"status": "paid", "amount_paid": made["amount_due"], "amount_remaining": 0}
    made["next_payment_attempt"] = None
    made["status_transitions"]["paid_at"] = books.now()
    books.emit("invoice.paid", made, account)
    if sub["status"] != "trialing":
        _turn(books, sub, "active", account)


def _failed(books: Books, made: Thing, sub: Thing, account: str) -> None:
    tries = made["attempt_count"]
    again = RETRIES[tries - 1] if 0 < tries <= len(RETRIES) else None
    made["next_payment_attempt"] = books.now() + again if again else None
    books.emit("invoice.payment_failed", made, account)
    if made["billing_reason"] == "subscription_create":
        _turn(books, sub, "incomplete", account)
    elif again:
        _turn(books, sub, "past_due", account)
    else:
        end(books, sub)


def _turn(books: Books, sub: Thing, status: str, account: str) -> None:
    if sub["status"] != status:
        sub["status"] = status
        books.emit("customer.subscription.updated", sub, account)


def end(books: Books, sub: Thing) -> None:
    now, account = books.now(), books.owners[sub["id"]]
    sub |= {"status": "canceled", "ended_at": now, "canceled_at": sub["canceled_at"] or now}
    books.emit("customer.subscription.deleted", sub, account)


def change(books: Books, sub: Thing, said: Thing) -> None:
    """What may be changed of one: when it ends, what is bought, what pays, whether it rests."""
    account = books.owners[sub["id"]]
    if "cancel_at_period_end" in said:
        leaves = said["cancel_at_period_end"] == "true"
        sub["cancel_at_period_end"] = leaves
        sub["canceled_at"] = books.now() if leaves else None
        sub["cancel_at"] = period_end(sub) if leaves else None
    before = [dict(item) for item in sub["items"]["data"]]
    for asked in said.get("items", {}).values():
        _exchange(books, sub["items"]["data"], asked, account)
    if "pause_collection" in said:
        sub["pause_collection"] = said["pause_collection"] or None
    if "cancel_at" in said:
        sub["cancel_at"] = int(said["cancel_at"]) if said["cancel_at"] else None
    for field in ("default_payment_method",):
        sub[field] = said.get(field, sub[field])
    sub["metadata"] |= said.get("metadata", {})
    books.emit("customer.subscription.updated", sub, account)
    if said.get("proration_behavior") == "always_invoice" and sub["status"] == "active":
        lines = prorating.lines(books, sub, before)
        if lines:
            bill(books, sub, "subscription_update", lines)


def _exchange(books: Books, items: list[Thing], asked: Thing, account: str) -> None:
    """One of the things that are bought: another price of it, no more of it, or one more thing."""
    item = next((one for one in items if one["id"] == asked.get("id")), None)
    if item is None:
        item = {**items[0], "id": books.new_id("subscription_item")}
        items.append(item)
    if asked.get("deleted") == "true":
        items.remove(item)
    else:
        item["price"] = books.find("price", asked["price"], account)


def period_end(sub: Thing) -> int:
    return int(sub["items"]["data"][0]["current_period_end"])


def use(books: Books, number: str, customer: str, account: str) -> Thing:
    """A new payment method of the customer's; what is owed is asked from it at once."""
    buyer = books.find("customer", customer, account)
    method = books.put(shapes.payment_method(books, number, customer), account)
    buyer["invoice_settings"]["default_payment_method"] = method["id"]
    books.emit("payment_method.attached", method, account)
    books.emit("customer.updated", buyer, account)
    for sub in books.all("subscription", account, customer=customer):
        sub["default_payment_method"] = None
        if sub["status"] in ("past_due", "incomplete"):
            attempt(books, books.things[sub["latest_invoice"]], sub)
    return method


# --- the clock -----------------------------------------------------------------------------


def advance(books: Books, seconds: int) -> None:
    """Each thing on its day, in order, until the new moment."""
    target = books.now() + seconds
    while True:
        due = [(at, name) for name, at in _moments(books) if at <= target]
        if not due:
            break
        at, name = min(due)
        books.ahead += max(0, at - books.now())
        _happen(books, books.things[name])
    books.ahead += max(0, target - books.now())


def _moments(books: Books) -> list[tuple[str, int]]:
    found = []
    for name, thing in books.things.items():
        if thing["object"] == "subscription" and thing["status"] in LIVE:
            owed = books.things[thing["latest_invoice"]]
            if thing["status"] == "past_due":
                found.append((name, owed["next_payment_attempt"]))
            else:
                found.append((name, period_end(thing)))
        elif thing["object"] == "charge" and thing.get("settles_at"):
            found.append((name, thing["settles_at"]))
    return found


def _happen(books: Books, thing: Thing) -> None:
    if "of_session" in thing:
        once.settle(books, thing)
    elif thing["object"] == "charge":
        made = books.things[thing.pop("of_invoice")]
        del thing["settles_at"]
        sub = books.things[made["parent"]["subscription_details"]["subscription"]]
        _settle(books, made, sub, thing, books.things[thing["payment_method"]])
    elif thing["status"] == "past_due":
        attempt(books, books.things[thing["latest_invoice"]], thing)
    else:
        _renew(books, thing)


def _renew(books: Books, sub: Thing) -> None:
    if sub["cancel_at_period_end"] or period_end(sub) >= (sub["cancel_at"] or math.inf):
        end(books, sub)
        return
    account = books.owners[sub["id"]]
    if sub["status"] == "trialing" and method_of(books, sub) is None:
        end(books, sub)
        return
    start = period_end(sub)
    for item in sub["items"]["data"]:
        months = item["price"]["recurring"]["interval_count"]
        item |= {"current_period_start": start, "current_period_end": start + months * MONTH}
    _turn(books, sub, "active", account)
    rests = sub["pause_collection"]
    if rests and int(rests.get("resumes_at") or start + 1) <= start:
        rests = sub["pause_collection"] = None
    if not rests:
        bill(books, sub, "subscription_cycle")
