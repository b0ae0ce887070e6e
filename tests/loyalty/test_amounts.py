"""The amount typed with a stamp is a purchase: once, and gone with the stamp."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.catalog.models import Purchase
from apps.catalog.queries import spending
from apps.core.actor import Actor
from apps.loyalty.services import TokenSpent, add_stamp, undo_stamp
from tests.factories import CardFactory, ProgrammeFactory

HELPER = Actor("team", 7)
NOW = timezone.now()


@pytest.fixture
def card(shop):
    ProgrammeFactory()
    return CardFactory()


def stamp(card, **more):
    return add_stamp(card=card, by=HELPER, **{"token": uuid4(), "now": NOW, **more})


def test_the_amount_typed_at_the_counter_is_a_purchase_of_the_person(card):
    token = uuid4()
    stamp(card, amount_cents=4250, token=token)
    purchase = Purchase.objects.get()
    assert (purchase.contact, purchase.amount_cents) == (card.contact, 4250)
    assert (purchase.source, purchase.reference, purchase.at) == ("counter", str(token), NOW)


def test_a_second_tap_does_not_buy_twice(card):
    token = uuid4()
    stamp(card, amount_cents=4250, token=token)
    assert stamp(card, amount_cents=4250, token=token).repeated
    assert spending(card.contact, NOW).cents == 4250


def test_an_undone_stamp_takes_its_purchase_back(card):
    done = stamp(card, amount_cents=4250)
    later = NOW + timedelta(minutes=2)
    for _twice in range(2):
        undo_stamp(movement=done.movement, token=uuid4(), by=HELPER, now=later)
    assert spending(card.contact, NOW).cents == 0
    assert Purchase.objects.get().cancelled_at == later


def test_a_refused_stamp_buys_nothing(card):
    token = uuid4()
    stamp(card, token=token)
    with pytest.raises(TokenSpent):
        stamp(CardFactory(), token=token, amount_cents=4250)
    assert not Purchase.objects.exists()


def test_a_stamp_without_an_amount_asks_nothing_of_the_catalogue(card, django_assert_num_queries):
    with django_assert_num_queries(5) as asked:
        stamp(card)
    assert not any("catalog_" in query["sql"] for query in asked.captured_queries)
    assert not Purchase.objects.exists()


def test_the_counter_s_one_field_is_enough(card, helper_client):
    form = {"token": str(uuid4()), "amount": "42,50"}
    helper_client.post(f"/comptoir/carte/{card.pk}/tampon/", form)
    assert spending(card.contact, NOW).cents == 4250
