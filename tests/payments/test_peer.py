"""The fake that stands in for Stripe: what it must keep to, and how near its objects come."""

import json

import pytest
import requests

from tests.environment import ROOT
from tests.payments.conftest import CARD, POOR, SEPA
from tests.peers.stripe import billing, fake_stripe
from tests.peers.stripe.posting import Postman

EXAMPLES = "shared/data/stripe/fixtures3.json"  # beside the project, or two folders up
FIXTURES = next((top / EXAMPLES for top in ROOT.parents if (top / EXAMPLES).exists()), None)
KEY = "sk_test_" + "0" * 24
# Ours alone: an id that stands where Stripe's example shows the object, or the other way round.
FREE = {
    *("metadata", "price", "recurring", "tax_rates", "default_tax_rates", "flow", "controller"),
    *("payment", "last_payment_error"),
    *("pricing", "payment_method_details"),
}


@pytest.fixture
def fake():
    with fake_stripe() as found:
        yield found


def ask(fake, method, path, key="", **said):
    headers = {"Authorization": f"Bearer {KEY}", **({"Idempotency-Key": key} if key else {})}
    sent = {"params": said} if method == "get" else {"data": said}
    return requests.request(method, f"{fake.url}/v1/{path}", headers=headers, timeout=60, **sent)


def subscribed(fake, number=CARD, **said):
    ask(fake, "post", "products", "p", id="cave", name="Club")
    price = ask(
        fake, "post", "prices", "q", product="cave", currency="eur", unit_amount="3000"
    ).json()
    buyer = ask(fake, "post", "customers", "c", email="a@exemple.fr").json()
    session = ask(
        fake,
        "post",
        "checkout/sessions",
        "s",
        mode="subscription",
        customer=buyer["id"],
        success_url="http://x/",
        **{"line_items[0][price]": price["id"], **said},
    ).json()
    fake.pay(session["url"], number)
    return fake.books.all("subscription")[0]


def bought(fake, number=CARD):
    """Paid once, of no subscription."""
    buyer = ask(fake, "post", "customers", "d", email="b@exemple.fr").json()
    line = {"currency": "eur", "unit_amount": "9600", "product_data][name": "Cadeau"}
    session = ask(
        fake,
        "post",
        "checkout/sessions",
        "o",
        mode="payment",
        customer=buyer["id"],
        success_url="http://x/",
        **{f"line_items[0][price_data][{name}]": value for name, value in line.items()},
        **{"payment_intent_data[metadata][reference]": "cadeau"},
    ).json()
    fake.pay(session["url"], number)
    return fake.books.all("payment_intent")[0]


def states(fake, sub, *days):
    found = [sub["status"]]
    for more in days:
        fake.advance(more)
        found.append(sub["status"])
    return found


def test_a_write_without_a_key_is_refused(fake):
    assert ask(fake, "post", "customers").status_code == 400


def test_the_same_key_gives_the_same_answer_and_another_body_a_refusal(fake):
    first = ask(fake, "post", "customers", "k", name="Un")
    again = ask(fake, "post", "customers", "k", name="Un")
    other = ask(fake, "post", "customers", "k", name="Deux")
    assert first.json() == again.json()
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert len(fake.books.all("customer")) == 1


def test_without_a_key_of_stripes_nobody_is_let_in(fake):
    assert requests.get(f"{fake.url}/v1/account", timeout=60).status_code == 401


def test_a_connected_account_has_objects_of_its_own(fake):
    made = ask(fake, "post", "accounts", "a", country="FR").json()
    theirs = {"Authorization": f"Bearer {KEY}", "Stripe-Account": made["id"]}
    buyer = ask(fake, "post", "customers", "c").json()
    found = requests.get(f"{fake.url}/v1/customers/{buyer['id']}", headers=theirs, timeout=60)
    assert (found.status_code, found.json()["error"]["code"]) == (404, "resource_missing")


def test_a_subscription_lives_from_month_to_month(fake):
    sub = subscribed(fake)
    assert states(fake, sub, 31, 31) == ["active"] * 3
    assert [one["status"] for one in fake.books.all("invoice")] == ["paid"] * 3


def test_a_month_goes_by_at_the_press_of_a_button(fake):
    sub = subscribed(fake)
    shown = requests.get(f"{fake.url}/", timeout=5).text
    assert "Avancer d’un mois" in shown
    assert "Stripe, le " in shown
    requests.post(f"{fake.url}/", data={"days": "31"}, timeout=5).raise_for_status()
    assert fake.books.things[sub["latest_invoice"]]["billing_reason"] == "subscription_cycle"
    assert requests.post(f"{fake.url}/", data={"days": "-1"}, timeout=5).status_code == 400


