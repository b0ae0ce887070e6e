"""Money that does not come, at the fake: refused for a while or for good, confirmed by the holder,
taken back by a bank days later, paid by another means."""

import pytest

from tests.payments.test_peer import ask, fake, subscribed
from tests.peers.stripe import billing

__all__ = ["fake"]
EXPIRED, CONFIRMED, LATE = (
    "4000 0000 0000 0069",
    "4000 0027 6000 3184",
    "FR8420041010050500013M02607",
)


def owing(fake, number):
    """A subscription whose second month could not be taken from ``number``; its open invoice."""
    sub = subscribed(fake)
    billing.use(fake.books, number, sub["customer"], fake.books.owners[sub["id"]])
    fake.advance(31)
    return sub, fake.books.things[sub["latest_invoice"]]


def why(fake, invoice):
    paid = ask(fake, "get", "invoice_payments", invoice=invoice["id"],
               **{"expand[]": "data.payment.payment_intent"}).json()  # fmt: skip
    return paid["data"][0]["payment"]["payment_intent"]


def test_who_is_there_confirms_at_once_and_is_asked_again_when_away(fake):
    sub = subscribed(fake, CONFIRMED)
    assert sub["status"] == "active"
    fake.advance(31)
    assert fake.books.things[sub["id"]]["status"] == "past_due"


@pytest.mark.parametrize(
    ("number", "code", "reason", "status"),
    [
        ("4000 0000 0000 9995", "card_declined", "insufficient_funds", "requires_payment_method"),
        (EXPIRED, "expired_card", "expired_card", "requires_payment_method"),
        (CONFIRMED, "authentication_required", "authentication_required", "requires_action"),
    ],
)
def test_each_refusal_says_why(fake, number, code, reason, status):
    sub, invoice = owing(fake, number)
    intent = why(fake, invoice)
    assert (sub["status"], intent["status"]) == ("past_due", status)
    error = intent["last_payment_error"]
    assert (error["code"], error["decline_code"]) == (code, reason)


def test_a_debit_is_refused_days_later(fake):
    sub, invoice = owing(fake, LATE)
    assert (sub["status"], invoice["status"]) == ("active", "open")
    fake.advance(6)
    assert (sub["status"], invoice["status"]) == ("past_due", "open")


def test_the_invoices_page_takes_another_card_for_good(fake):
    sub, invoice = owing(fake, EXPIRED)
    path = invoice["hosted_invoice_url"].removeprefix(fake.url)
    assert "30,00 €" in fake.shown(path)
    fake.pressed(path, {"act": "pay", "number": "4242 4242 4242 4242"})
    assert (sub["status"], invoice["status"]) == ("active", "paid")
    fake.advance(31)
    assert sub["status"] == "active"


def test_the_holder_confirms_to_the_bank(fake):
    sub, invoice = owing(fake, CONFIRMED)
    path = invoice["hosted_invoice_url"].removeprefix(fake.url)
    assert "Confirmer" in fake.shown(path)
    fake.pressed(path, {"act": "confirm"})
    assert (sub["status"], invoice["status"]) == ("active", "paid")


def test_a_means_that_is_kept_pays_once_it_is_named(fake):
    sub, invoice = owing(fake, EXPIRED)
    kept = ask(fake, "post", "checkout/sessions", "s2", mode="setup", customer=sub["customer"],
               success_url="http://x/").json()  # fmt: skip
    fake.pay(kept["url"])
    assert sub["status"] == "past_due"
    session = ask(fake, "get", f"checkout/sessions/{kept['id']}", **{"expand[]": "setup_intent"})
    method = session.json()["setup_intent"]["payment_method"]
    refused = ask(fake, "post", f"invoices/{invoice['id']}/pay", "p1")
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "expired_card")
    ask(fake, "post", f"subscriptions/{sub['id']}", "d", default_payment_method=method)
    assert ask(fake, "post", f"invoices/{invoice['id']}/pay", "p2").json()["status"] == "paid"


def test_a_rest_ends_on_its_day_and_a_term_on_its_own(fake):
    sub = subscribed(fake)
    resumes = fake.books.now() + 45 * 86_400
    rests = {"pause_collection[behavior]": "void", "pause_collection[resumes_at]": resumes}
    ask(fake, "post", f"subscriptions/{sub['id']}", "r", **rests)
    fake.advance(31)
    assert len(fake.books.all("invoice")) == 1
    fake.advance(30)
    assert (len(fake.books.all("invoice")), sub["pause_collection"]) == (2, None)
    ask(fake, "post", f"subscriptions/{sub['id']}", "e", cancel_at=billing.period_end(sub))
    fake.advance(31)
    assert sub["status"] == "canceled"
