"""A price that changes within a period that was paid: what is left of it goes back, the new price
is asked for the days that remain, on an invoice at once. Below zero, it is the customer's credit,
which pays for what is asked next."""

from typing import Any

from tests.peers.stripe import shapes
from tests.peers.stripe.books import Books, Thing


def lines(books: Books, sub: Thing, before: list[Thing]) -> list[Thing]:
    """For each thing bought at another price than ``before``: the old one back, the new one due."""
    now, found = books.now(), list[Thing]()
    for old, new in zip(before, sub["items"]["data"], strict=False):
        if old["price"]["id"] == new["price"]["id"]:
            continue
        start, end = new["current_period_start"], new["current_period_end"]
        for item, sign in ((old, -1), (new, 1)):
            cents = sign * round(item["price"]["unit_amount"] * (end - now) / (end - start))
            line = shapes.line(books, {**item, "current_period_start": now}, cents)
            credited = _credited(books, sub, item) if sign < 0 else None
            line["parent"] = {
                "invoice_item_details": {
                    "invoice_item": None,
                    "proration": True,
                    "proration_details": {"credited_items": credited},
                    "subscription": sub["id"],
                },
                "subscription_item_details": None,
                "type": "invoice_item_details",
            }
            found.append(line)
    return found


def _credited(books: Books, sub: Thing, item: Thing) -> dict[str, Any] | None:
    """The invoice on which the item was asked for at that price, the last one, and its line."""
    account = books.owners[sub["id"]]
    for bill in books.all("invoice", account, customer=sub["customer"]):
        for line in bill["lines"]["data"]:
            price = line["pricing"]["price_details"]["price"]
            if line["amount"] > 0 and price == item["price"]["id"]:
                return {"invoice": bill["id"], "invoice_line_items": [line["id"]]}
    return None


def use_credit(books: Books, made: Thing) -> None:
    """What the customer has left pays first; what an invoice owes the customer is kept for it."""
    buyer = books.things[made["customer"]]
    made["starting_balance"] = buyer["balance"]
    due = made["amount_due"] + buyer["balance"]
    buyer["balance"] = made["ending_balance"] = min(0, due)
    made["amount_due"] = made["amount_remaining"] = max(0, due)
    if made["starting_balance"] != made["ending_balance"]:
        books.emit("customer.updated", buyer, books.owners[buyer["id"]])