def test_a_card_that_fails_is_tried_four_times_and_then_given_up(fake):
    sub = subscribed(fake)
    buyer = sub["customer"]
    billing.use(fake.books, "4000 0000 0000 0341", buyer, fake.books.owners[sub["id"]])
    assert states(fake, sub, 31, 3, 5, 7) == [
        "active", "past_due", "past_due", "past_due", "canceled",
    ]  # fmt: skip
    assert fake.books.all("invoice")[0]["attempt_count"] == 4


def test_a_debit_is_pending_for_days(fake):
    subscribed(fake, SEPA)
    assert fake.books.all("charge")[0]["status"] == "pending"
    fake.advance(6)
    assert fake.books.all("charge")[0]["status"] == "succeeded"


def test_what_is_bought_once_is_paid_once(fake):
    intent = bought(fake)
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 9600)
    assert intent["metadata"] == {"reference": "cadeau"}
    assert not fake.books.all("subscription")


def test_what_is_bought_once_by_a_debit_takes_days(fake):
    intent = bought(fake, SEPA)
    assert intent["status"] == "processing"
    fake.advance(6)
    assert intent["status"] == "succeeded"
    assert fake.events[-1]["type"] == "checkout.session.async_payment_succeeded"


def test_a_first_payment_that_fails_leaves_it_incomplete(fake):
    assert subscribed(fake, POOR)["status"] == "incomplete"


def test_money_goes_back_once_and_a_bank_may_contest(fake):
    subscribed(fake)
    (paid,) = fake.books.all("charge")
    assert ask(fake, "post", "refunds", "r1", charge=paid["id"], amount="1000").status_code == 200
    assert ask(fake, "post", "refunds", "r2", charge=paid["id"], amount="2500").status_code == 400
    assert ask(fake, "post", "refunds", "r3", charge=paid["id"]).json()["amount"] == 2000
    fake.control("/tests/dispute", {"charge": paid["id"]})
    assert [event["type"] for event in fake.events[-1:]] == ["charge.dispute.created"]


def test_its_books_outlive_it(tmp_path):
    with fake_stripe(path=tmp_path / "books.json") as first:
        sub = subscribed(first)
    with fake_stripe(path=tmp_path / "books.json") as again:
        assert again.books.things[sub["id"]]["status"] == "active"
        assert (
            ask(again, "post", "customers", "c", email="a@exemple.fr").json()["id"]
            == (sub["customer"])
        )


def test_events_are_posted_until_they_are_taken(fake):
    taken, refusals = [], iter([True, True])

    class Stubborn(Postman):
        def _post(self, event):
            if next(refusals, False):
                return False
            taken.append(event["id"])
            return True

    subscribed(fake)
    postman = Stubborn(fake.books, "", "")
    try:
        postman.ring()
        wanted = [event["id"] for event in fake.events]
        for _ in range(600):
            if taken == wanted:
                break
            postman._over.wait(0.05)
        assert taken == wanted
    finally:
        postman.stop()


# --- the shapes ----------------------------------------------------------------------------


def compare(mine, theirs, where):
    """Every field of ours is one of Stripe's, of the same kind where both say something."""
    for name, value in mine.items():
        assert name in theirs, f"{where}.{name} is no field of Stripe's"
        if value is None or theirs[name] is None or name in FREE:
            continue
        if isinstance(value, dict):
            if theirs[name]:
                compare(value, theirs[name], f"{where}.{name}")
        elif not isinstance(value, list):
            numbers = isinstance(value, int | float) and isinstance(theirs[name], int | float)
            assert numbers or type(value) is type(theirs[name]), f"{where}.{name}"


@pytest.mark.skipif(FIXTURES is None, reason="Stripe's examples are not here")
def test_its_objects_have_stripes_shape(fake):
    examples = json.loads(FIXTURES.read_text())["resources"]
    bought(fake)
    sub = subscribed(fake)
    ask(fake, "post", "billing_portal/sessions", "b", customer=sub["customer"])
    ask(fake, "post", "refunds", "r", charge=fake.books.all("charge")[0]["id"])
    fake.control("/tests/dispute", {"charge": fake.books.all("charge")[0]["id"]})
    ask(fake, "post", "tax_rates", "t", display_name="TVA", percentage="20", inclusive="false")
    seen = set()
    for thing in [*fake.books.things.values(), *fake.events]:
        kind, shown = thing["object"], {k: v for k, v in thing.items() if k != "asked"}
        if kind == "event":
            shown = {k: v for k, v in shown.items() if k not in ("data", "account")}
        compare(shown, examples[kind], kind)
        seen.add(kind)
    assert len(seen) >= 13
