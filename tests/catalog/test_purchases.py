"""What people bought: kept once, added up, and what it says of their taste."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.catalog.details import Kind
from apps.catalog.facts import PurchaseRecorded
from apps.catalog.models import Product, Purchase, PurchaseSource
from apps.catalog.queries import purchases_of, spending, taste
from apps.catalog.services import purchases
from apps.catalog.services.products import ProductWords, VariantWords, save_product
from apps.catalog.services.purchases import (
    LineWords,
    Receipt,
    Receipts,
    WrongLines,
    cancel_purchase,
    record_purchase,
)
from apps.core.actor import Actor
from tests.factories import ContactFactory

OWNER = Actor("team", 1)
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


def bought(contact, cents: int, reference: str, at=NOW, lines=()) -> Purchase:
    return record_purchase(
        contact=contact,
        amount_cents=cents,
        at=at,
        source=PurchaseSource.TILL,
        reference=reference,
        lines=lines,
    )[0]


def test_a_ticket_sent_twice_is_one_purchase(shop):
    person = ContactFactory()
    first = bought(person, 2980, "T-1")
    assert bought(person, 2980, "T-1") == first
    assert spending(person, NOW).cents == 2980


def test_lines_must_add_up(shop):
    with pytest.raises(WrongLines):
        bought(ContactFactory(), 2980, "T-1", lines=[LineWords("Morgon", 1490)])


def test_a_return_is_taken_off_and_is_no_visit_to_the_till(shop):
    person = ContactFactory()
    bought(person, 4470, "T-1", NOW - timedelta(days=3))
    bought(person, -1490, "T-2")
    told = spending(person, NOW)
    assert (told.cents, told.purchases, told.last_at) == (2980, 1, NOW - timedelta(days=3))


def test_a_cancelled_purchase_counts_nowhere(shop):
    person = ContactFactory()
    purchase = bought(person, 2980, "T-1")
    assert cancel_purchase(purchase=purchase, by=OWNER, now=NOW)
    assert not cancel_purchase(purchase=purchase, by=OWNER, now=NOW)
    assert spending(person, NOW).cents == 0


def test_a_merged_record_s_purchases_are_the_person_s(shop):
    person = ContactFactory()
    bought(person, 1000, "T-1")
    bought(ContactFactory(merged_into=person), 500, "T-2")
    assert spending(person, NOW).cents == 1500
    assert purchases_of(person).count() == 2


def test_taste_is_what_was_bought_most_whatever_the_catalogue_says_later(shop):
    person = ContactFactory()
    words = ProductWords(
        "Morgon", Kind.WINE, [VariantWords(1490)], {"region": "beaujolais", "colour": "rouge"}
    )
    product = save_product(words, by=OWNER, now=NOW)
    red = LineWords("Morgon", 2980, units=2, variant=product.variants.get())
    white = LineWords("Sancerre", 1800, colour="blanc", region="loire")
    bought(person, 4780, "T-1", lines=[red, white])
    Product.objects.update(colour="blanc", region="loire")
    assert taste(person, "colour") == [("rouge", 2), ("blanc", 1)]
    assert taste(person, "region") == [("beaujolais", 2), ("loire", 1)]


@pytest.mark.parametrize("source", ["counter", "till"])
def test_a_purchase_is_news_once(shop, monkeypatch, source):
    told = []
    monkeypatch.setattr(purchases, "announce", told.append)
    person = ContactFactory()
    for _twice in range(2):
        purchase, _is_new = record_purchase(
            contact=person, amount_cents=990, at=NOW, source=PurchaseSource(source), reference="T-9"
        )
    assert told == [PurchaseRecorded(purchase_id=purchase.pk)]


def test_what_a_file_tells_is_no_news(shop, monkeypatch):
    told = []
    monkeypatch.setattr(purchases, "announce", told.append)
    words = LineWords("Morgon", 1490, reference="file:2")
    receipts = Receipts("file", [receipt := Receipt(ContactFactory(), NOW, words)])
    assert receipts.take(receipt)
    receipts.write()
    assert Purchase.objects.get().amount_cents == 1490
    assert told == []
