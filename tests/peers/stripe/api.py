"""``/v1/``: which request makes, changes or lists what."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.peers.stripe import billing, money, owing, pages, shapes
from tests.peers.stripe.books import PLATFORM, Books, StripeError, Thing


@dataclass(frozen=True)
class Asked:
    """A request to the API: ``said`` is its form or query, ``account`` whose objects it means."""

    method: str
    path: str
    said: Thing
    account: str
    key: str


KINDS = {
    "application_fees": "application_fee",
    "balance_transactions": "balance_transaction",
    "charges": "charge",
    "checkout/sessions": "checkout.session",
    "customers": "customer",
    "disputes": "dispute",
    "invoice_payments": "invoice_payment",
    "invoices": "invoice",
    "payment_intents": "payment_intent",
    "payment_methods": "payment_method",
    "payouts": "payout",
    "prices": "price",
    "products": "product",
    "refunds": "refund",
    "setup_intents": "setup_intent",
    "subscriptions": "subscription",
    "tax_rates": "tax_rate",
}
# Of a list's query: fields of the objects themselves.
FILTERS = ("customer", "charge", "invoice", "product", "status", "subscription")
OF_MONEY = ("payment_intent", "source")


def answer(books: Books, asked: Asked, base: str) -> Thing:
    """Raises ``StripeError``."""
    path = asked.path.removeprefix("/v1/").strip("/")
    if path == "account":
        return books.things[asked.account]
    if path == "events" or path.startswith("events/"):
        return _events(books, asked, path.partition("/")[2])
    if path.startswith("account"):
        return _connect(books, asked, path, base)
    if path == "billing_portal/sessions":
        return _portal(books, asked, base)
    folder = next((one for one in KINDS if f"{path}/".startswith(f"{one}/")), None)
    if folder is None:
        raise StripeError(404, f"Unrecognized request URL ({asked.method}: {asked.path})")
    money.settle(books, asked.account)
    name, _, verb = path.removeprefix(folder).strip("/").partition("/")
    if not name and asked.method == "POST":
        found = _make(books, KINDS[folder], asked, base)
    elif not name:
        return _list(books, KINDS[folder], asked)
    else:
        found = books.find(KINDS[folder], name, asked.account)
        if asked.method != "GET":
            _change(books, found, asked, verb)
    return expanded(books, pages.public(found), asked.said)


def _events(books: Books, asked: Asked, name: str) -> Thing:
    mine = [event for event in books.events if event.get("account", PLATFORM) == asked.account][
        ::-1
    ]
    if not name:
        kind = asked.said.get("type")
        found = [event for event in mine if kind in (None, event["type"])]
        return _page(found, asked.said, "/v1/events")
    one = next((event for event in mine if event["id"] == name), None)
    if one is None:
        raise StripeError(404, f"No such event: '{name}'", "resource_missing")
    return one


def _make(books: Books, kind: str, asked: Asked, base: str) -> Thing:
    said, account = asked.said, asked.account
    if kind == "refund":
        return money.give_back(books, said, account)
    if kind == "subscription":
        return billing.begin(books, said["customer"], said, account)
    if kind == "checkout.session":
        return _checkout(books, said, account, base)
    make: Callable[[Books, Thing], Thing] | None = {
        "customer": shapes.customer,
        "price": shapes.price,
        "product": shapes.product,
        "tax_rate": shapes.tax_rate,
    }.get(kind)
    if make is None:
        raise StripeError(404, f"A {kind} is not made by a request")
    _check_new(books, kind, said, account)
    made = books.put(make(books, said), account)
    books.emit(f"{kind}.created", made, account)
    return made


def _check_new(books: Books, kind: str, said: Thing, account: str) -> None:
    if said.get("id") in books.things:
        raise StripeError(400, f"{kind} already exists.", "resource_already_exists")
    lookup = said.get("lookup_key")
    if lookup and books.all("price", account, lookup_key=lookup):
        raise StripeError(400, f"A price already uses the lookup key `{lookup}`.")
    if kind == "price" and "product_data" in said:
        made = books.put(shapes.product(books, said["product_data"]), account)
        said["product"] = made["id"]
        books.emit("product.created", made, account)
    elif kind == "price":
        books.find("product", said["product"], account)


def _checkout(books: Books, said: Thing, account: str, base: str) -> Thing:
    if said.get("customer"):
        books.find("customer", said["customer"], account)
    for line in said.get("line_items", {}).values():
        if "price" in line:
            books.find("price", line["price"], account)
    trial = said.get("subscription_data", {}).get("trial_end")
    if trial and int(trial) < books.now() + 2 * 86_400:
        raise StripeError(400, "The `trial_end` date has to be at least 2 days in the future.")
    session = books.put(shapes.checkout_session(books, said), account)
    session |= {"url": f"{base}/checkout/{session['id']}", "asked": said}
    return session


def _portal(books: Books, asked: Asked, base: str) -> Thing:
    books.find("customer", asked.said["customer"], asked.account)
    made = books.put(shapes.portal_session(books, asked.said), asked.account)
    made["url"] = f"{base}/portail/{made['id']}"
    return made


def _connect(books: Books, asked: Asked, path: str, base: str) -> Thing:
    if path == "account_links":
        account = books.find("account", asked.said["account"], asked.said["account"])
        account["returns_to"] = asked.said["return_url"]
        now = books.now()
        url = f"{base}/compte/{account['id']}"
        return {"object": "account_link", "created": now, "expires_at": now + 300, "url": url}
    name = path.removeprefix("accounts").strip("/")
    if name:
        found = books.things.get(name)
        if found is None or found["object"] != "account":
            raise StripeError(403, "No such account", "account_invalid")
    else:
        found = shapes.account(books, asked.said)
        books.put(found, found["id"])
    return {k: v for k, v in found.items() if k != "returns_to"}


def _change(books: Books, thing: Thing, asked: Asked, verb: str) -> None:
    account, kind = asked.account, thing["object"]
    if kind == "subscription" and asked.method == "DELETE":
        billing.end(books, thing)
    elif kind == "subscription":
        billing.change(books, thing, asked.said)
    elif kind == "invoice" and verb == "pay":
        parent = thing["parent"]["subscription_details"]
        owing.pay(books, thing, books.things[parent["subscription"]])
    elif kind == "checkout.session" and verb == "expire":
        if thing["status"] != "open":
            raise StripeError(400, "Only open Checkout Sessions can be expired.")
        thing["status"] = "expired"
        books.emit("checkout.session.expired", pages.public(thing), account)
    elif asked.method == "POST" and not verb:
        thing["metadata"] |= asked.said.get("metadata", {})
        thing |= {k: v for k, v in asked.said.items() if k != "metadata" and k in thing}
        books.emit(f"{kind}.updated", thing, account)
    else:
        raise StripeError(404, f"Unrecognized request URL ({asked.method}: {asked.path})")


def _list(books: Books, kind: str, asked: Asked) -> Thing:
    said = asked.said
    wanted = {field: said[field] for field in (*FILTERS, *OF_MONEY) if field in said}
    if wanted.get("status") == "all":
        del wanted["status"]
    found = books.all(kind, asked.account, **wanted)
    if kind == "subscription" and "status" not in said:
        found = [one for one in found if one["status"] != "canceled"]
    if "lookup_keys" in said:
        keys = said["lookup_keys"].values()
        found = [one for one in found if one["lookup_key"] in keys]
    if "active" in said:
        found = [one for one in found if str(one["active"]).lower() == said["active"]]
    if "payment" in said:  # of an invoice's payments
        intent = said["payment"]["payment_intent"]
        found = [one for one in found if one["payment"]["payment_intent"] == intent]
    if since := int(said.get("created", {}).get("gte", 0)):
        found = [one for one in found if one["created"] >= since]
    page = _page([pages.public(one) for one in found], said, asked.path)
    paths = said.get("expand", {}).values()
    inside = {"expand": {str(n): one.removeprefix("data.") for n, one in enumerate(paths)}}
    page["data"] = [expanded(books, one, inside) for one in page["data"]]
    return page


def _page(found: list[Thing], said: Thing, url: str) -> Thing:
    if after := said.get("starting_after"):
        place = next((n for n, one in enumerate(found) if one["id"] == after), len(found))
        found = found[place + 1 :]
    most = int(said.get("limit", 10))
    return shapes.listed(found[:most], url, has_more=len(found) > most)


def expanded(books: Books, thing: Thing, said: Thing) -> Thing:
    """A copy in which the objects named by ``expand[]`` stand where their ids were."""
    made = deepcopy(thing)
    for path in said.get("expand", {}).values():
        if thing["object"] == "invoice" and path == "payments":  # left out unless asked for
            found = books.all("invoice_payment", books.owners[thing["id"]], invoice=thing["id"])
            made["payments"] = shapes.listed(deepcopy(found), "/v1/invoice_payments")
        _expand(books, made, path.split("."))
    return made


def _expand(books: Books, place: Any, path: list[str]) -> None:
    if isinstance(place, list):
        for one in place:
            _expand(books, one, path)
        return
    field, rest = path[0], path[1:]
    if isinstance(place.get(field), str):
        place[field] = deepcopy(books.things[place[field]])
    if rest and place.get(field):
        _expand(books, place[field], rest)
